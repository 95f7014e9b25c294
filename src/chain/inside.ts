import type { Saved } from "./saved.ts";

/** What code within a run can ask of it. */
export interface RunInside {
  /** The run's id. */
  readonly run: string;
  readonly signal: AbortSignal;
  step<T>(scope: string, name: string, fn: () => T | PromiseLike<T>): Promise<Saved<T>>;
  /** Tells equal things within a scope apart, in the order in which they are asked for. */
  occurrence(of: string): number;
}
