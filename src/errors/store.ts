import { type FailureFacts, FalError } from "./fal-error.ts";

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
  /** The store is there, and it is this value that it cannot hold or that cannot be read: another time does no better. */
  declare readonly isOfValue?: true;

  constructor(
    message: string,
    { isOfValue, ...facts }: FailureFacts & { readonly isOfValue?: boolean } = {},
  ) {
    super(message, facts);
    if (isOfValue) this.isOfValue = true;
  }
}

/** What JavaScript cannot write down: too long, too deep, or nothing that JSON has. */
export const isOfJavaScript = (error: unknown): boolean =>
  error instanceof RangeError || error instanceof TypeError;

/** Whether a store refused a value that it can never hold. What JavaScript cannot write down is no trouble of a store either. */
export const isOfValue = (error: unknown): boolean =>
  error instanceof RangeError ||
  (error instanceof Error && error.name === "StoreError" && "isOfValue" in error && error.isOfValue === true);

const DEEPEST = 10;

/**
 * The failure of a store that an error is, or came from, however deep the code wrapped it. That a value cannot be stored is
 * none.
 */
export function storeErrorIn(error: unknown, depth = 0): Error | undefined {
  if (typeof error !== "object" || error === null || depth > DEEPEST) return undefined;
  // By name: another copy of the package has another class.
  if (error instanceof Error && error.name === "StoreError") return isOfValue(error) ? undefined : error;
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  const parts = [cause, ...(Array.isArray(errors) ? errors : [])];
  for (const part of parts) {
    const found = storeErrorIn(part, depth + 1);
    if (found) return found;
  }
  return undefined;
}
