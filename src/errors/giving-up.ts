import { type FailureFacts, FalError } from "./fal-error.ts";

/** A handle to a request that goes on upstream, and what became of cancelling it. */
export interface Unfinished extends FailureFacts {
  readonly cancel: Promise<CancelOutcome>;
}

/**
 * What a cancel achieved. `in-time`: it was still queued and is gone. `requested`: it was accepted, the request may
 * still finish. `too-late`: it had completed. `not-sent`: there was nothing to cancel. `unknown`: no usable answer.
 */
export type CancelOutcome = "in-time" | "requested" | "too-late" | "not-sent" | "unknown";

/** The caller gave up: `abortSignal` fired or `cancel()` was called. `cause` is the signal's reason. */
export class CallAbortedError extends FalError {
  override readonly name = "AbortError";
  readonly code = "aborted";
  /** What became of the request upstream. Never rejects. */
  readonly cancel: Promise<CancelOutcome>;

  constructor(endpoint: string, facts: Unfinished) {
    super(`The call to ${endpoint} was aborted${named(facts.requestId)}`, {
      billed: "unknown",
      ...facts,
      endpoint,
    });
    this.cancel = facts.cancel;
  }
}

/** `timeout` passed before the result, or the next part of it, was there. */
export class CallTimeoutError extends FalError {
  override readonly name = "TimeoutError";
  readonly code = "timeout";
  /** What became of the request upstream. Never rejects. */
  readonly cancel: Promise<CancelOutcome>;

  constructor(endpoint: string, timeoutMs: number, facts: Unfinished, what = "had no result after") {
    super(`The call to ${endpoint} ${what} ${timeoutMs} ms${named(facts.requestId)}`, {
      billed: "unknown",
      ...facts,
      endpoint,
    });
    this.cancel = facts.cancel;
  }
}

const named = (requestId: string | undefined): string => (requestId ? ` (request ${requestId})` : "");
