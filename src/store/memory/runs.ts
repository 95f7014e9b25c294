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

/** How much of a process's memory payloads take, and what goes first where they are too much. */
export interface Room {
  bytes: number;
  readonly limit: number;
  readonly sizes: Map<string, number>;
  /** What has ended, oldest first: the calls that are kept for themselves, and the runs with their calls. */
  readonly ended: Set<string>;
}

/** Ended runs that are kept. */
const KEPT_RUNS = 1_000;

interface KeptRun extends LeasedRun {
  readonly steps: Map<string, StepRecord>;
  readonly events: string[];
  /** Bytes of its steps and events. */
  readonly beside: number;
}

/** Why a run is forgotten: its user wants it, or there are too many, or what they hold is too much. */
export type WhyForgotten = "on-request" | "over-bound" | "over-bytes";

/** The runs of a store in memory. */
export interface KeptRuns {
  readonly clock: Clock;
  readonly byKey: Map<string, KeptRun>;
  /** Those that go when there are too many, oldest first. */
  readonly ended: Set<string>;
  readonly room: Room;
  /** Told of each run that is forgotten. */
  readonly forgotten: (run: RunRecord, why: WhyForgotten) => void;
}

/** @param limit Bytes that payloads may take. */
export const keptRuns = (clock: Clock, limit: number, forgotten: KeptRuns["forgotten"]): KeptRuns => ({
  clock,
  room: { bytes: 0, limit, sizes: new Map(), ended: new Set() },
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
      const { run, events } = heldRun(runs, fence);
      events.push(...(end.events ?? []));
      keep(runs, { run: ended(run, end, at), leaseUntil: 0 });
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
      const kept = heldRun(runs, fence);
      if (kept.steps.has(step.key)) return;
      kept.steps.set(step.key, step);
      grow(runs, kept, roughSize(step));
    },
    async dropSteps(fence, keys) {
      const kept = heldRun(runs, fence);
      for (const key of keys) {
        grow(runs, kept, -roughSize(kept.steps.get(key)));
        kept.steps.delete(key);
      }
    },
    steps: async (chain, run) => [...(find(runs, chain, run)?.steps.values() ?? [])],
    async appendEvents(fence, events) {
      const kept = heldRun(runs, fence);
      // One by one: of arguments a call takes a hundred thousand, and a status may bring more lines.
      for (const event of events) kept.events.push(event);
      grow(runs, kept, roughSize(events));
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
  const { byKey, ended, room } = runs;
  const key = runKey(run.chain, run.id);
  const { steps = new Map(), events = [], beside = 0 } = byKey.get(key) ?? {};
  byKey.set(key, { run, leaseUntil, steps, events, beside });
  resize(room, runIn(key), beside + roughSize([run.input, run.output, run.error]));
  ended.delete(key);
  room.ended.delete(runIn(key));
  if (isEnded(run)) {
    ended.add(key);
    room.ended.add(runIn(key));
  }
  for (const oldest of ended) {
    if (ended.size <= KEPT_RUNS) break;
    drop(runs, oldest, "over-bound");
  }
  return run;
}

/** It has got so many bytes larger. */
function grow(runs: KeptRuns, kept: KeptRun, bytes: number): void {
  const key = runKey(kept.run.chain, kept.run.id);
  // It was replaced if it was written since it was looked up.
  const now = runs.byKey.get(key) ?? kept;
  runs.byKey.set(key, { ...now, beside: now.beside + bytes });
  resize(runs.room, runIn(key), (runs.room.sizes.get(runIn(key)) ?? 0) + bytes);
}

export function drop({ byKey, ended, forgotten, room }: KeptRuns, key: string, why: WhyForgotten): void {
  const kept = byKey.get(key);
  byKey.delete(key);
  ended.delete(key);
  room.ended.delete(runIn(key));
  resize(room, runIn(key), 0);
  if (kept) forgotten(kept.run, why);
}

const answers =
  ({ chain, state, since }: RunQuery) =>
  (run: RunRecord): boolean =>
    (chain === undefined || run.chain === chain) &&
    (state === undefined || run.state === state) &&
    (since === undefined || run.startedAt >= since);

/** What a call or a run is in a room. */
export const callIn = (id: string): string => `call ${id}`;
const runIn = (key: string): string => `run ${key}`;

export function resize(room: Room, what: string, bytes: number): void {
  room.bytes += bytes - (room.sizes.get(what) ?? 0);
  if (bytes > 0) room.sizes.set(what, bytes);
  else room.sizes.delete(what);
}

/** What JSON takes in memory, roughly: looking into each text would take longer than keeping it. */
export function roughSize(value: unknown): number {
  let bytes = 0;
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === "string") bytes += next.length;
    else if (typeof next === "object" && next !== null) {
      bytes += 16;
      // One by one: a call takes only so many arguments.
      for (const [name, part] of Object.entries(next)) {
        bytes += Array.isArray(next) ? 8 : name.length + 8;
        left.push(part);
      }
    }
  }
  return bytes;
}
