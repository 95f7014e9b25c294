import { ApiError } from "../base/api-error.ts";
import { FalError } from "../base/errors.ts";
import type { SavedError } from "../base/saved-error.ts";

/** An error as the store keeps it. Messages hold no prompt and no key, so they may be written down. */
export function savedError(error: unknown): SavedError {
  if (!(error instanceof FalError)) {
    const name = error instanceof Error ? error.name : "Error";
    return { name, code: "unexpected", message: String(error), retryable: false, billed: "unknown" };
  }
  const { name, code, message, retryable, billed } = error;
  const { status, errorType } = error instanceof ApiError ? error : {};
  return {
    name,
    code,
    message,
    retryable,
    billed,
    ...(status !== undefined && { status }),
    ...(errorType !== undefined && { errorType }),
  };
}
