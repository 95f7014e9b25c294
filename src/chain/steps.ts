import type { SavedError } from "../errors/saved-error.ts";
import type { CallRecord } from "../journal/call.ts";
import type { StepRecord } from "../journal/run.ts";
import type { Store } from "../journal/store.ts";
import { storedEvents } from "./events.ts";
import { isOfFile, scopeForPeople } from "./step-key.ts";

/** Something that a run remembers: a call, what a memoized function gave, or a file that was uploaded. Plain data. */
export interface RunStep {
  readonly kind: "call" | "step" | "file";
  /** What the code called it; else a call's endpoint id, or the digest of a file. */
  readonly name: string;
  /** The scopes that it is in, from the outside in, such as `hero/map[3]`; empty outside of any. */
  readonly scope: string;
  /** Whether the latest execution found it there, and so neither ran nor paid for it. */
  readonly reused: boolean;
  /** Whether another one has taken its place since; it stays in the ledger. */
  readonly replaced: boolean;
  readonly call: CallRecord | undefined;
  /** What it failed with. */
  readonly error: SavedError | undefined;
  /** When a call's request was first seen to run, and when it ended or the function gave something; in milliseconds since the epoch. */
  readonly runningAt: number | undefined;
  readonly endedAt: number | undefined;
}

/** More than a run can sensibly have. */
export const ALL = 1_000_000;

/** What a run remembers, in the order in which it came to be. */
export async function stepsOf(store: Store, chain: string, run: string): Promise<RunStep[]> {
  const told = await retold(store, chain, run);
  const calls = (await store.calls.list({ chain, run, limit: ALL }))
    .map((call) => callStep(call, told))
    .reverse();
  const steps = (await store.runs.steps(chain, run)).map((step) => memoized(step, told));
  // Where the clock does not tell them apart, a step comes first: it has ended, and a call only begins.
  return [...steps, ...calls].sort((a, b) => beginOf(a) - beginOf(b));
}

const beginOf = ({ call, endedAt = 0 }: RunStep): number => call?.intendedAt ?? endedAt;

export const callOutsideRun = (call: CallRecord): RunStep => ({
  ...callStep(call, NOTHING_TOLD),
  replaced: false,
});

function callStep(call: CallRecord, told: Told): RunStep {
  const { id, key, endpoint, error, endedAt, submittedAt, usage } = call;
  const runningAt =
    submittedAt === undefined || usage?.waitSeconds === undefined
      ? told.runningAt.get(id)
      : submittedAt + usage.waitSeconds * 1000;
  return {
    kind: "call",
    name: call.for.step ?? endpoint,
    scope: key === undefined ? "" : scopeForPeople(key),
    reused: told.reusedCalls.has(id),
    replaced: key === undefined,
    call,
    error,
    runningAt,
    endedAt,
  };
}

function memoized({ key, name, error, at }: StepRecord, told: Told): RunStep {
  const isFile = isOfFile(key);
  const reused = at < told.resumedAt && (isFile || told.reusedSteps.has(name));
  const kind = isFile ? "file" : "step";
  const none = { call: undefined, runningAt: undefined };
  return { kind, name, scope: scopeForPeople(key), reused, replaced: false, ...none, error, endedAt: at };
}

interface Told {
  /** When the latest execution began, if it was not the first. */
  readonly resumedAt: number;
  readonly runningAt: ReadonlyMap<string, number>;
  /** What the latest execution found there. */
  readonly reusedCalls: ReadonlySet<string>;
  readonly reusedSteps: ReadonlySet<string>;
}

const NOTHING_TOLD: Told = {
  resumedAt: 0,
  runningAt: new Map(),
  reusedCalls: new Set(),
  reusedSteps: new Set(),
};

/** What the events say that the records do not. */
async function retold(store: Store, chain: string, run: string): Promise<Told> {
  let resumedAt = 0;
  const runningAt = new Map<string, number>();
  const reusedCalls = new Set<string>();
  const reusedSteps = new Set<string>();
  for await (const { event } of storedEvents(store.runs, chain, run, 0)) {
    if (event.type === "resumed") {
      resumedAt = event.at;
      reusedCalls.clear();
      reusedSteps.clear();
    }
    if (event.type === "step" && event.reused) reusedSteps.add(event.step);
    if (event.type !== "call") continue;
    const { id } = event.call;
    if (event.event.type === "reused") reusedCalls.add(id);
    if (event.event.type === "running" && !runningAt.has(id)) runningAt.set(id, event.event.at);
  }
  return { resumedAt, runningAt, reusedCalls, reusedSteps };
}
