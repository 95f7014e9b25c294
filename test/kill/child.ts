// Executes some runs of the chain of fourteen, and kills itself where it is told to: before or after the nth time that it talks to
// the store or to fal. Says how each run ended, on a line.
import { writeSync } from "node:fs";
import { createFal, RunBlockedError, systemClock } from "fal-chain";
import { aroundStore } from "../support/around-store.ts";
import { fourteen } from "./chain.ts";
import { storeAt } from "./stores.ts";

export interface ChildOptions {
  /** Executed at the same time. */
  readonly runs: readonly string[];
  readonly store: string;
  /** Undefined: it lives. */
  readonly killAt?: number;
  /** Where it stands still until it is told to go on. */
  readonly stopAt?: number;
  /** How long its runs stay its own without a sign of life. @default the client's */
  readonly leaseMs?: number;
  readonly ambiguousSubmit?: "look-up" | "resubmit-if-unseen";
  /** By how much waiting is shortened. */
  readonly speed: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as ChildOptions;
let moment = 0;

function maybeDie(): void {
  const now = moment++;
  if (now === options.killAt) process.kill(process.pid, "SIGKILL");
  if (now === options.stopAt) process.kill(process.pid, "SIGSTOP");
}

async function mortally<T>(act: () => Promise<T>): Promise<T> {
  maybeDie();
  const result = await act();
  maybeDie();
  return result;
}

const store = storeAt(options.store);
const mortal = aroundStore(store, mortally);
const isCounting = options.killAt !== undefined || options.stopAt !== undefined;

const fal = createFal({
  store: mortal,
  // Who is killed by the clock needs nothing of its own around the runtime's, which notes a submit later.
  ...(isCounting && { fetch: (input, init) => mortally(() => fetch(input, init)) }),
  clock: { now: systemClock.now, sleep: (ms, signal) => systemClock.sleep(ms / options.speed, signal) },
  logger: { warn: () => {} },
  ...(options.leaseMs && { lease: { leaseMs: options.leaseMs } }),
  ...(options.ambiguousSubmit && { ambiguousSubmit: options.ambiguousSubmit }),
});

/** How a run ended. */
export interface Said {
  readonly run: string;
  readonly state: "done" | "blocked" | "failed";
  readonly step?: string;
  /** The call that it is blocked on. */
  readonly callId?: string;
  readonly error?: string;
}

async function endOf(id: string): Promise<Said> {
  const run = chain.start({ run: id }, { id });
  sayBegun(run).catch(() => {});
  try {
    await run;
    await run.total;
    return { run: id, state: "done" };
  } catch (error) {
    const { step, callId } = error as RunBlockedError;
    const state = error instanceof RunBlockedError ? "blocked" : "failed";
    return { run: id, state, step, callId, error: `${error}` };
  }
}

/** That it goes on with a run, once. */
async function sayBegun(run: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of run) {
    if (!hasBegun) say({ begun: true });
    hasBegun = true;
    return;
  }
}

/** At once, since it may be killed before the next line. */
const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);

const chain = fourteen(fal);
let hasBegun = false;
await Promise.all(options.runs.map(async (id) => say({ end: await endOf(id) })));
await fal.close();
await store.close();
