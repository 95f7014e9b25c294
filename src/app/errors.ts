import { InvalidArgumentError } from "../errors/arguments.ts";
import { unitsText } from "./reply.ts";

/** What of an answer that says no is fal's business. */
export interface AppErrorOptions {
  /** What the caller is charged, in the endpoint's unit. @default 0 for 404, 405 and 422; else what fal takes by default */
  readonly billableUnits?: number;
  /**
   * Whether fal's queue is to try it once more, on whichever runner: `X-Fal-Needs-Retry`. @default what fal makes of the
   * status: 503 and 504 are tried again
   */
  readonly retry?: boolean;
  /** Whether fal is to end this runner: `x-fal-stop-runner`. @default what fal makes of the status: 503 ends it */
  readonly stopRunner?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/**
 * An answer that says no, thrown anywhere below a handler: `{ "detail": … }` with the status.
 *
 * @example throw new AppError(404, "There is no such picture.");
 * @throws {InvalidArgumentError} for a status that is none of an error, for `retry` with one on which fal ignores it, and for
 * units and headers that cannot be sent.
 */
export class AppError extends Error {
  override readonly name: string = "AppError";
  readonly status: number;
  /** The answer's `detail`. */
  readonly detail: unknown;
  readonly billableUnits: number | undefined;
  readonly retry: boolean | undefined;
  readonly stopRunner: boolean | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string | readonly object[], options: AppErrorOptions = {}) {
    const message = typeof detail === "string" ? detail : JSON.stringify(detail);
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    checkStatus(status, options);
    if (options.billableUnits !== undefined) unitsText(options.billableUnits);
    checkHeaders(options.headers);
    this.status = status;
    this.detail = detail;
    this.billableUnits = options.billableUnits;
    this.retry = options.retry;
    this.stopRunner = options.stopRunner;
    this.headers = options.headers ?? {};
  }
}

function checkHeaders(headers: AppErrorOptions["headers"]): void {
  try {
    new Headers(headers);
  } catch (cause) {
    throw new InvalidArgumentError("The headers of an error are names and values in latin-1.", { cause });
  }
}

/** fal heeds `X-Fal-Needs-Retry` on these only: https://fal.ai/docs/documentation/serverless/reliability/retries */
const isHeeded = (status: number): boolean => status === 429 || status >= 500;

function checkStatus(status: number, { retry }: AppErrorOptions): void {
  if (!Number.isInteger(status) || status < 400 || status > 599) {
    throw new InvalidArgumentError(`The status of an error is 400 to 599, and not ${String(status)}.`);
  }
  if (retry !== undefined && !isHeeded(status)) {
    throw new InvalidArgumentError(
      `fal ignores X-Fal-Needs-Retry on status ${status}. Use 429 or 5xx, or leave retry out.`,
    );
  }
}

export interface FieldErrorOptions extends AppErrorOptions {
  /** One of fal's, such as `content_policy_violation`. https://fal.ai/docs/documentation/model-apis/errors @default "value_error" */
  readonly type?: string;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/**
 * A 422 about one field of the input, in fal's form.
 *
 * @param field Its name, or the path to it.
 * @example throw new FieldError("prompt", "is not a prompt for children", { type: "content_policy_violation" });
 */
export class FieldError extends AppError {
  override readonly name = "FieldError";

  constructor(
    field: string | readonly (string | number)[],
    message: string,
    options: FieldErrorOptions = {},
  ) {
    const { type = "value_error", ctx, ...rest } = options;
    const loc = ["body", ...(typeof field === "string" ? [field] : field)];
    super(422, [{ loc, msg: message, type, ...(ctx && { ctx }) }], rest);
  }
}

/**
 * To be thrown where another runner may succeed: fal's queue tries the request again, up to ten times in all. A direct call
 * is told that it may.
 *
 * @example throw retryElsewhere("The disk is full.");
 * @param options.status 429 or 5xx, since fal ignores the wish on any other. 503 also ends this runner. @default 500
 * @throws {InvalidArgumentError} for another status.
 */
export const retryElsewhere = (
  message: string,
  { status = 500, ...options }: Omit<AppErrorOptions, "retry"> & { readonly status?: number } = {},
): AppError => new AppError(status, message, { ...options, retry: true });

/**
 * To be thrown where this runner is broken: fal ends it. An answer that is good all the same says so with
 * `reply.stopRunner` instead.
 *
 * @example throw stopRunner("The model does not answer any more.", { retry: true });
 * @param options.status 400 to 599; with `retry`, one on which fal heeds that. @default 500
 * @throws {InvalidArgumentError} for another status.
 */
export const stopRunner = (
  message: string,
  { status = 500, ...options }: Omit<AppErrorOptions, "stopRunner"> & { readonly status?: number } = {},
): AppError => new AppError(status, message, { ...options, stopRunner: true });
