import { OVER, whenAborted } from "../base/signal.ts";
import { FalError } from "../errors/fal-error.ts";
import { stateOfFailure } from "../errors/registry.ts";
import { RunBlockedError } from "../errors/runs.ts";
import { storeErrorIn } from "../errors/store.ts";
import { runName } from "../journal/run-name.ts";
import { type Attempt, heedStore } from "./attempt.ts";
import { cancelRun, detachRun, LiveRun, wasExecutedHere } from "./live-run.ts";
import { RULES } from "./mode.ts";
import type { RunPlan } from "./plan.ts";
import { type Run, type StartedRun, startRun } from "./run.ts";
import type { ChainServices } from "./services.ts";
import { innerRunKey } from "./step-key.ts";

/** The runs of a client that are under way in this process, so that one that is begun again is not executed twice. */
export interface RunsHere {
  /** Asked at each start, since a chain is often defined before its client is configured. */
  readonly services: () => ChainServices;
  readonly underWay: Map<string, RunHere>;
  /** Those of incoming requests. */
  readonly requests: Set<Pick<Run<unknown>, "detach">>;
  hasWarned: boolean;
  hasWarnedOfLost: boolean;
  /** Which failures that nobody awaited were said, by chain and kind. */
  readonly saidFailures: Set<string>;
  /** The names that two functions have, and that was said. */
  readonly saidTaken: Set<string>;
}

export const runsHere = (services: () => ChainServices): RunsHere => ({
  services,
  underWay: new Map(),
  requests: new Set(),
  hasWarned: false,
  hasWarnedOfLost: false,
  saidFailures: new Set(),
  saidTaken: new Set(),
});

interface RunHere extends StartedRun<unknown> {
  failure?: unknown;
}

export function beginRun(runsHere: RunsHere, plan: RunPlan): StartedRun<unknown> {
  const { services, underWay } = runsHere;
  const key = JSON.stringify([plan.chain, plan.id]);
  const known = underWay.get(key);
  if (known) {
    // The store says whether its input is another one: of a run that was resumed here it is not known here.
    if (hasOtherInput(known, plan)) return saidIfUnheard(runsHere, startRun(new LiveRun(services(), plan)));
    if (!goesOn(known, plan)) return joined(known, plan);
  }
  // Where it has failed, some of its calls are still on their way: they are to be noted before they are asked for again.
  const after = known ? Promise.all([plan.after, known.run.total]) : plan.after;
  const here: RunHere = startRun(new LiveRun(services(), { ...plan, after }));
  underWay.set(key, here);
  here.outcome.catch((error: unknown) => {
    here.failure = error;
  });
  void here.run.total.then(() => {
    if (underWay.get(key) === here) underWay.delete(key);
  });
  return saidIfUnheard(runsHere, here);
}

/** A run whose failure is a warning where nobody awaits it by the time that all of it is over. Once for each kind. */
function saidIfUnheard<S extends StartedRun<unknown>>({ services, saidFailures }: RunsHere, started: S): S {
  const { outcome, run, live } = started;
  outcome.catch(async (error: unknown) => {
    await run.total;
    const state = stateOfFailure(error);
    if (live.isHeard || state === "cancelled" || state === "detached") return;
    const kind = `${run.chain} ${error instanceof FalError ? error.code : error instanceof Error ? error.name : "other"}`;
    if (saidFailures.has(kind)) return;
    saidFailures.add(kind);
    const how = state === "blocked" ? "is blocked" : "has failed";
    services().report(`The run ${runName(run.chain, run.id)} ${how}, and nobody awaits it`, error);
  });
  return started;
}

const hasOtherInput = ({ live }: RunHere, { startWith }: RunPlan): boolean =>
  startWith !== undefined && startWith.input !== live.plan.startWith?.input;

/** Whether what has failed here is to go on from its failure. What its store let down has no end. */
function goesOn({ failure }: RunHere, { mode }: RunPlan): boolean {
  const { reopens, oldFailure } = RULES[mode];
  if (failure instanceof RunBlockedError || storeErrorIn(failure)) return true;
  // What the failure cost, the store knows.
  return failure !== undefined && (reopens.includes("failed") || oldFailure === "retry-free");
}

/** Whoever starts what runs here already shares it, and what ends it for one ends it for all. */
function joined(known: RunHere, { abortSignals, detachSignal }: RunPlan): RunHere {
  const { live, run } = known;
  const over = new AbortController();
  for (const signal of abortSignals) whenAborted(signal, over.signal, () => cancelRun(live, signal.reason));
  if (detachSignal) whenAborted(detachSignal, over.signal, () => detachRun(live));
  void run.total.then(() => over.abort(OVER));
  return known;
}

/**
 * Begins a run that is a part of another one: it is cancelled and detached with that, and goes on from its failure where
 * that failed with it.
 */
export function beginInner(here: RunsHere, outer: Attempt, plan: RunPlan): Run<unknown> {
  const { execution, replay } = outer;
  const { services, cancelled } = execution.live;
  const { chain, run: id } = execution.fence;
  const key = innerRunKey(plan.chain, plan.id);
  const tried = RULES[execution.live.plan.mode].oldFailure === "retry-free" ? "again" : "retry";
  const { run, live, outcome } = beginRun(here, {
    ...plan,
    mode: replay.retry.delete(key) ? tried : "start",
    abortSignals: [...plan.abortSignals, cancelled.signal],
    detachSignal: execution.released.signal,
    outer: { chain, id, directStore: services.directStore },
  });
  outcome.catch((error: unknown) => {
    heedStore(outer, error);
    execution.failures.from(key, error);
    if (!wasExecutedHere(live)) outer.replayed.add(key);
  });
  return run;
}

export async function detachAll({ underWay, requests }: RunsHere): Promise<void> {
  const runs = [...[...underWay.values()].map(({ run }) => run), ...requests];
  await Promise.all(runs.map((run) => run.detach()));
}
