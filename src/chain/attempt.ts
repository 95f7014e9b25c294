import type { Attribution } from "../attribution/context.ts";
import type { EnclosingRun } from "../calls/enclosing-run.ts";
import { LeaseLostError, RunStateError } from "../errors/runs.ts";
import { storeErrorIn } from "../errors/store.ts";
import { runName } from "../journal/run-name.ts";
import type { RunCall } from "./events.ts";
import type { Execution } from "./execution.ts";
import type { Replay } from "./replay.ts";

/** The chain's function, executed once from its beginning: what the code within a run works with. */
export interface Attempt {
  readonly execution: Execution;
  /** What the run has paid for already. */
  readonly replay: Replay;
  /** Whom its calls are made for, and what admits them. */
  readonly enclosing: EnclosingRun;
  readonly attribution: Attribution;
  /** What was attributed to others before its code began has a lower one. */
  readonly mark: number;
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
export function assertOpen({ isClosed, execution }: Attempt, what: string): void {
  if (!isClosed) return;
  const { chain, run } = execution.fence;
  const name = runName(chain, run);
  const late = new RunStateError(
    "run_ended",
    `${what} was made after its run ${name} had ended, so nothing would wait for it. Await every call inside the chain.`,
  );
  // Who is not waited for may not wait for it either.
  sayLate(execution, late);
  throw late;
}

/** Once for each execution. */
function sayLate(execution: Execution, error: RunStateError): void {
  const { hasLateCode, released, fence, live } = execution;
  execution.hasLateCode = true;
  if (hasLateCode || released.signal.aborted) return;
  const run = runName(fence.chain, fence.run);
  live.services.report(`Code of the run ${run} goes on without anybody waiting for it`, error);
}

/** What was not awaited, and could not be done any more when its run had ended. Another process has nothing to do with it. */
export function forgotten({ execution }: Attempt, what: string): RunStateError {
  const { chain, run } = execution.fence;
  const error = new RunStateError(
    "run_ended",
    `${what} was not awaited: its run ${runName(chain, run)} ended before it was sent or noted. Nothing was sent after that. ` +
      "Await every call and step inside the chain.",
  );
  sayLate(execution, error);
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
