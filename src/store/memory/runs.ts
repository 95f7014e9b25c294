import type { Clock } from "../../base/clock.ts";
import { LeaseLostError } from "../../errors/runs.ts";
import type { CallFor } from "../../journal/call.ts";
import type { Fence, Renewed, RunJournal, RunQuery, RunRecord, StepRecord } from "../../journal/run.ts";
import {
  assertForgettable,
  cancelled,
  claimed,
  ended,
  holds,
  isEnded,
  isOwned,
  type LeasedRun,
} from "../run-changes.ts";

/** Ended runs that are kept. */
const KEPT_RUNS = 1_000;

interface KeptRun extends LeasedRun {
  readonly steps: Map<string, StepRecord>;
  readonly events: string[];
}

/** Why a run is forgotten: its user wants it, or there are too many. */
export type WhyForgotten = "on-request" | "over-bound";

/** The runs of a store in memory. */
export interface KeptRuns {
  readonly clock: Clock;
  readonly byKey: Map<string, KeptRun>;
  /** Those that go when there are too many, oldest first. */
  readonly ended: Set<string>;
  /** Told of each run that is forgotten. */
  readonly forgotten: (run: RunRecord, why: WhyForgotten) => void;
}

export const keptRuns = (clock: Clock, forgotten: KeptRuns["forgotten"]): KeptRuns => ({
  clock,
  byKey: new Map(),
  ended: new Set(),
  forgotten,
});

export const isKept = ({ byKey }: KeptRuns, { chain, run }: Pick<CallFor, "chain" | "run">): boolean =>
  chain !== undefined && run !== undefined && byKey.has(runKey(chain, run));

/** The run, if it is still held under the fence. @throws {LeaseLostError} */
export function heldRun(runs: KeptRuns, fence: Fence): KeptRun {
  const kept = find(runs, fence.chain, fence.run);
  if (!kept || !holds(kept, fence, runs.clock.now())) throw new LeaseLostError(fence);
  return kept;
}

export function runJournal(runs: KeptRuns): RunJournal {
  const { clock } = runs;
  return {
    async claim(claim) {
      const known = find(runs, claim.chain, claim.id);
      const mine = claimed(known, claim, clock.now());
      if (mine) return { run: keep(runs, mine), owned: claim.owner !== undefined };
      // Whoever cannot claim it found it.
      return { run: (known as KeptRun).run, owned: false };
    },
    renew: async (fence, leaseMs) => renewed(runs, fence, leaseMs),
    renewAll: async (fences, leaseMs) => fences.map((fence) => renewed(runs, fence, leaseMs)),
    async release(fence) {
      const known = find(runs, fence.chain, fence.run);
      if (isOwned(known, fence)) keep(runs, { run: { ...known.run, owner: undefined }, leaseUntil: 0 });
    },
    async end(fence, end, at) {
      keep(runs, { run: ended(heldRun(runs, fence).run, end, at), leaseUntil: 0 });
    },
    async cancel(chain, id, reason, at) {
      const known = find(runs, chain, id);
      if (!known) return undefined;
      const run = cancelled(known, reason, at, clock.now());
      return (run ? keep(runs, { ...known, run }) : known.run).state;
    },
    get: async (chain, id) => find(runs, chain, id)?.run,
    list: async (query = {}) =>
      [...runs.byKey.values()]
        .map(({ run }) => run)
        .reverse()
        .filter(answers(query))
        .sort((a, b) => b.startedAt - a.startedAt)
        .slice(0, query.limit ?? 100),
    async forget(chain, id) {
      const known = find(runs, chain, id);
      if (!known) return false;
      assertForgettable(known.run);
      drop(runs, runKey(chain, id), "on-request");
      return true;
    },

    async saveStep(fence, step) {
      const { steps } = heldRun(runs, fence);
      if (!steps.has(step.key)) steps.set(step.key, step);
    },
    async dropSteps(fence, keys) {
      const { steps } = heldRun(runs, fence);
      for (const key of keys) steps.delete(key);
    },
    steps: async (chain, run) => [...(find(runs, chain, run)?.steps.values() ?? [])],
    async appendEvents(fence, events) {
      heldRun(runs, fence).events.push(...events);
    },
    async events(chain, run, from, limit = 1_000) {
      const events = find(runs, chain, run)?.events.slice(from, from + limit) ?? [];
      return events.map((event, n) => ({ seq: from + n, event }));
    },
  };
}

function renewed(runs: KeptRuns, fence: Fence, leaseMs: number): Renewed {
  const known = find(runs, fence.chain, fence.run);
  const isHeld = isOwned(known, fence);
  if (isHeld) keep(runs, { run: known.run, leaseUntil: runs.clock.now() + leaseMs });
  return { held: isHeld, cancelReason: known?.run.cancelReason };
}

const runKey = (chain: string, id: string): string => JSON.stringify([chain, id]);

const find = ({ byKey }: KeptRuns, chain: string, id: string): KeptRun | undefined =>
  byKey.get(runKey(chain, id));

function keep(runs: KeptRuns, { run, leaseUntil }: LeasedRun): RunRecord {
  const { byKey, ended } = runs;
  const key = runKey(run.chain, run.id);
  const { steps = new Map(), events = [] } = byKey.get(key) ?? {};
  byKey.set(key, { run, leaseUntil, steps, events });
  ended.delete(key);
  if (isEnded(run)) ended.add(key);
  for (const oldest of ended) {
    if (ended.size <= KEPT_RUNS) break;
    drop(runs, oldest, "over-bound");
  }
  return run;
}

function drop({ byKey, ended, forgotten }: KeptRuns, key: string, why: WhyForgotten): void {
  const kept = byKey.get(key);
  byKey.delete(key);
  ended.delete(key);
  if (kept) forgotten(kept.run, why);
}

const answers =
  ({ chain, state, since }: RunQuery) =>
  (run: RunRecord): boolean =>
    (chain === undefined || run.chain === chain) &&
    (state === undefined || run.state === state) &&
    (since === undefined || run.startedAt >= since);
