import type { Attribution, OfRun } from "../attribution/context.ts";
import type { EnclosingRun } from "../calls/enclosing-run.ts";
import { LeaseLostError, RunStateError } from "../errors/runs.ts";
import { storeErrorIn } from "../errors/store.ts";
import { runName } from "../journal/run-name.ts";
import type { RunBudget } from "../ledger/budget.ts";
import type { RunCall } from "./events.ts";
import type { Execution } from "./execution.ts";
import type { LiveRun } from "./live-run.ts";
import type { RunObserver } from "./observer.ts";
import type { Replay } from "./replay.ts";

/** A run's code while it is executed: what it has from its first moment. */
export interface Code {
  readonly live: LiveRun;
  /** Whom its calls are made for, and what admits them. */
  readonly enclosing: EnclosingRun;
  readonly attribution: Attribution;
  /** What was attributed to others before it began has a lower one. */
  readonly mark: number;
  readonly observer: RunObserver;
  /** How many equal runs without an id it has started. */
  readonly counts: Map<string, number>;
  /** Whether it gets nothing more, though some of it may still be on its way. */
  isClosed(): boolean;
  /** Undefined until its run has begun: a request's does so with the first thing that needs it. */
  readonly attempt: Attempt | undefined;
  /** Begins its run, and does something in it: at once, or as soon as it has begun, in the order of asking. */
  withAttempt<R>(fn: (attempt: Attempt) => Promise<R>): Promise<R>;
}

/** The chain's function, executed once from its beginning: what the code within a run works with. */
export interface Attempt {
  readonly execution: Execution;
  /** What the run has paid for already. */
  readonly replay: Replay;
  readonly of: OfRun;
  readonly budgets: readonly RunBudget[];
  /** Steps whose failure is one from an earlier execution. */
  readonly replayed: Set<string>;
  /** Calls by their ids, as the run tells of them. */
  readonly told: Map<string, RunCall>;
  /** How many calls have been told of under a name. */
  readonly labels: Map<string, number>;
  /** Files that are uploaded, by what their step is found by. */
  readonly uploads: Map<string, Promise<string>>;
  /** By URL: the step of an earlier execution that was given this file. */
  readonly oldFiles: Map<string, string>;
  /** Whether its code, of which some may still be on its way, gets nothing more. */
  isClosed: boolean;
}

/** @throws {RunStateError} when it is over, so that nothing would wait for `what`. */
export function assertOpen(code: Code, what: string): void {
  if (!code.isClosed()) return;
  const { live, enclosing } = code;
  const name = runName(live.plan.chain, live.plan.id);
  const late = new RunStateError(
    "run_ended",
    `${what} was made after its run ${name} had ended, so nothing would wait for it. Await every call inside the chain.`,
  );
  // Who is not waited for may not wait for it either.
  sayLate(live, enclosing.detached, late);
  throw late;
}

/** Once for each run here. Code of one that was released has been left, and another process has nothing to do with it. */
function sayLate(live: LiveRun, released: AbortSignal, error: RunStateError): void {
  const { hasLateCode, plan, services } = live;
  live.hasLateCode = true;
  if (hasLateCode || released.aborted) return;
  services.report(
    `Code of the run ${runName(plan.chain, plan.id)} goes on without anybody waiting for it`,
    error,
  );
}

/** What was not awaited, and could not be done any more when its run had ended. */
export function forgotten({ execution }: Attempt, what: string): RunStateError {
  const { chain, run } = execution.fence;
  const error = new RunStateError(
    "run_ended",
    `${what} was not awaited: its run ${runName(chain, run)} ended before it was sent or noted. Nothing was sent after that. ` +
      "Await every call and step inside the chain.",
  );
  sayLate(execution.live, execution.released.signal, error);
  return error;
}

/** Whether it fails because nobody has awaited it. */
export const isForgotten = ({ isClosed, execution }: Attempt, error: unknown): boolean =>
  error instanceof LeaseLostError && isClosed && !execution.released.signal.aborted;

/** Whether what fails now may fail because of that. */
export const isOver = ({ isClosed, execution }: Attempt): boolean =>
  isClosed || execution.stopped.signal.aborted;

/**
 * A store that fails ends the execution, and not the run: its code cannot take another way that a replay would not see,
 * and whoever has the run next goes on.
 */
export function heedStore({ isClosed, execution }: Attempt, error: unknown): void {
  const cause = isClosed ? undefined : storeErrorIn(error);
  if (cause) execution.released.abort(cause);
}

/** A step of a name for people: unique among those that it has told of. */
export function uniqueLabel({ labels }: Attempt, name: string): string {
  const nth = (labels.get(name) ?? 0) + 1;
  labels.set(name, nth);
  return nth === 1 ? name : `${name} #${nth}`;
}
