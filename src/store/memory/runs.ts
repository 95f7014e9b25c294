import type { Clock } from "../../base/clock.ts";
import { LeaseLostError } from "../../errors/runs.ts";
import type { Fence, RunJournal, RunQuery, RunRecord, StepRecord } from "../../journal/run.ts";
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

export interface Runs {
  readonly journal: RunJournal;
  /** @throws {LeaseLostError} */
  assertHeld(fence: Fence): void;
  has(chain: string | undefined, id: string | undefined): boolean;
}

/**
 * @param forgotten Told of each run that is let go: `on-request` by the user, `over-bound` because there are too many.
 */
export function createRuns(
  clock: Clock,
  forgotten: (run: RunRecord, why: "on-request" | "over-bound") => void,
): Runs {
  const runs = new Map<string, KeptRun>();
  const endedRuns = new Set<string>();

  const held = (fence: Fence): KeptRun => {
    const kept = runs.get(runKey(fence.chain, fence.run));
    if (!kept || !holds(kept, fence, clock.now())) throw new LeaseLostError(fence);
    return kept;
  };

  const keep = ({ run, leaseUntil }: LeasedRun): RunRecord => {
    const key = runKey(run.chain, run.id);
    const { steps = new Map(), events = [] } = runs.get(key) ?? {};
    runs.set(key, { run, leaseUntil, steps, events });
    endedRuns.delete(key);
    if (isEnded(run)) endedRuns.add(key);
    for (const oldest of endedRuns) {
      if (endedRuns.size <= KEPT_RUNS) break;
      drop(oldest, "over-bound");
    }
    return run;
  };

  const drop = (key: string, why: "on-request" | "over-bound"): void => {
    const kept = runs.get(key);
    runs.delete(key);
    endedRuns.delete(key);
    if (kept) forgotten(kept.run, why);
  };

  const journal: RunJournal = {
    async claim(claim) {
      const known = runs.get(runKey(claim.chain, claim.id));
      const mine = claimed(known, claim, clock.now());
      if (mine) return { run: keep(mine), owned: claim.owner !== undefined };
      // Whoever cannot claim it found it.
      return { run: (known as KeptRun).run, owned: false };
    },
    async renew(fence, leaseMs) {
      const known = runs.get(runKey(fence.chain, fence.run));
      const isHeld = isOwned(known, fence);
      if (isHeld) keep({ run: known.run, leaseUntil: clock.now() + leaseMs });
      return { held: isHeld, cancelReason: known?.run.cancelReason };
    },
    async release(fence) {
      const known = runs.get(runKey(fence.chain, fence.run));
      if (isOwned(known, fence)) keep({ run: { ...known.run, owner: undefined }, leaseUntil: 0 });
    },
    async end(fence, end, at) {
      keep({ run: ended(held(fence).run, end, at), leaseUntil: 0 });
    },
    async cancel(chain, id, reason, at) {
      const known = runs.get(runKey(chain, id));
      if (!known) return undefined;
      const run = cancelled(known, reason, at, clock.now());
      return (run ? keep({ ...known, run }) : known.run).state;
    },
    get: async (chain, id) => runs.get(runKey(chain, id))?.run,
    list: async (query = {}) =>
      [...runs.values()]
        .map(({ run }) => run)
        .reverse()
        .filter(answers(query))
        .sort((a, b) => b.startedAt - a.startedAt)
        .slice(0, query.limit ?? 100),
    async forget(chain, id) {
      const known = runs.get(runKey(chain, id));
      if (!known) return false;
      assertForgettable(known.run);
      drop(runKey(chain, id), "on-request");
      return true;
    },

    async saveStep(fence, step) {
      const { steps } = held(fence);
      if (!steps.has(step.key)) steps.set(step.key, step);
    },
    async dropSteps(fence, keys) {
      const { steps } = held(fence);
      for (const key of keys) steps.delete(key);
    },
    steps: async (chain, run) => [...(runs.get(runKey(chain, run))?.steps.values() ?? [])],
    async appendEvents(fence, events) {
      held(fence).events.push(...events);
    },
    async events(chain, run, from, limit = 1_000) {
      const events = runs.get(runKey(chain, run))?.events.slice(from, from + limit) ?? [];
      return events.map((event, n) => ({ seq: from + n, event }));
    },
  };

  return {
    journal,
    assertHeld: (fence) => void held(fence),
    has: (chain, id) => chain !== undefined && id !== undefined && runs.has(runKey(chain, id)),
  };
}

const runKey = (chain: string, id: string): string => JSON.stringify([chain, id]);

const answers =
  ({ chain, state, since }: RunQuery) =>
  (run: RunRecord): boolean =>
    (chain === undefined || run.chain === chain) &&
    (state === undefined || run.state === state) &&
    (since === undefined || run.startedAt >= since);
