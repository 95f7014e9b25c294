import { billableUnits } from "../money/cost.ts";
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
  msg: string;
  loc: (string | number)[];
  type: string;
  ctx?: Record<string, unknown>;
}

/** An answer that says no. The fields are those of the official client, and more. */
// biome-ignore lint/suspicious/noExplicitAny: what an answer holds that says no, only the caller can know
export class ApiError<Body = any> extends FalError {
  override readonly name: string = "ApiError";
  readonly code: "api" | "validation" | "account_locked" = "api";
  readonly status: number;
  declare readonly body: Body;
  /** Empty where the answer named none. */
  declare readonly requestId: string;
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

  /** With fal's own body, without the inputs that its validation quotes. */
  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), body: withoutInput(this.body) };
  }

  get isUserTimeout(): boolean {
    return this.status === 504 && this.timeoutType === "user";
  }
}

/** fal's validation quotes the input back, and that may be a prompt. */
export function withoutInput(body: unknown): unknown {
  const detail: unknown = (body as { detail?: unknown } | null)?.detail;
  if (!Array.isArray(detail)) return body;
  const kept = detail.map((item: unknown) => {
    if (typeof item !== "object" || item === null || !("input" in item)) return item;
    const { input: _, ...rest } = item as Record<string, unknown>;
    return rest;
  });
  return { ...(body as object), detail: kept };
}

/** A 422: the input was not accepted, field by field. */
export class ValidationError extends ApiError<{ detail: ValidationErrorInfo[] }> {
  override readonly name = "ValidationError";
  override readonly code = "validation";

  get fieldErrors(): ValidationErrorInfo[] {
    // What a model answers is its author's, whatever its type says.
    const detail = (this.body as { detail?: unknown } | null | undefined)?.detail;
    if (typeof detail === "string") return [{ loc: ["body"], msg: detail, type: "value_error" }];
    return Array.isArray(detail) ? detail.filter((item) => typeof item?.msg === "string") : [];
  }

  /** The problems of one field, by its name. */
  getFieldErrors(field: string): ValidationErrorInfo[] {
    return this.fieldErrors.filter(({ loc }) => Array.isArray(loc) && loc.at(-1) === field);
  }
}

/**
 * A 403 that has nothing to do with the key: fal has locked the account, as when its balance is used up. Requests that were
 * accepted before stay there, and can be collected once it is unlocked; a run goes on when it is resumed then.
 */
export class AccountLockedError extends ApiError {
  override readonly name = "AccountLockedError";
  override readonly code = "account_locked";
  /** As fal words it: `Exhausted balance`, `Admin lock`, `TOP_UP`… */
  readonly reason: string;

  constructor(facts: ApiErrorFacts, reason: string) {
    const cure = /balance|top.?up/i.test(reason)
      ? "Top it up in fal's dashboard under Billing"
      : "Ask fal's support to unlock it";
    super({
      ...facts,
      message:
        `${facts.endpoint ? `${facts.endpoint}: ` : ""}fal has locked the account (${reason}). ${cure}, and go on: ` +
        "requests that were accepted can still be collected, and a run is resumed.",
    });
    this.reason = reason;
  }
}

const LOCKS: ReadonlySet<number> = new Set([401, 402, 403, 423]);

/** Seen live: `User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.` */
function lockOf({ status, body }: ApiErrorFacts): string | undefined {
  const said = LOCKS.has(status) ? (typeof body === "string" ? body : wordsOf(body)) : undefined;
  const found = /^user is locked\b[.:]?(?:\s*reason:\s*([^.;]+))?/i.exec(said?.slice(0, 1_000) ?? "");
  return found ? (found[1]?.trim() ?? "no reason given") : undefined;
}

/** The one place that makes an error of an answer. */
export function apiError(facts: ApiErrorFacts): ApiError {
  const lock = lockOf(facts);
  if (lock !== undefined) return new AccountLockedError(facts, lock);
  if (facts.status !== 422) return new ApiError(facts);
  return new ValidationError(facts as ConstructorParameters<typeof ValidationError>[0]);
}

const field = (body: unknown, name: string): unknown =>
  typeof body === "object" && body !== null ? (body as Record<string, unknown>)[name] : undefined;

/** fal's own words: the text of `detail`, or each field with its message. Never the `input` that it quotes back. */
function describe({ status, body, endpoint }: ApiErrorFacts): string {
  const words = cut(wordsOf(body), LONGEST_WORDS) || "the platform answered without a reason";
  return `${endpoint ? `${endpoint}: ` : ""}${words} (HTTP ${status})`;
}

