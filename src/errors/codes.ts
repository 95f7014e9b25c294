/** The stable names of everything that can go wrong: an error's `code`. */
export type FalErrorCode =
  /* A setting or an argument: nothing was sent. */
  | "missing_variable"
  | "invalid_variable"
  | "invalid_argument"
  | "input_mismatch"
  /* Money: nothing was sent. */
  | "budget_exceeded"
  | "unknown_price"
  /* A call. */
  | "api"
  | "validation"
  | "account_locked"
  | "network"
  | "fetch"
  | "malformed_reply"
  | "reply_too_large"
  | "ambiguous_submit"
  | "aborted"
  | "timeout"
  | "output_mismatch"
  | "call_state"
  | "request_claimed"
  | "other_deployment"
  | "file_expired"
  /* A run. */
  | "run_aborted"
  | "run_blocked"
  | "run_detached"
  | "run_diverged"
  | "run_elsewhere"
  | "run_ended"
  | "run_input_mismatch"
  | "run_required"
  | "run_unknown"
  | "step_input_changed"
  | "lease_lost"
  /* What stands beside: the store, the bill, a webhook, the emulator. */
  | "store"
  | "admin_key_required"
  | WebhookErrorCode
  | "cannot_listen";

/**
 * - `missing_header`: a signature header is missing, or comes twice; it may not be fal's at all.
 * - `malformed_header`: a signature header is not what fal sends.
 * - `stale_timestamp`: it was signed more than 300 s ago, or in the future.
 * - `bad_signature`: none of fal's keys made this signature of these bytes.
 * - `keys_unavailable`: fal's keys could not be had, so nothing is decided.
 * - `body_not_raw`: the program has parsed or read the body before; the signature is over its bytes.
 * - `body_too_large`: its body is longer than `maxBytes`.
 * - `body_too_slow`: its body did not come within `timeout`.
 * - `malformed_body`: it is fal's, and not what fal's webhooks are.
 */
export type WebhookErrorCode =
  | "missing_header"
  | "malformed_header"
  | "stale_timestamp"
  | "bad_signature"
  | "keys_unavailable"
  | "body_not_raw"
  | "body_too_large"
  | "body_too_slow"
  | "malformed_body";
