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

/**
 * Another deployment of fal took the request than the one that the hosts name now, which does not know it. It is no end: the
 * request stays where it is, and can be had once the hosts name that one again. It is not submitted a second time.
 */
export class OtherDeploymentError extends FalError {
  override readonly name = "OtherDeploymentError";
  readonly code = "other_deployment";
  /** The queue that took the request. */
  readonly deployment: string;

  constructor(
    request: { readonly endpoint: string; readonly requestId: string; readonly queue: string },
    asked: string,
    cause: unknown,
  ) {
    const { endpoint, requestId, queue } = request;
    super(
      `Request ${requestId} to ${endpoint} was accepted by ${queue}, and ${asked}, which the hosts name now, does not know ` +
        `it. To have it, ${hostSetting(queue)}, then resume the run or collect the call: it is not submitted again.`,
      { endpoint, requestId, billed: "unknown", cause },
    );
    this.deployment = queue;
  }
}

/** What to set for requests to go to this queue. */
export function hostSetting(queue: string): string {
  if (queue === "https://queue.fal.run")
    return "unset FAL_HOST and FAL_QUEUE_RUN_HOST, which are not fal's own hosts";
  if (queue.endsWith("/queue")) return `set FAL_HOST back to ${queue.slice(0, -"/queue".length)}`;
  return `set FAL_QUEUE_RUN_HOST to ${queue}`;
}
