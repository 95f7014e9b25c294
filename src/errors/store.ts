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
