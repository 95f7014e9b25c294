import { type FailureFacts, FalError } from "./fal-error.ts";

/**
 * What is known of an ambiguous submit. There is no "absent": history may lag, and may list only what has ended.
 *
 * - `several`: more requests in the account's history match than calls could have made them.
 * - `unseen`: history is readable, and nothing in it matches yet.
 * - `unknown`: history could not be read, does not hold what was sent, or is another deployment's than it was sent to.
 * - `not-looked-up`: nobody asked.
 */
export type AmbiguousVerdict = "several" | "unseen" | "unknown" | "not-looked-up";

/**
 * The submit may or may not have been accepted: bytes may have left and no usable answer came. It was not repeated,
 * since fal has no idempotency key and a repeat could be paid twice.
 */
export class AmbiguousSubmitError extends FalError {
  override readonly name = "AmbiguousSubmitError";
  readonly code = "ambiguous_submit";
  /** How the submit ended: a network error's code, or the status of the answer. */
  readonly why: string;
  readonly verdict: AmbiguousVerdict;
  /** What the verdict rests on. */
  readonly evidence: string;
  /** Requests in history that may be this one. */
  readonly candidates: readonly string[];
  /** What the call is noted under: `fal.calls.settle` takes it. */
  readonly callId: string | undefined;

  constructor(
    endpoint: string,
    why: string,
    facts: FailureFacts & {
      verdict?: AmbiguousVerdict;
      evidence?: string;
      candidates?: readonly string[];
      callId?: string | undefined;
      /** Whether the store that has it outlives the process. */
      durable?: boolean;
      /** Whether it was submitted again, as the caller wanted. */
      repeated?: boolean;
    } = {},
  ) {
    const { verdict = "not-looked-up", evidence = "nobody looked it up", candidates = [] } = facts;
    const { callId, durable = false, repeated = false } = facts;
    const caution = repeated ? "" : "It was not repeated, since that could be paid twice. ";
    super(
      `The submit to ${endpoint} may or may not have been accepted (${why}; ${evidence}). ` +
        `${caution}${cureOf(verdict, candidates)}${settling(durable ? callId : undefined)}`,
      { billed: "unknown", ...facts, endpoint },
    );
    this.callId = callId;
    this.why = why;
    this.verdict = verdict;
    this.evidence = evidence;
    this.candidates = candidates;
  }
}

/** With a store that is kept, it can be settled from anywhere. */
const settling = (callId: string | undefined): string =>
  callId === undefined
    ? ""
    : ` Then say what it was: fal.calls.settle("${callId}", …), or fal-chain calls settle ${callId} with --adopt REQUEST, ` +
      "--resubmit or --give-up.";

function cureOf(verdict: AmbiguousVerdict, candidates: readonly string[]): string {
  switch (verdict) {
    case "several":
      return `It may be one of ${candidates.join(", ")}: fal.queue.attach(endpoint, { requestId }) picks a request up.`;
    case "unseen":
      return "History lags, so look again before you submit another; fal.queue.attach picks up what shows up.";
    default:
      return "Look at the account's request history before submitting it again.";
  }
}
