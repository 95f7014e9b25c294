import { FalError } from "./fal-error.ts";

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
  readonly code = "run_aborted";
  readonly chain: string;
  readonly run: string;

  constructor(chain: string, run: string, facts: { cause?: unknown } = {}) {
    super(`The run ${chain}/${run} was cancelled`, { billed: "unknown", ...facts });
    this.chain = chain;
    this.run = run;
  }
}

/** The id belongs to a run that was started with another input. */
export class RunInputMismatchError extends FalError {
  override readonly name = "RunInputMismatchError";
  readonly code = "run_input_mismatch";

  constructor(chain: string, run: string) {
    super(
      `The run ${chain}/${run} was started with another input. Use another id for another input; resume(id) goes on ` +
        "with the input that it has.",
    );
  }
}

/** An explicitly named step was there before with another input. Nothing was sent. */
export class StepInputChangedError extends FalError {
  override readonly name = "StepInputChangedError";
  readonly code = "step_input_changed";
  readonly step: string;
  /** The fields that differ. */
  readonly fields: readonly string[];

  constructor(step: string, fields: readonly string[], facts: { endpoint: string }) {
    super(
      `The step "${step}" was called with another input before${differing(fields)}, and that is paid for. Say ` +
        'onChange: "rerun" to pay for the new input, or onChange: "reuse" to keep what the old one gave.',
      facts,
    );
    this.step = step;
    this.fields = fields;
  }
}

/**
 * The code went another way than the execution that it resumes: it makes a call that was not made before, and what was
 * paid for in its place is left over. Nothing was sent.
 */
export class RunDivergedError extends FalError {
  override readonly name = "RunDivergedError";
  readonly code = "run_diverged";
  /** The fields in which the call differs from the nearest one that is left over. */
  readonly fields: readonly string[];
  /** Paid calls of the same endpoint that nothing has asked for. */
  readonly leftOver: readonly string[];

  constructor(run: string, endpoint: string, fields: readonly string[], leftOver: readonly string[]) {
    super(
      `The run ${run} calls ${endpoint} with an input that it has not paid for${differing(fields)}, while ` +
        `${leftOver.length} paid call${leftOver.length === 1 ? "" : "s"} of that endpoint (${leftOver.join(", ")}) ` +
        'went unused. Undo the change, give the step a name, or say onDiverge: "pay".',
      { endpoint },
    );
    this.fields = fields;
    this.leftOver = leftOver;
  }
}

const differing = (fields: readonly string[]): string =>
  fields.length === 0 ? "" : ` (different: ${fields.join(", ")})`;

/** A submit of the run may or may not have been accepted, and only a person can say. Nothing is lost meanwhile. */
export class RunBlockedError extends FalError {
  override readonly name = "RunBlockedError";
  readonly code = "run_blocked";
  readonly chain: string;
  readonly run: string;
  readonly step: string;
  /** The call in doubt, as the store knows it. */
  readonly callId: string;

  constructor(blocked: {
    chain: string;
    run: string;
    step: string;
    callId: string;
    endpoint?: string | undefined;
    cause?: unknown;
  }) {
    const { chain, run, step, callId, endpoint, cause } = blocked;
    super(
      `The run ${chain}/${run} is blocked on the step "${step}". ${cause instanceof Error ? `${cause.message} ` : ""}Say ` +
        `what it was with fal.calls.settle("${callId}", …), then resume the run; nothing of it is lost meanwhile.`,
      { endpoint, billed: "unknown", ...(cause !== undefined && { cause }) },
    );
    this.chain = chain;
    this.run = run;
    this.step = step;
    this.callId = callId;
  }
}

/** This process let the run go, and whoever starts its id again goes on with it. Nothing was cancelled. */
export class RunDetachedError extends FalError {
  override readonly name = "RunDetachedError";
  readonly code = "run_detached";

  constructor(chain: string, run: string) {
    super(
      `The run ${chain}/${run} was released by this process; start or resume the same id to go on with it.`,
    );
  }
}

/** Another process has taken the run over: what this one still wanted to write or send, it may not. */
export class LeaseLostError extends FalError {
  override readonly name = "LeaseLostError";
  readonly code = "lease_lost";

  constructor({
    chain,
    run,
    epoch,
  }: { readonly chain: string; readonly run: string; readonly epoch: number }) {
    super(
      `The run ${chain}/${run} is not this process's any more (epoch ${epoch}): its lease ran out or another process ` +
        "took it over. Nothing further is sent from here; start the same id to observe it.",
    );
  }
}
