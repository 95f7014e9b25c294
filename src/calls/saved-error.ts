import { ApiError, apiError } from "../base/api-error.ts";
import {
  AmbiguousSubmitError,
  type AmbiguousVerdict,
  CallAbortedError,
  CallTimeoutError,
  type FailureFacts,
  FalError,
  MalformedReplyError,
  NetworkError,
} from "../base/errors.ts";
import type { SavedError } from "../base/saved-error.ts";

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

function factsOf(error: FalError): Record<string, unknown> | undefined {
  if (error instanceof ApiError) {
    const detail: unknown = (error.body as { detail?: unknown } | undefined)?.detail;
    const kept = Array.isArray(detail) ? detail.map(withoutInput) : detail;
    return { detail: kept, timeoutType: error.timeoutType };
  }
  if (error instanceof AmbiguousSubmitError) {
    const { why, verdict, evidence, candidates, callId } = error;
    return { why, verdict, evidence, candidates, ...(callId !== undefined && { callId }) };
  }
  return undefined;
}

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

function madeAnew({ code, status, errorType, endpoint, requestId, facts = {}, message }: SavedError): Error {
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
    default:
      return new Error(message);
  }
}
