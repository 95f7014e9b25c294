import { isSameStore } from "../journal/store.ts";
import type { Attempt } from "./attempt.ts";
import { wasExecutedHere } from "./live-run.ts";
import { runsAround } from "./origin.ts";
import type { RunPlan } from "./plan.ts";
import { currentPosition } from "./position.ts";
import type { Run } from "./run.ts";
import { beginRun, type RunsHere } from "./runs-here.ts";
import type { ChainServices } from "./services.ts";
import { innerRunKey } from "./step-key.ts";

/**
 * Begins a run that is a part of another one: it is cancelled and detached with that, and goes on from its failure where
 * that failed with it.
 */
export function beginInner(here: RunsHere, outer: Attempt, plan: RunPlan): Run<unknown> {
  const { execution, replay } = outer;
  const { services, cancelled } = execution.live;
  const { chain, run: id } = execution.fence;
  const key = innerRunKey(plan.chain, plan.id);
  const { run, live } = beginRun(here, {
    ...plan,
    mode: replay.retry.delete(key) ? "retry" : "start",
    abortSignals: [...plan.abortSignals, cancelled.signal],
    detachSignal: execution.released.signal,
    outer: { chain, id, keptIn: services.keptIn },
  });
  run.catch((error: unknown) => {
    execution.failures.from(key, error);
    if (!wasExecutedHere(live)) outer.replayed.add(key);
  });
  return run;
}

/** Whether the current code belongs to this run, or to one that was started within it. */
export function isWithin(chain: string, id: string, { keptIn }: ChainServices): boolean {
  const { attempt } = currentPosition() ?? {};
  if (!attempt || !isSameStore(attempt.execution.live.services.keptIn, keptIn)) return false;
  return (runsAround() ?? []).some((run) => run[0] === chain && run[1] === id);
}
