import { FalError } from "./fal-error.ts";

/** A request belongs to one call, and a call to one request: one of the two belongs to another one already. */
export class RequestClaimedError extends FalError {
  override readonly name = "RequestClaimedError";
  readonly code = "request_claimed";

  constructor(requestId: string, problem = `The request ${requestId} belongs to another call already.`) {
    super(problem, { requestId });
  }
}

/** The store could not be opened, read or written. The message names it, the cause and the cure. */
export class StoreError extends FalError {
  override readonly name = "StoreError";
  readonly code = "store";
}

const DEEPEST = 10;

/** The failure of a store that an error is, or came from, however deep the code wrapped it. */
export function storeErrorIn(error: unknown, depth = 0): Error | undefined {
  if (typeof error !== "object" || error === null || depth > DEEPEST) return undefined;
  // By name: another copy of the package has another class.
  if (error instanceof Error && error.name === "StoreError") return error;
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  const parts = [cause, ...(Array.isArray(errors) ? errors : [])];
  for (const part of parts) {
    const found = storeErrorIn(part, depth + 1);
    if (found) return found;
  }
  return undefined;
}
