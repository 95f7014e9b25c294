import { AmbiguousSubmitError } from "./ambiguous-submit.ts";
import { AccountLockedError, ApiError, ValidationError } from "./api.ts";
import { InputMismatchError, InvalidArgumentError, OutputMismatchError } from "./arguments.ts";
import { CallStateError, OtherDeploymentError } from "./calls.ts";
import type { FalErrorCode } from "./codes.ts";
import { ListenError } from "./emulator.ts";
import { EnvironmentError } from "./environment.ts";
import { FalError } from "./fal-error.ts";
import { FileExpiredError } from "./files.ts";
import { CallAbortedError, CallTimeoutError } from "./giving-up.ts";
import { BudgetExceededError, UnknownPriceError } from "./money.ts";
import { FetchError, MalformedReplyError, NetworkError, ReplyTooLargeError } from "./network.ts";
import { AdminKeyRequiredError } from "./platform.ts";
import {
  LeaseLostError,
  RunAbortedError,
  RunBlockedError,
  RunDetachedError,
  RunDivergedError,
  RunInputMismatchError,
  RunStateError,
  StepInputChangedError,
} from "./runs.ts";
import { RequestClaimedError, StoreError } from "./store.ts";
import { WebhookError } from "./webhooks.ts";

/** How a call or a run went that ended with an error, in one word. */
export type FailureState = "failed" | "completed" | "cancelled" | "ambiguous" | "blocked" | "detached";

interface ErrorKind {
  readonly class: { readonly prototype: FalError };
  /** Another model does not cure it, or it may have been paid for without anybody knowing. */
  readonly endsFallback?: true;
  /** It has nothing to do with the memoized step that met it: that is run again. */
  readonly isOfTheRun?: true;
  /** There was no money for it, and there may be some the next time. Nothing was sent. */
  readonly isWantOfMoney?: true;
  /** @default "failed" */
  readonly state?: FailureState;
}

const of = <K extends Omit<ErrorKind, "class">, C extends ErrorKind["class"]>(errorClass: C, kind?: K) => ({
  class: errorClass,
  ...kind,
});

/** All that is said of an error by its code. */
const ERRORS = {
  missing_variable: of(EnvironmentError, { endsFallback: true }),
  invalid_variable: of(EnvironmentError, { endsFallback: true }),
  invalid_argument: of(InvalidArgumentError),
  input_mismatch: of(InputMismatchError),

  budget_exceeded: of(BudgetExceededError, { endsFallback: true, isWantOfMoney: true }),
  unknown_price: of(UnknownPriceError, { endsFallback: true, isWantOfMoney: true }),

  api: of(ApiError),
  validation: of(ValidationError),
  account_locked: of(AccountLockedError, { endsFallback: true, isWantOfMoney: true }),
  network: of(NetworkError),
  // Another model is asked by the same fetch.
  fetch: of(FetchError, { endsFallback: true }),
  malformed_reply: of(MalformedReplyError),
  reply_too_large: of(ReplyTooLargeError),
  ambiguous_submit: of(AmbiguousSubmitError, { endsFallback: true, isOfTheRun: true, state: "ambiguous" }),
  aborted: of(CallAbortedError, { endsFallback: true, isOfTheRun: true, state: "cancelled" }),
  timeout: of(CallTimeoutError),
  // The call is completed and paid: what failed is the caller's contract.
  output_mismatch: of(OutputMismatchError, { state: "completed" }),
  call_state: of(CallStateError),
  request_claimed: of(RequestClaimedError),
  other_deployment: of(OtherDeploymentError, { endsFallback: true, isOfTheRun: true }),
  file_expired: of(FileExpiredError),

  run_aborted: of(RunAbortedError, { endsFallback: true, isOfTheRun: true, state: "cancelled" }),
  run_blocked: of(RunBlockedError, { endsFallback: true, isOfTheRun: true, state: "blocked" }),
  run_detached: of(RunDetachedError, { endsFallback: true, isOfTheRun: true, state: "detached" }),
  run_diverged: of(RunDivergedError, { endsFallback: true }),
  run_elsewhere: of(RunStateError, { endsFallback: true }),
  run_ended: of(RunStateError, { endsFallback: true, isOfTheRun: true }),
  run_input_mismatch: of(RunInputMismatchError),
  run_required: of(RunStateError, { endsFallback: true }),
  run_unknown: of(RunStateError),
  step_input_changed: of(StepInputChangedError, { endsFallback: true }),
  lease_lost: of(LeaseLostError, { endsFallback: true, isOfTheRun: true, state: "detached" }),

  store: of(StoreError, { endsFallback: true }),
  admin_key_required: of(AdminKeyRequiredError),
  missing_header: of(WebhookError),
  malformed_header: of(WebhookError),
  stale_timestamp: of(WebhookError),
  bad_signature: of(WebhookError),
  keys_unavailable: of(WebhookError),
  body_not_raw: of(WebhookError),
  body_too_large: of(WebhookError),
  body_too_slow: of(WebhookError),
  malformed_body: of(WebhookError),
  cannot_listen: of(ListenError),
} satisfies { readonly [C in FalErrorCode]: ErrorKind };

/** The compiler says here which codes stand beside a class that does not have them. */
type Misplaced = {
  [C in FalErrorCode]: C extends (typeof ERRORS)[C]["class"]["prototype"]["code"] ? never : C;
}[FalErrorCode];
true satisfies [Misplaced] extends [never] ? true : Misplaced;

/** Undefined for a code that no error of this package has. */
export const kindOf = (code: string): ErrorKind | undefined =>
  Object.hasOwn(ERRORS, code) ? ERRORS[code as FalErrorCode] : undefined;

/** Every code, for those who go through all of them. */
export const FAL_ERROR_CODES = Object.keys(ERRORS) as readonly FalErrorCode[];

/** Whether a fallback ends with it instead of going on to the next attempt. */
export const endsFallback = (error: FalError): boolean =>
  kindOf(error.code)?.endsFallback === true ||
  (error instanceof ApiError && [401, 403].includes(error.status));

/** Whether it is the run's, and not that of the memoized step that met it. */
export const isOfTheRun = (error: unknown): boolean =>
  error instanceof FalError && kindOf(error.code)?.isOfTheRun === true;

/** How a call or a run went that ended with it. */
export const stateOfFailure = (error: unknown): FailureState =>
  (error instanceof FalError && kindOf(error.code)?.state) || "failed";

/** How deep an error is looked for what caused it. */
const DEEPEST = 10;

/**
 * Whether what failed with it cost nothing and may succeed the next time: there was no money for it, or it is retryable and
 * not billed. What a program threw because of others is what those are.
 */
export function mayPassForFree(error: unknown, depth = 0): boolean {
  if (error instanceof FalError) {
    const { code, retryable, billed } = error;
    return billed === false && (retryable || kindOf(code)?.isWantOfMoney === true);
  }
  if (!(error instanceof Error) || depth > DEEPEST) return false;
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  const reasons = [...(cause === undefined ? [] : [cause]), ...(Array.isArray(errors) ? errors : [])];
  return reasons.length > 0 && reasons.every((reason) => mayPassForFree(reason, depth + 1));
}
