import { FalError } from "./fal-error.ts";

/**
 * - `missing_header`: a signature header is missing, or comes twice; it may not be fal's at all.
 * - `malformed_header`: a signature header is not what fal sends.
 * - `stale_timestamp`: it was signed more than 300 s ago, or in the future.
 * - `bad_signature`: none of fal's keys made this signature of these bytes.
 * - `keys_unavailable`: fal's keys could not be had, so nothing is decided.
 * - `body_not_raw`: the program has parsed or read the body before; the signature is over its bytes.
 * - `malformed_body`: it is fal's, and not what fal's webhooks are.
 */
export type WebhookErrorCode = keyof typeof STATUSES;

const STATUSES = {
  missing_header: 401,
  malformed_header: 401,
  stale_timestamp: 401,
  bad_signature: 401,
  keys_unavailable: 503,
  body_not_raw: 500,
  malformed_body: 400,
} as const;

/** A webhook that must not be acted on. */
export class WebhookError extends FalError {
  override readonly name = "WebhookError";
  readonly code: WebhookErrorCode;
  /** What to answer it with. fal sends a hook again after any of them, and a true one may get through then. */
  readonly status: number;

  constructor(code: WebhookErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, { ...options, retryable: code === "keys_unavailable" });
    this.code = code;
    this.status = STATUSES[code];
  }
}
