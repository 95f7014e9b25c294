import type { CallRecord } from "../journal/call.ts";
import type { StepRecord } from "../journal/run.ts";
import { KnownUrls } from "./content-key.ts";
import type { Execution } from "./execution.ts";
import { isBelow, numberedLabelOf } from "./step-key.ts";
import { ALL } from "./steps.ts";

/** What a run has paid for already, and which of it has been asked for again. */
export interface Replay {
  readonly execution: Execution;
  /** The calls that earlier executions made, by key, */
  readonly calls: ReadonlyMap<string, CallRecord>;
  /** and by what a named one is found by whatever its input. */
  readonly namedCalls: ReadonlyMap<string, CallRecord>;
  /** What memoized functions and uploads gave, by key. */
  readonly steps: ReadonlyMap<string, StepRecord>;
  /** Steps whose failure is not replayed: they are what the run goes on from. Each is taken out when it is asked for. */
  readonly retry: Set<string>;
  readonly urls: KnownUrls;
  readonly turns: Turns;
  /** The keys of calls that have been asked for. */
  readonly used: Set<string>;
  readonly counts: Map<string, number>;
}

/** The order in which a run's calls were made, whatever their inputs take to be known. */
export interface Turns {
  /** Resolves when all that were made so far have looked for what is recorded of them. */
  all: Promise<void>;
  /** Those that have been found, or are new, and have not ended. */
  readonly underWay: Set<Turn>;
}

/** A call's place in the order. */
export interface Turn {
  /** Those before it have looked. */
  readonly before: Promise<void>;
  /** The next one may look. */
  pass(): void;
}

const PAID = new Set(["completed", "submitted", "ambiguous", "intended"]);

export async function openReplay(execution: Execution, retry: Set<string>): Promise<Replay> {
  const { store } = execution.live.services;
  const { chain, run } = execution.fence;
  const calls = new Map<string, CallRecord>();
  for (const record of await store.calls.list({ chain, run, limit: ALL })) {
    if (record.key !== undefined) calls.set(record.key, await doubted(execution, record));
  }
  const steps = await store.runs.steps(chain, run);
  return {
    execution,
    calls,
    namedCalls: new Map([...calls].map(([key, record]) => [numberedLabelOf(key), record])),
    steps: new Map(steps.map((step) => [step.key, step])),
    retry,
    urls: new KnownUrls(),
    turns: { all: Promise.resolve(), underWay: new Set() },
    used: new Set(),
    counts: new Map(),
  };
}

/**
 * Whoever meant to send it is gone, and may have, unless it was waiting to send again what fal had refused. Said for all at
 * once, before any of them is looked up: equal calls that are all in doubt can be told apart from ones that are under way.
 */
async function doubted({ live }: Execution, record: CallRecord): Promise<CallRecord> {
  if (record.state !== "intended") return record;
  const { store, clock } = live.services;
  if (record.refusedAt !== undefined) {
    await store.calls.givenUp(record.id, "run", clock.now());
    await store.calls.charged(record.id, { source: "measured", nanoUsd: 0, units: 0 }, clock.now());
    return { ...record, state: "given-up", givenUp: "run" };
  }
  const doubt = "the process ended in the middle of the submit";
  await store.calls.ambiguous(record.id, doubt, clock.now());
  return { ...record, state: "ambiguous", doubt };
}

/** How often this has been asked for, counting this time: tells equal things of a run apart. */
export function occurrence({ counts }: Pick<Replay, "counts">, label: string): number {
  const count = (counts.get(label) ?? 0) + 1;
  counts.set(label, count);
  return count;
}

/** A memoized function's earlier outcome. `again`: there is one, and it is to be replaced. */
export function recordedStep(
  { steps, retry }: Replay,
  key: string,
): { readonly record: StepRecord | undefined; readonly again: boolean } {
  const record = steps.get(key);
  const again = record?.error !== undefined && retry.delete(key);
  return { record: again ? undefined : record, again };
}

/** A memoized function that is not run again took its calls with it. */
export function skipScope({ calls, used }: Replay, scope: string): void {
  for (const key of calls.keys()) if (isBelow(key, scope)) used.add(key);
}

/** Paid calls that nothing has asked for. */
export const leftOver = ({ calls, used }: Replay): CallRecord[] =>
  [...calls].filter(([key, record]) => !used.has(key) && isPaid(record)).map(([, record]) => record);

export const isPaid = ({ state, givenUp }: CallRecord): boolean => PAID.has(state) || givenUp === "unread";

export function takeTurn(turns: Turns): Turn {
  const before = turns.all;
  const { promise, resolve } = Promise.withResolvers<void>();
  turns.all = before.then(() => promise);
  return { before, pass: resolve };
}

/** The call has ended, or never got to look. */
export function endTurn(turns: Turns, turn: Turn): void {
  turn.pass();
  turns.underWay.delete(turn);
}

/** Also those that are made in the meantime. */
export async function untilAllHaveLooked(turns: Turns): Promise<void> {
  for (let seen: Promise<void> | undefined; seen !== turns.all; ) {
    seen = turns.all;
    await seen;
  }
}
