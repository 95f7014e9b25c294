import { AmbiguousSubmitError, type AmbiguousVerdict } from "../errors/ambiguous-submit.ts";
import { ApiError, apiError } from "../errors/api.ts";
import { InputMismatchError, InvalidArgumentError, OutputMismatchError } from "../errors/arguments.ts";
import { EnvironmentError } from "../errors/environment.ts";
import { type FailureFacts, FalError } from "../errors/fal-error.ts";
import { CallAbortedError, CallTimeoutError } from "../errors/giving-up.ts";
import { MalformedReplyError, NetworkError } from "../errors/network.ts";
import { RunStateError } from "../errors/runs.ts";
import type { SavedError } from "../errors/saved-error.ts";
import { StoreError } from "../errors/store.ts";
import { billableUnits, billedHeaders } from "../money/billable-units.ts";

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

function factsOf(error: FalError): Record<string, unknown> | undefined {
  if (error instanceof ApiError) {
    const detail: unknown = (error.body as { detail?: unknown } | undefined)?.detail;
    const kept = Array.isArray(detail) ? detail.map(withoutInput) : detail;
    return { detail: kept, timeoutType: error.timeoutType, units: billableUnits(error.headers) };
  }
  if (error instanceof AmbiguousSubmitError) {
    const { why, verdict, evidence, candidates, callId } = error;
    return { why, verdict, evidence, candidates, ...(callId !== undefined && { callId }) };
  }
  if (error instanceof CallAbortedError || error instanceof CallTimeoutError) return undefined;
  // What its class adds. Payloads are not enumerable.
  const own = Object.entries(error).filter(([name]) => !COMMON.has(name));
  return own.length > 0
    ? (JSON.parse(JSON.stringify(Object.fromEntries(own))) as object as Facts)
    : undefined;
}

type Facts = Record<string, unknown>;

const COMMON = new Set(["name", "code", "endpoint", "requestId", "retryable", "billed"]);

/** fal's validation quotes the input back, and that may be a prompt. */
const withoutInput = (item: unknown): unknown => {
  if (typeof item !== "object" || item === null) return item;
  const { input: _, ...rest } = item as Record<string, unknown>;
  return rest;
};

/** The same class, code and facts again, so that a `catch` that told errors apart once tells them apart again. */
export function restoredError(saved: SavedError): Error {
  const error = madeAnew(saved);
  error.message = saved.message;
  if (error instanceof FalError) {
    Object.assign(error, { retryable: saved.retryable, billed: saved.billed });
  } else {
    error.name = saved.name;
  }
  return error;
}

function madeAnew(saved: SavedError): Error {
  const { code, status, errorType, endpoint, requestId, facts = {}, message } = saved;
  const known: FailureFacts = { endpoint, requestId };
  const cancel = Promise.resolve("unknown" as const);
  switch (code) {
    case "api":
    case "validation":
      return apiError({
        ...known,
        status: status ?? 0,
        body: { detail: facts["detail"], error_type: errorType },
        timeoutType: facts["timeoutType"] as string | undefined,
        headers: billedHeaders(facts["units"]),
      });
    case "ambiguous_submit":
      return new AmbiguousSubmitError(endpoint ?? "fal", String(facts["why"]), {
        ...known,
        verdict: facts["verdict"] as AmbiguousVerdict,
        evidence: facts["evidence"] as string,
        candidates: facts["candidates"] as readonly string[],
        callId: facts["callId"] as string | undefined,
      });
    case "aborted":
      return new CallAbortedError(endpoint ?? "fal", { ...known, cancel });
    case "timeout":
      return new CallTimeoutError(endpoint ?? "fal", 0, { ...known, cancel });
    case "network":
      return new NetworkError(message, known);
    case "malformed_reply":
      return new MalformedReplyError(message, known);
    case "unexpected":
      return new Error(message);
    default:
      return revived(saved, CLASSES[code]);
  }
}

/** Errors that are nothing but their facts. */
const CLASSES: Readonly<Record<string, { readonly prototype: FalError }>> = {
  invalid_argument: InvalidArgumentError,
  input_mismatch: InputMismatchError,
  output_mismatch: OutputMismatchError,
  missing_variable: EnvironmentError,
  invalid_variable: EnvironmentError,
  run_ended: RunStateError,
  run_required: RunStateError,
  run_unknown: RunStateError,
  store: StoreError,
};

/** An error of a class whose constructor words its message anew: it keeps the one that it had. */
export function revived(saved: SavedError, { prototype }: { prototype: FalError } = FalError): FalError {
  return Object.setPrototypeOf(new RevivedError(saved), prototype);
}

class RevivedError extends FalError {
  override readonly name: string;
  readonly code: string;

  constructor({ name, code, message, facts, ...common }: SavedError) {
    super(message, common);
    this.name = name;
    this.code = code;
    Object.assign(this, facts);
  }
}
