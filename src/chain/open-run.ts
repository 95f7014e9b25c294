import type { Store } from "../journal/store.ts";
import type { Saved } from "./saved.ts";

/** What code within a run can ask of it. */
export interface OpenRun {
  readonly chain: string;
  /** The run's id. */
  readonly run: string;
  /** The runs that it was started within, from the outside in: chain and id. */
  readonly within: readonly (readonly [chain: string, id: string])[];
  /** Where it is kept. */
  readonly store: Store;
  /** Aborts when it is cancelled. */
  readonly signal: AbortSignal;
  /** Aborts when it is let go. */
  readonly detached: AbortSignal;
  /** @throws {RunStateError} when it is over here, so that nothing would wait for `what`. */
  assertOpen(what: string): void;
  step<T>(scope: string, name: string, fn: () => T | PromiseLike<T>): Promise<Saved<T>>;
  /** Whether a run within it is to go on from its failure, as this one failed with that. Once for each. */
  retries(inner: string): boolean;
  /** Notes that an error came from a run within it, and whether that had failed before. */
  failedIn(inner: string, error: unknown, isReplayed: boolean): void;
  /** Tells equal things within a scope apart, in the order in which they are asked for. */
  occurrence(of: string): number;
}
