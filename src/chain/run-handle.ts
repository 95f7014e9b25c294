import { checkOptions, count, type OptionsOf, signal as signalOption } from "../base/options.ts";
import { linkedController, OVER } from "../base/signal.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { RunAbortedError, RunStateError } from "../errors/runs.ts";
import { restoredError, type SavedError } from "../errors/saved-error.ts";
import type { CallRecord } from "../journal/call.ts";
import type { RunName, RunRecord, RunState } from "../journal/run.ts";
import { nameOfRun, runName, runsNamed } from "../journal/run-name.ts";
import type { Store } from "../journal/store.ts";
import { sumOf } from "../ledger/sum.ts";
import type { Total } from "../money/cost.ts";
import { type RunEvent, restoredEvent, storedEvents } from "./events.ts";
import { isDead } from "./process-identity.ts";
import { fromJson } from "./saved.ts";
import type { ChainServices } from "./services.ts";

/** What the store has of a run. Plain data: a run that can be awaited comes from its chain. */
export interface RunInfo {
  readonly chain: string;
  readonly id: string;
  /**
   * `waiting`: it was added, and nobody has started it yet. `interrupted`: nobody executes it, and whoever resumes it
   * goes on.
   */
  readonly state: RunState | "waiting" | "interrupted";
  readonly input: unknown;
  readonly output: unknown;
  readonly error: SavedError | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** How many executions it has had. */
  readonly executions: number;
  /** When it was started, or added. Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  /** What of it the store holds that cannot be, as after a change by hand. Absent where all is well. */
  readonly unreadable?: readonly string[];
}

/** An event of a run, with its number in the store: the first has 0. */
export type NumberedEvent<O = unknown> = RunEvent<O> & { readonly seq: number };

export interface RunEventsOptions {
  /** The number of the first one. After an event, that is its `seq` and one. @default 0 */
  readonly from?: number;
  /** Ends the loop, quietly. */
  readonly abortSignal?: AbortSignal;
}

/**
 * A run to be read, in any process that has its store: what the store had of it when it was asked for, and its events as
 * they are written. Reading executes nothing, claims nothing and pays nothing.
 */
export interface RunHandle<I = unknown, O = unknown> extends RunInfo {
  readonly input: I;
  /** Undefined until it has completed, and where the store keeps ids only. */
  readonly output: O | undefined;
  /** What its calls have cost so far, by whichever execution. */
  readonly total: Total;
  /**
   * Its events from a number on, those to come too, until it has ended: the last one is `settled`. Numbers are the same
   * for every reader and stay what they are, so that a reader who was cut off goes on after the last one that it had, as
   * `Last-Event-ID` of server-sent events has it. A run that nobody executes is waited for. The loop does not throw what
   * the run failed with: that is its `failed` event.
   *
   * @throws {InvalidArgumentError} for options that cannot be meant. @throws {RunStateError} (from the loop) where the run is
   * forgotten meanwhile.
   */
  events(options?: RunEventsOptions): AsyncIterable<NumberedEvent<O>>;
}

/** How often a run is looked at that somebody watches, in milliseconds. */
const LOOK_MS = 500;
/** More slashes than any chain's name has: a stranger's text must not become as many questions. */
const MOST_NAMES = 50;

/** @param named By `chain/id`, or the two apart. @throws {InvalidArgumentError} for a text that names no run, or several. */
export async function findRun<I, O>(
  services: ChainServices,
  named: string | RunName,
): Promise<RunHandle<I, O> | undefined> {
  const record = await recordOf(services.store, named);
  return record && handleOf<I, O>(services, record);
}

/** @throws {InvalidArgumentError} as `findRun`. */
export async function recordOf(store: Store, named: string | RunName): Promise<RunRecord | undefined> {
  const names = typeof named === "string" ? namesIn(named) : [named];
  const records = await Promise.all(names.map(({ chain, id }) => store.runs.get(chain, id)));
  const [record, another] = records.filter((found) => found !== undefined);
  if (!another) return record;
  throw new InvalidArgumentError(
    `${JSON.stringify(named)} is the name of several runs, of the chains ${record?.chain} and ${another.chain}. Give chain ` +
      "and id apart, as in fal.runs.get(chain, id).",
  );
}

/** The same without asking the store, where the name can be that of one run only. */
export async function runNamed(store: Store, name: string): Promise<RunName | undefined> {
  const [only, ...others] = namesIn(name);
  return others.length === 0 ? only : recordOf(store, name);
}

function namesIn(name: string): RunName[] {
  const names = runsNamed(name).slice(0, MOST_NAMES);
  if (names.length > 0) return names;
  throw new InvalidArgumentError(`${JSON.stringify(name)} is not the name of a run, which is chain/id.`);
}

