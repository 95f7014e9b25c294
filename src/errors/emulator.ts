import { FalError } from "./fal-error.ts";

/** The server could not be started. The message says why, and what to do about it. */
export class ListenError extends FalError {
  override readonly name = "ListenError";
  readonly code = "cannot_listen";
}