/** What an answer says in words, wherever fal, a gateway or a model has them. A text is not told: it may be a page, or a prompt. */
function wordsOf(body: unknown): string | undefined {
  const [detail, error] = [field(body, "detail"), field(body, "error")];
  return [
    ...[detail, Array.isArray(detail) ? fieldProblems(detail) : field(detail, "message")],
    ...[error, field(error, "message"), field(body, "message"), field(body, "reason")],
    // A cancel that is refused has nothing else.
    field(body, "status"),
    // Proxies put it so; of a page of HTML nobody reads anything.
    isSentence(body) ? body : undefined,
  ].find((said): said is string => typeof said === "string" && said !== "");
}

const isSentence = (body: unknown): boolean => typeof body === "string" && /^[^<>{}\n]{1,200}$/.test(body);

/** A message is for people, whatever a model says. In characters, problems and parts of a path. */
const LONGEST_WORDS = 4_000;
const LONGEST_PART = 100;
/** Longer than any of fal's. The body has the whole. */
const LONGEST_TYPE = 200;
const MOST_PROBLEMS = 20;
const MOST_PARTS = 20;

function fieldProblems(detail: readonly unknown[]): string {
  const said = detail.slice(0, MOST_PROBLEMS).map(fieldProblem);
  const more = detail.length - said.length;
  return [...said, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

function fieldProblem(problem: unknown): string {
  const [loc, message] = [field(problem, "loc"), field(problem, "msg")];
  const path = (Array.isArray(loc) ? loc.slice(0, MOST_PARTS) : [])
    .filter((part, index) => /^(string|number)$/.test(typeof part) && !(index === 0 && part === "body"))
    .map((part) => cut(String(part), LONGEST_PART));
  return `${path.length > 0 ? `${path.join(".")}: ` : ""}${typeof message === "string" ? message : "invalid"}`;
}

const cut = (text = "", most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);

function errorTypeOf({ body, headers }: ApiErrorFacts): string | undefined {
  const detail = field(body, "detail");
  const candidates = [
    field(body, "error_type"),
    headers?.get("x-fal-error-type"),
    Array.isArray(detail) ? field(detail[0], "type") : undefined,
    field(body, "type"),
    field(field(body, "error"), "type"),
  ];
  const said = candidates.find((value): value is string => typeof value === "string" && value !== "");
  return said && cut(said, LONGEST_TYPE);
}

const FINAL_STATUSES = new Set([400, 401, 402, 403, 404, 405, 413, 422, 499]);

/** The two headers are spelt differently by different pages, and which one an endpoint sends is not established. */
function isRetryable({ status, headers }: ApiErrorFacts): boolean {
  const said = headers?.get("x-fal-retryable") ?? headers?.get("x-fal-needs-retry");
  if (said) return ["1", "true", "yes"].includes(said.toLowerCase());
  return !FINAL_STATUSES.has(status);
}

/**
 * Whether the answer to a result read is the model's own: its problems field by field. Whatever else says no may be a
 * gateway, a limit, the account or a network, and the request may have completed, and is paid for, all the same.
 * Source: https://fal.ai/docs/model-apis/errors
 */
export function isModelAnswer({ status, body }: Pick<ApiErrorFacts, "status" | "body">): boolean {
  const detail = field(body, "detail");
  const isOfModels = Array.isArray(detail) && detail.length > 0 && detail.every(isProblem);
  return isOfModels && ![401, 402, 403, 404, 408, 409, 423, 429, 451].includes(status);
}

const isProblem = (item: unknown): boolean =>
  typeof field(item, "msg") === "string" &&
  (field(item, "type") !== undefined || field(item, "loc") !== undefined);

/**
 * 5xx is never billed, and refusals before a request runs are not; a 422 may be: https://fal.ai/docs/model-apis/faq
 * And so may a failure with an answer that is a yes.
 */
function wasBilled({ status, headers }: ApiErrorFacts): boolean | "unknown" {
  const units = billableUnits(headers);
  // What fal counts of a failure of its own it does not bill, and only the bill says so for sure.
  if (units !== undefined && status >= 500) return units > 0 ? "unknown" : false;
  if (units !== undefined) return units > 0;
  return status === 422 || status === 499 || (status >= 200 && status < 300) ? "unknown" : false;
}
