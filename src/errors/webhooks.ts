import type { WebhookErrorCode } from "./codes.ts";
import { FalError } from "./fal-error.ts";

const STATUSES = {
  missing_header: 401,
  malformed_header: 401,
  stale_timestamp: 401,
  bad_signature: 401,
  keys_unavailable: 503,
  body_not_raw: 500,
  body_too_large: 413,
  body_too_slow: 408,
  malformed_body: 400,
} as const satisfies Record<WebhookErrorCode, number>;

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
