import type { RunState } from "../journal/run.ts";

/**
 * Why a run is taken up. `start`: somebody starts its id. `retry`: the same, and the run that it is a part of goes on from
 * a failure that came from it. `resume`: somebody wants it to go on from its failure. `request`: a request that it
 * answers has come in, perhaps once more.
 */
export type StartMode = "start" | "retry" | "resume" | "request";

/** What follows from why a run is taken up. */
export interface ModeRules {
  /** The states that it is taken out of, so that its code is executed once more. */
  readonly reopens: readonly RunState[];
  /** Whether it is taken out of them too where another process has brought it there while this one waited. */
  readonly reopensLater: boolean;
  /**
   * What becomes of a failure from before. `replay`: it is given again. `retry-last`: the step that the run failed with is
   * tried again. `retry-each`: every such step in turn, until there is a fresh failure or none.
   */
  readonly oldFailure: "replay" | "retry-last" | "retry-each";
  /** Whether the output is kept as JSON, and given as it is read back; else it is handed over as it is. */
  readonly keepsOutput: boolean;
  /** Which incoming request its calls are made for: the one that is answered here, or only the one that it was started for. */
  readonly answers: "any-request" | "its-request";
}

const ENDED: readonly RunState[] = ["blocked", "failed", "cancelled", "completed"];

// biome-ignore format: a table
export const RULES: Readonly<Record<StartMode, ModeRules>> = {
  start:   { reopens: ["blocked"],           reopensLater: false, oldFailure: "replay",     keepsOutput: true,  answers: "its-request" },
  retry:   { reopens: ["blocked", "failed"], reopensLater: false, oldFailure: "retry-each", keepsOutput: true,  answers: "its-request" },
  resume:  { reopens: ["blocked", "failed"], reopensLater: false, oldFailure: "retry-each", keepsOutput: true,  answers: "its-request" },
  request: { reopens: ENDED,                 reopensLater: true,  oldFailure: "retry-last", keepsOutput: false, answers: "any-request" },
};
