import { type FailureFacts, FalError } from "./fal-error.ts";

/** No usable answer came: refused, reset, unreachable. Reads are repeated before this is thrown. */
export class NetworkError extends FalError {
  override readonly name = "NetworkError";
  readonly code = "network";
  override readonly retryable = true;
}

/** An answer came, and it is not what the protocol says it should be. */
export class MalformedReplyError extends FalError {
  override readonly name = "MalformedReplyError";
  readonly code = "malformed_reply";
}

/** The `fetch` or `requestMiddleware` that the client was given threw an error of its own, which its `cause` is: no network is to blame. */
export class FetchError extends FalError {
  override readonly name = "FetchError";
  readonly code = "fetch";

  constructor(what: string, why: string, facts: FailureFacts, by = "fetch") {
    const end = facts.billed === false ? "Nothing was sent." : "It was not asked for again.";
    super(`${what} failed in the ${by} that this client was given (${why}). ${end}`, facts);
  }
}

/** An answer is larger than `maxReplyBytes`, and was not read to its end. What it holds stays where it is. */
export class ReplyTooLargeError extends FalError {
  override readonly name = "ReplyTooLargeError";
  readonly code = "reply_too_large";
  /** The limit that it is over. */
  readonly maxBytes: number;

  constructor(what: string, maxBytes: number, facts: FailureFacts) {
    super(
      `${what} was answered with more than ${maxBytes} bytes, and was not read. Where it is meant to be that large, give ` +
        "createFal a larger maxReplyBytes: what a request gave can then be collected.",
      facts,
    );
    this.maxBytes = maxBytes;
  }
}
