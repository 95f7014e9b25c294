import { billableUnits } from "../money/billable-units.ts";
import { FalError } from "./fal-error.ts";

export interface ApiErrorFacts {
  readonly message?: string;
  readonly status: number;
  readonly body?: unknown;
  readonly requestId?: string | undefined;
  readonly timeoutType?: string | undefined;
  readonly headers?: Headers;
  readonly endpoint?: string | undefined;
  /** @default what the status says */
  readonly billed?: boolean | "unknown";
  readonly cause?: unknown;
}

/** One problem of one input field: https://fal.ai/docs/documentation/model-apis/errors */
export interface ValidationErrorInfo {
  readonly msg: string;
  readonly loc: readonly (string | number)[];
  readonly type: string;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** An answer that says no. The fields are those of the official client, and more. */
export class ApiError<Body = unknown> extends FalError {
  override readonly name: string = "ApiError";
  readonly code: "api" | "validation" = "api";
  readonly status: number;
  declare readonly body: Body;
  /** fal's `error_type` (or `X-Fal-Error-Type`, or the type of the first model error), where it sent one. */
  readonly errorType: string | undefined;
  /** `user` when the deadline that passed was the caller's own. */
  readonly timeoutType: string | undefined;
  declare readonly headers: Headers;

  constructor(facts: ApiErrorFacts) {
    const errorType = errorTypeOf(facts);
    super(facts.message ?? describe(facts), {
      endpoint: facts.endpoint,
      requestId: facts.requestId,
      retryable: isRetryable(facts),
      billed: facts.billed ?? wasBilled(facts),
      ...("cause" in facts ? { cause: facts.cause } : {}),
    });
    this.status = facts.status;
    this.errorType = errorType;
    this.timeoutType = facts.timeoutType ?? facts.headers?.get("x-fal-request-timeout-type") ?? undefined;
    // Not enumerable: fal's validation errors quote the input, and a logger that walks the error would print it.
    Object.defineProperty(this, "body", { value: facts.body, enumerable: false });
    Object.defineProperty(this, "headers", { value: facts.headers ?? new Headers(), enumerable: false });
  }

  get isUserTimeout(): boolean {
    return this.status === 504 && this.timeoutType === "user";
  }
}

/** A 422: the input was not accepted, field by field. */
export class ValidationError extends ApiError<{ detail?: readonly ValidationErrorInfo[] | string }> {
  override readonly name = "ValidationError";
  override readonly code = "validation";

  get fieldErrors(): readonly ValidationErrorInfo[] {
    const detail = this.body?.detail;
    if (typeof detail === "string") return [{ loc: ["body"], msg: detail, type: "value_error" }];
    return Array.isArray(detail) ? detail.filter((item) => typeof item?.msg === "string") : [];
  }

  /** The problems of one field, by its name. */
  getFieldErrors(field: string): readonly ValidationErrorInfo[] {
    return this.fieldErrors.filter(({ loc }) => Array.isArray(loc) && loc.at(-1) === field);
  }
}

/** The one place that makes an error of an answer. */
export const apiError = (facts: ApiErrorFacts): ApiError =>
  facts.status === 422
    ? new ValidationError(facts as ConstructorParameters<typeof ValidationError>[0])
    : new ApiError(facts);

const field = (body: unknown, name: string): unknown =>
  typeof body === "object" && body !== null ? (body as Record<string, unknown>)[name] : undefined;

/** fal's own words: the text of `detail`, or each field with its message. Never the `input` that it quotes back. */
function describe({ status, body, endpoint }: ApiErrorFacts): string {
  const detail = field(body, "detail");
  const fields = Array.isArray(detail) ? detail.map(fieldProblem).join("; ") : undefined;
  const words = [detail, fields, field(field(body, "error"), "message")].find(
    (said) => typeof said === "string",
  );
  return `${endpoint ? `${endpoint}: ` : ""}${words || "the platform answered without a reason"} (HTTP ${status})`;
}

function fieldProblem(problem: unknown): string {
  const [loc, message] = [field(problem, "loc"), field(problem, "msg")];
  const path = (Array.isArray(loc) ? loc : []).filter((part, index) => !(index === 0 && part === "body"));
  return `${path.length > 0 ? `${path.join(".")}: ` : ""}${typeof message === "string" ? message : "invalid"}`;
}

function errorTypeOf({ body, headers }: ApiErrorFacts): string | undefined {
  const detail = field(body, "detail");
  const candidates = [
    field(body, "error_type"),
    headers?.get("x-fal-error-type"),
    Array.isArray(detail) ? field(detail[0], "type") : undefined,
    field(body, "type"),
    field(field(body, "error"), "type"),
  ];
  return candidates.find((value): value is string => typeof value === "string" && value !== "");
}

const FINAL_STATUSES = new Set([400, 401, 402, 403, 404, 405, 413, 422, 499]);

/** The two headers are spelt differently by different pages, and which one an endpoint sends is not established. */
function isRetryable({ status, headers }: ApiErrorFacts): boolean {
  const said = headers?.get("x-fal-retryable") ?? headers?.get("x-fal-needs-retry");
  if (said) return ["1", "true", "yes"].includes(said.toLowerCase());
  return !FINAL_STATUSES.has(status);
}

/**
 * Whether the answer to a read is the request's own end. A gateway, a limit, a key that may not read or a result that is
 * gone says nothing of it: it may have completed, and then it is paid for.
 */
export const isOwnEnd = ({ status, body }: Pick<ApiErrorFacts, "status" | "body">): boolean =>
  ![401, 403, 404, 408, 429].includes(status) && field(body, "detail") !== undefined;

/**
 * 5xx is never billed, and refusals before a request runs are not; a 422 may be: https://fal.ai/docs/model-apis/faq
 * And so may a failure with an answer that is a yes.
 */
function wasBilled({ status, headers }: ApiErrorFacts): boolean | "unknown" {
  const units = billableUnits(headers);
  if (units !== undefined) return units > 0;
  return status === 422 || status === 499 || (status >= 200 && status < 300) ? "unknown" : false;
}
