import { FalError } from "./fal-error.ts";

/** Something was asked of a recorded call that its state does not allow. The message says what it does allow. */
export class CallStateError extends FalError {
  override readonly name = "CallStateError";
  readonly code = "call_state";
  readonly call: string;

  constructor(
    call: {
      readonly id: string;
      readonly endpoint: string;
      readonly ticket: { readonly requestId: string } | undefined;
    },
    problem: string,
  ) {
    const { id, endpoint, ticket } = call;
    super(`Call ${id} to ${endpoint} ${problem}`, { endpoint, requestId: ticket?.requestId });
    this.call = id;
  }
}
