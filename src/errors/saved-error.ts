import { billableUnits, billedHeaders } from "../money/billable-units.ts";
import { ApiError, apiError } from "./api.ts";
import type { FalErrorCode } from "./codes.ts";
import { FalError } from "./fal-error.ts";
import { kindOf } from "./registry.ts";

/** An error as it is kept: the facts, without payload or stack. Plain JSON. */
export interface SavedError {
  readonly name: string;
  /** That of a `FalError`; `unexpected` for any other. */
  readonly code: FalErrorCode | "unexpected";
  readonly message: string;
  readonly endpoint?: string;
  readonly requestId?: string;
  readonly status?: number;
  readonly errorType?: string;
  readonly retryable: boolean;
  readonly billed: boolean | "unknown";
  /** What only its class has, such as the fields that a validation found wrong. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** An error as the store keeps it. Messages hold no prompt and no key, so they may be written down. */
export function savedError(error: unknown): SavedError {
  if (!(error instanceof FalError)) {
    const name = error instanceof Error ? error.name : "Error";
    const message = error instanceof Error ? error.message : String(error);
    return { name, code: "unexpected", message, retryable: false, billed: "unknown" };
  }
  const { name, code, message, endpoint, requestId, retryable, billed } = error;
  const { status, errorType } = error instanceof ApiError ? error : {};
  const facts = factsOf(error);
  return {
    name,
    code,
    message,
    retryable,
    billed,
    ...(endpoint !== undefined && { endpoint }),
    ...(requestId !== undefined && { requestId }),
    ...(status !== undefined && { status }),
    ...(errorType !== undefined && { errorType }),
    ...(facts && { facts }),
  };
}

/** The same for a submit that was not accepted: nothing is paid for it, unless fal says that it bills it. */
export function savedRefusal(error: unknown): SavedError {
  const saved = savedError(error);
  return { ...saved, billed: saved.billed === true };
}

function factsOf(error: FalError): Facts | undefined {
  if (error instanceof ApiError) {
    const detail: unknown = (error.body as { detail?: unknown } | undefined)?.detail;
    const kept = Array.isArray(detail) ? detail.map(withoutInput) : detail;
    return { detail: kept, timeoutType: error.timeoutType, units: billableUnits(error.headers) };
  }
  // What its class adds, as JSON. Payloads are not enumerable, and a promise says nothing later.
  const own = Object.entries(error).filter(([name]) => !COMMON.has(name));
  return own.length > 0 ? JSON.parse(JSON.stringify(Object.fromEntries(own))) : undefined;
}

type Facts = Record<string, unknown>;

const COMMON = new Set(["name", "code", "endpoint", "requestId", "retryable", "billed", "cancel"]);

/** fal's validation quotes the input back, and that may be a prompt. */
const withoutInput = (item: unknown): unknown => {
  if (typeof item !== "object" || item === null) return item;
  const { input: _, ...rest } = item as Record<string, unknown>;
  return rest;
};

/** The same class, code and facts again, so that a `catch` that told errors apart once tells them apart again. */
export function restoredError(saved: SavedError): Error {
  const kind = kindOf(saved.code);
  if (!kind) return Object.assign(new Error(saved.message), { name: saved.name });
  if (ANSWERS.has(saved.code)) return restoredAnswer(saved);
  // It keeps its own message: constructors would word one anew.
  const error: Error = Object.setPrototypeOf(new RestoredError(saved), kind.class.prototype);
  // What became of its cancel is not known any more.
  const isGivenUp = saved.code === "aborted" || saved.code === "timeout";
  return isGivenUp ? Object.assign(error, { cancel: Promise.resolve("unknown") }) : error;
}

const ANSWERS: ReadonlySet<string> = new Set(["api", "validation", "account_locked"]);

function restoredAnswer({ status = 0, errorType, facts = {}, ...saved }: SavedError): ApiError {
  const error = apiError({
    endpoint: saved.endpoint,
    requestId: saved.requestId,
    status,
    body: { detail: facts["detail"], error_type: errorType },
    timeoutType: facts["timeoutType"] as string | undefined,
    headers: billedHeaders(facts["units"]),
  });
  // It keeps its own message.
  Object.defineProperty(error, "message", { value: saved.message });
  return Object.assign(error, { retryable: saved.retryable, billed: saved.billed });
}

class RestoredError extends FalError {
  override readonly name: string;
  readonly code: FalErrorCode;

  constructor({ name, code, message, facts, ...common }: SavedError) {
    super(message, common);
    this.name = name;
    this.code = code as FalErrorCode;
    Object.assign(this, facts);
  }
}
