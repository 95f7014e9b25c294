import { FalError } from "./fal-error.ts";

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
