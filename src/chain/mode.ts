import type { Takes } from "../base/options.ts";
import type { RunState } from "../journal/run.ts";

/**
 * Why a run is taken up. `start`: somebody starts its id. `again`: the same, and it is to go on from a failure that cost
 * nothing. `retry`: the same from any failure, as where the run that it is a part of goes on from one that came from it.
 * `resume`: somebody wants it to go on from its failure. `request`: a request that it answers has come in, perhaps once
 * more.
 */
export type StartMode = "start" | "again" | "retry" | "resume" | "request";

/** What follows from why a run is taken up. */
export interface ModeRules {
  /** The states that it is taken out of, so that its code is executed once more. */
  readonly reopens: readonly RunState[];
  /** Whether it is taken out of them too where another process has brought it there while this one waited. */
  readonly reopensLater: boolean;
  /**
   * What becomes of a failure from before. `replay`: it is given again. `retry-last`: the step that the run failed with is
   * tried again. `retry-each`: every such step in turn, until there is a fresh failure or none. `retry-free`: the same as
   * long as the failure cost nothing and may pass, and a run that failed so is taken out of it.
   */
  readonly oldFailure: "replay" | "retry-last" | "retry-each" | "retry-free";
  /** Whether the output is kept as JSON, and given as it is read back; else it is handed over as it is. */
  readonly keepsOutput: boolean;
  /** Which incoming request its calls are made for: the one that is answered here, or only the one that it was started for. */
  readonly answers: "any-request" | "its-request";
}

const ENDED: readonly RunState[] = ["blocked", "failed", "cancelled", "completed"];

// biome-ignore format: a table
export const RULES: Readonly<Record<StartMode, ModeRules>> = {
  start:   { reopens: ["blocked"],           reopensLater: false, oldFailure: "replay",     keepsOutput: true,  answers: "its-request" },
  again:   { reopens: ["blocked"],           reopensLater: false, oldFailure: "retry-free", keepsOutput: true,  answers: "its-request" },
  retry:   { reopens: ["blocked", "failed"], reopensLater: false, oldFailure: "retry-each", keepsOutput: true,  answers: "its-request" },
  resume:  { reopens: ["blocked", "failed"], reopensLater: false, oldFailure: "retry-each", keepsOutput: true,  answers: "its-request" },
  request: { reopens: ENDED,                 reopensLater: true,  oldFailure: "retry-last", keepsOutput: false, answers: "any-request" },
};

/** Which failures a run goes on from that has failed: none, those that cost nothing, or any. */
export type RetryFailed = boolean | "billed";

const MODES: ReadonlyMap<unknown, StartMode> = new Map<unknown, StartMode>([
  [false, "start"],
  [true, "again"],
  ["billed", "retry"],
]);

export const RETRY_FAILED: Takes = { what: 'true, false or "billed"', is: (value) => MODES.has(value) };

export const modeFor = (retryFailed: RetryFailed | undefined, otherwise: StartMode): StartMode =>
  MODES.get(retryFailed) ?? otherwise;