export async function handleOf<I, O>(services: ChainServices, record: RunRecord): Promise<RunHandle<I, O>> {
  const total = await totalOfRun(services.store, record);
  const events: RunHandle<I, O>["events"] = (options = {}) => {
    checkOptions(options, EVENTS, { of: "events" });
    const { from = 0, abortSignal } = options;
    return { [Symbol.asyncIterator]: () => watched<O>(services, record, from, abortSignal) };
  };
  // What it can do is no part of what is written of it.
  return Object.defineProperty({ ...infoOf(record), total }, "events", { value: events }) as RunHandle<I, O>;
}

const EVENTS: OptionsOf<RunEventsOptions> = { from: count(0), abortSignal: signalOption };

/** Whoever leaves the loop does not wait for the next look. */
function watched<O>(
  services: ChainServices,
  run: RunName,
  from: number,
  abortSignal: AbortSignal | undefined,
): AsyncIterator<NumberedEvent<O>> {
  const { controller, unlink } = linkedController(abortSignal);
  const events = untilSettled(services, run, from, controller.signal);
  const leave = () => {
    unlink();
    controller.abort(OVER);
  };
  return {
    async next() {
      const step = await events.next();
      if (step.done) leave();
      return step as IteratorResult<NumberedEvent<O>>;
    },
    async return() {
      leave();
      return { done: true, value: undefined };
    },
  };
}

async function* untilSettled(
  { store, clock }: ChainServices,
  { chain, id }: RunName,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<NumberedEvent, void, void> {
  // What comes before says whether the end was told.
  let next = Math.max(0, from - END_EVENTS);
  let isKnown = next === 0;
  let isSettled = false;
  while (!signal.aborted) {
    // The run before its events: where it has ended, the last of them are there.
    const record = await store.runs.get(chain, id);
    if (!record) throw forgotten(store, { chain, id });
    for await (const { seq, event } of storedEvents(store.runs, chain, id, next)) {
      const told = await restoredEvent(event, payloadsOf(store, record));
      if (signal.aborted) return;
      isKnown = true;
      isSettled = told.type === "settled";
      next = seq + 1;
      if (seq >= from) yield { ...told, seq };
    }
    if (record.state !== "running") {
      if (isKnown && !isSettled) yield* unwrittenEnd(store, record, next, from);
      return;
    }
    await clock.sleep(LOOK_MS, signal).catch(() => {});
  }
}

/** `completed` or `failed`, and `settled`. */
const END_EVENTS = 2;

/** The end of a run that nobody executed when it ended, or of which the store keeps no events. */
async function* unwrittenEnd(
  store: Store,
  record: RunRecord,
  seq: number,
  from: number,
): AsyncGenerator<NumberedEvent, void, void> {
  const at = record.endedAt ?? record.startedAt;
  const end: NumberedEvent =
    record.state === "completed"
      ? { type: "completed", at, output: fromJson(record.output), seq }
      : { type: "failed", at, error: recordedFailure(record), seq };
  if (seq >= from) yield end;
  if (seq + 1 >= from) yield { type: "settled", at, total: await totalOfRun(store, record), seq: seq + 1 };
}

export function recordedFailure({ chain, id, state, error, cancelReason }: RunRecord): unknown {
  if (state === "cancelled" && !error) return new RunAbortedError(chain, id, { cause: cancelReason });
  return error ? restoredError(error) : new Error(`The run ${runName(chain, id)} ${state} without a reason.`);
}

/** What the store has beside the events of a run. Each execution has told of the same calls, which are read once. */
export function payloadsOf(store: Store, record: RunRecord) {
  const calls = new Map<string, Promise<CallRecord | undefined>>();
  return {
    call(id: string): Promise<CallRecord | undefined> {
      const known = calls.get(id) ?? store.calls.get(id);
      calls.set(id, known);
      return known;
    },
    output: () => fromJson(record.output),
    total: () => totalOfRun(store, record),
  };
}

async function totalOfRun(store: Store, { chain, id }: RunName): Promise<Total> {
  const { nanoUsd, calls, unknown } = sumOf(await store.spend({ chain, run: id, by: [] }));
  return { nanoUsd, calls, unknown };
}

const forgotten = (store: Store, run: RunName): RunStateError =>
  new RunStateError("run_unknown", `The store (${store.name}) has no run ${nameOfRun(run)} any more.`);

export function infoOf(record: RunRecord): RunInfo {
  const { chain, id, error, tags, startedAt, endedAt, owner, epoch } = record;
  const isLeft = record.state === "running" && (owner === undefined || isDead(owner));
  const unreadable = [...(record.unreadable ?? [])];
  const payload = (name: "input" | "output"): unknown => {
    try {
      return fromJson(record[name]);
    } catch {
      unreadable.push(name);
      return undefined;
    }
  };
  const info: RunInfo = {
    chain,
    id,
    state: isLeft ? (epoch === 0 ? "waiting" : "interrupted") : record.state,
    input: payload("input"),
    output: payload("output"),
    error,
    tags,
    executions: epoch,
    startedAt,
    endedAt,
  };
  return unreadable.length > 0 ? { ...info, unreadable } : info;
}
