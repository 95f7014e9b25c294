/** Facts that any failure of a call may carry. None of them ever holds a prompt or a key. */
export interface FailureFacts {
  readonly endpoint?: string | undefined;
  readonly requestId?: string | undefined;
  /** Whether doing the same again may succeed. */
  readonly retryable?: boolean;
  /** Whether fal charged for it, as far as is known. */
  readonly billed?: boolean | "unknown";
  readonly cause?: unknown;
}

/** The root of every error that this package throws. `code` is stable; `message` is for people. */
export abstract class FalError extends Error {
  abstract readonly code: string;
  readonly endpoint: string | undefined;
  readonly requestId: string | undefined;
  readonly retryable: boolean;
  readonly billed: boolean | "unknown";

  constructor(message: string, facts: FailureFacts = {}) {
    super(message, "cause" in facts ? { cause: facts.cause } : undefined);
    this.endpoint = facts.endpoint;
    this.requestId = facts.requestId;
    this.retryable = facts.retryable ?? false;
    this.billed = facts.billed ?? false;
  }
}

/** A variable of the environment is missing or unusable. Names it, says what is wrong and how to cure it. */
export class EnvironmentError extends FalError {
  override readonly name = "EnvironmentError";
  readonly code: "missing_variable" | "invalid_variable";
  readonly variable: string;
  readonly cure: string;

  constructor(
    code: EnvironmentError["code"],
    variable: string,
    problem: string,
    cure: string,
    options?: { cause?: unknown },
  ) {
    super(`${variable} ${problem}. ${cure}`, options);
    this.code = code;
    this.variable = variable;
    this.cure = cure;
  }
}

/** An argument that can never work, found before anything was sent: nothing was paid. */
export class InvalidArgumentError extends FalError {
  override readonly name = "InvalidArgumentError";
  readonly code = "invalid_argument";
}

/** The input does not satisfy the schema that the caller gave for it. Found before anything was sent. */
export class InputMismatchError extends FalError {
  override readonly name = "InputMismatchError";
  readonly code = "input_mismatch";
  readonly issues: readonly { readonly message: string; readonly path: string }[];

  constructor(endpoint: string, issues: InputMismatchError["issues"]) {
    super(`The input for ${endpoint} does not match its schema: ${describeIssues(issues)}`, { endpoint });
    this.issues = issues;
  }
}

/**
 * The output does not satisfy the schema that the caller passed. The call is completed and paid:
 * `result` holds what fal sent.
 */
export class OutputMismatchError extends FalError {
  override readonly name = "OutputMismatchError";
  readonly code = "output_mismatch";
  readonly issues: readonly { readonly message: string; readonly path: string }[];
  declare readonly result: unknown;

  constructor(endpoint: string, requestId: string, result: unknown, issues: OutputMismatchError["issues"]) {
    super(`The output of ${endpoint} does not match the schema that was passed: ${describeIssues(issues)}`, {
      endpoint,
      requestId,
      billed: true,
    });
    this.issues = issues;
    // Not enumerable, so that a logger which walks the error does not print the payload.
    Object.defineProperty(this, "result", { value: result, enumerable: false });
  }
}

const describeIssues = (issues: readonly { message: string; path: string }[]): string =>
  issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; ");

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

/**
 * What is known of an ambiguous submit. There is no "absent": history may lag, and may list only what has ended.
 *
 * - `several`: more requests in the account's history match than calls could have made them.
 * - `unseen`: history is readable, and nothing in it matches yet.
 * - `unknown`: history could not be read, or does not hold what was sent.
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

/** `timeout` passed before the result was there. */
export class CallTimeoutError extends FalError {
  override readonly name = "TimeoutError";
  readonly code = "timeout";
  /** What became of the request upstream. Never rejects. */
  readonly cancel: Promise<CancelOutcome>;

  constructor(endpoint: string, timeoutMs: number, facts: Unfinished) {
    super(`The call to ${endpoint} had no result after ${timeoutMs} ms${named(facts.requestId)}`, {
      billed: "unknown",
      ...facts,
      endpoint,
    });
    this.cancel = facts.cancel;
  }
}

const named = (requestId: string | undefined): string => (requestId ? ` (request ${requestId})` : "");

/** Something was asked of a run that its state does not allow. */
export class RunStateError extends FalError {
  override readonly name = "RunStateError";
  readonly code: "run_ended" | "run_required" | "run_unknown" | "run_elsewhere";

  constructor(code: RunStateError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** A run was cancelled. `cause` is the reason that was given. */
export class RunAbortedError extends FalError {
  override readonly name = "AbortError";
  readonly code = "aborted";
  readonly chain: string;
  readonly run: string;

  constructor(chain: string, run: string, facts: { cause?: unknown } = {}) {
    super(`The run ${chain}/${run} was cancelled`, { billed: "unknown", ...facts });
    this.chain = chain;
    this.run = run;
  }
}
