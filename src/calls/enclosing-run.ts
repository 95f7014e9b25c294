import type { OfRun } from "../attribution/context.ts";
import { asyncContext, runWith } from "../base/async-context.ts";
import { RunStateError } from "../errors/runs.ts";
import type { CallRecord } from "../journal/call.ts";
import type { Fence } from "../journal/run.ts";
import type { RunBudget } from "../ledger/budget.ts";
import type { Cost } from "../money/cost.ts";
import type { CallEvent } from "./events.ts";
import type { Reuse } from "./options.ts";

/** What is known of a call from its first moment. */
export interface CallInfo {
  readonly id: string;
  readonly endpoint: string;
  /** What the caller's code calls it; undefined where it does not say. */
  readonly step: string | undefined;
  /** What to do where the step was there before with another input. @default an error */
  readonly onChange?: "rerun" | "reuse" | undefined;
  /** It asks for a request that was submitted before, and is no call of its own. */
  readonly asksForRequest?: boolean;
}

/** What a run has of a call that was asked for, and what a submit of it must heed. */
export interface FoundStep {
  readonly key: string;
  /** What an earlier execution of the run has of it. */
  readonly record: CallRecord | undefined;
  /** The call that a new one takes the place of. */
  readonly replaces: string | undefined;
  readonly fence: Fence;
  /** What takes the place of files that fal has deleted, and of which a copy was kept. */
  readonly replacements: ReadonlyMap<string, string>;
  /** The URL that a file of the run has already, or that of its upload. */
  upload(digest: string, upload: () => Promise<string>): Promise<string>;
  /** Asked right before each POST. @throws {LeaseLostError} when the run is not ours any more: nothing is sent. */
  permit(): Promise<void>;
}

/** A call that its run has let in: the run says what it has of it, and is told how it goes. */
export interface AdmittedCall {
  /**
   * Finds what the run has of it, once its input is known and before anything is sent.
   *
   * @throws when the call may not be made: another input than before, or a run that went another way.
   */
  find(input: {
    readonly endpoint: string;
    readonly content: string;
    /** What tells it from other calls of the endpoint with the same input. */
    readonly how?: string | undefined;
  }): Promise<FoundStep>;
  /** Instead of `find`: it asks for a call of the run that was made before, in this execution or an earlier one. */
  identify(record: CallRecord): void;
  /** Nothing of what was found can be had, so it is submitted in its place. */
  startsAnew(): void;
  /** It failed, and is made again as this call of the ledger. */
  triesAgain(
    id: string,
    failed: { readonly error: unknown; readonly cost: Promise<Cost | undefined> | undefined },
  ): void;
  event(event: CallEvent): void;
  /** What it fails with, as the run says it. */
  failure(error: unknown): unknown;
  /** `cost` is undefined where nothing is paid, and is known a while after the end. It never rejects. */
  ended(end: { readonly error?: unknown; readonly cost: Promise<Cost | undefined> | undefined }): void;
}

/** The run that the current code belongs to, as its calls see it: it lets them in, follows them, and may stop them. */
export interface EnclosingRun {
  /** Cancels its calls, upstream too. */
  readonly signal: AbortSignal;
  /** Leaves its calls to go on upstream: nothing more is noted of them here. */
  readonly detached: AbortSignal;
  readonly of: OfRun;
  /** What it, and each run that it was started within, may cost. */
  readonly budgets: readonly RunBudget[];
  /** What its chain says of its calls. */
  readonly reuse: Reuse | false | undefined;
  /** @throws when no more calls may be made. */
  admit(
    call: CallInfo & { readonly live: { readonly isHeard: boolean }; cancel(): Promise<unknown> },
  ): AdmittedCall;
}

/** Where in a run's code something is done. It is asked for its run when a call is made, and not before. */
export interface Place {
  readonly code: { readonly enclosing: EnclosingRun };
}

const current = asyncContext<Place>("run");

export const currentPlace = (): Place | undefined => current.get();
export const currentRun = (): EnclosingRun | undefined => current.get()?.code.enclosing;
export const atPlace = <R>(place: Place, fn: () => R): R => current.run(place, fn);
/** The same, and for what the body of a generator does that `fn` gives. */
export const withinPlace = <P extends Place, R>(place: P, fn: () => R): R => runWith(current, place, fn);

/**
 * The run that something is done in which a run must know of.
 *
 * @throws {RunStateError} where nobody can tell: a run is under way, and the runtime lets code lose it.
 */
export function runHere(what: string): EnclosingRun | undefined {
  const run = currentRun();
  if (!run && current.lossy?.isUnderWay()) throw lostRun(what);
  return run;
}

/** A run's code begins; what this gives is called when it has ended. */
export const codeBegins = (): (() => void) | undefined => current.lossy?.begin();

/** Whether what is done here, outside of any run, may be a run's that the runtime let it lose. */
export const mayHaveLostRun = (): boolean => !current.get() && current.lossy?.isUnderWay() === true;

export const lostRun = (what: string): RunStateError =>
  new RunStateError(
    "run_required",
    `${what} was made while a run is under way, and this runtime has no AsyncLocalStorage, so that nobody can tell whether ` +
      "it is of that run: it could lose the run, its tags and its budget. Nothing was sent. Make it through the run that " +
      "the chain's function is given: run.subscribe(…), run.step(…), or run.bind(() => …)() for anything else; or give the " +
      "runtime its AsyncLocalStorage (on Cloudflare the flag nodejs_compat).",
  );
