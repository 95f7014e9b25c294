import type { OfRun } from "../attribution/context.ts";
import { asyncContext } from "../base/async-context.ts";
import type { CallRecord } from "../journal/call.ts";
import type { Fence } from "../journal/run.ts";
import type { RunBudget } from "../ledger/budget.ts";
import type { Cost } from "../money/cost.ts";
import type { CallEvent } from "./events.ts";

/** What is known of a call from its first moment. */
export interface CallInfo {
  readonly id: string;
  readonly endpoint: string;
  /** What the caller's code calls it; undefined where it does not say. */
  readonly step: string | undefined;
  /** What to do where the step was there before with another input. @default an error */
  readonly onChange?: "rerun" | "reuse" | undefined;
}

/** Where a call stands in its run. */
export interface Place {
  readonly key: string;
  /** What an earlier execution of the run has of this step. */
  readonly record: CallRecord | undefined;
  /** The call that a new one takes the place of. */
  readonly replaces: string | undefined;
  readonly fence: Fence;
  /** Told when nothing of `record` can be had, so that the call is submitted in its place. */
  anew(): void;
  /** The URL that a file of the run has already, or that of its upload. */
  upload(digest: string, upload: () => Promise<string>): Promise<string>;
  /** What takes the place of files that fal has let go, and that were kept. */
  readonly replacements: ReadonlyMap<string, string>;
  /** Asked right before each POST. @throws {LeaseLostError} when the run is not ours any more: nothing is sent. */
  permit(): Promise<void>;
}

/** Told of one call's events, and of its end. */
export interface CallObserver {
  /**
   * Finds the call's place, once its input is known and before anything is sent.
   *
   * @throws when the call may not be made: another input than before, or a run that went another way.
   */
  place(input: { readonly endpoint: string; readonly content: string }): Promise<Place>;
  event(event: CallEvent): void;
  /** `cost` is undefined where nothing is paid, and is known a while after the end. It never rejects. */
  ended(end: { readonly error?: unknown; readonly cost: Promise<Cost | undefined> | undefined }): void;
}

/** Whoever makes calls on behalf of something larger, such as a run: it admits them, sees them, and may stop them. */
export interface Caller {
  /** Cancels its calls, upstream too. */
  readonly signal: AbortSignal;
  /** Lets its calls go: they go on upstream, and nothing more is noted of them here. */
  readonly detached: AbortSignal;
  /** The run that its calls belong to. */
  readonly of: OfRun;
  /** What that run, and each one that it was started within, may cost. */
  readonly budgets: readonly RunBudget[];
  /** @throws when no more calls may be made. */
  admit(call: CallInfo & { cancel(): Promise<unknown> }): CallObserver;
}

const current = asyncContext<Caller>();

export const currentCaller = (): Caller | undefined => current.get();
export const withCaller = <R>(caller: Caller, fn: () => R): R => current.run(caller, fn);
