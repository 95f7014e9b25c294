import type { Cost } from "../money/cost.ts";

/** Told of one execution of a run, for logs and traces. It changes nothing, and never throws. */
export interface RunObserver {
  /** The store has it. A request's code is executed before that, and may end without it. @param epoch Counts the executions; the first is 1. */
  begun(epoch: number): void;
  /** Whatever the chain's function does, it does inside this. */
  within<R>(fn: () => R): R;
  ended(end: {
    readonly error?: unknown;
    /** What each call cost, once all of them have ended. Never rejects. */
    readonly costs: Promise<readonly Cost[]>;
  }): void;
}

export type ObserveRun = (run: {
  readonly chain: string;
  readonly run: string;
  readonly tags: Readonly<Record<string, string>>;
}) => RunObserver;
