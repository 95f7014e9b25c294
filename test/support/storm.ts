import { getEventListeners } from "node:events";
import { type CallRecord, createFal, type Result, type Store } from "fal-chain";
import {
  createEmulator,
  type HistorySwitches,
  type JobView,
  type VirtualClock,
  virtualClock,
} from "fal-chain/emulator";
import { aroundStore } from "./around-store.ts";
import { echo } from "./models.ts";
import { RATES } from "./rates.ts";
import { ENV } from "./setup.ts";
import { kindOf } from "./wire.ts";

/** What the account's history is like, wave after wave. In the last three it hides what was accepted. */
const HISTORIES: readonly Partial<HistorySwitches>[] = [
  {},
  { lagMs: 20_000 },
  { endedOnly: true, lagMs: 2_000 },
  { defaultsFilled: true },
  {},
  { lagMs: 3_600_000 },
  { payloads: false },
  { forbidden: true },
];
const EXACT = {
  ...{ lagMs: 0, endedOnly: false, defaultsFilled: false, payloads: true },
  ...{ streamPaths: false, forbidden: false },
};

const MAX_BYTES = 100_000;
const no =
  (status: number, detail: string, headers = {}) =>
  () =>
    Response.json({ detail }, { status, headers });

/** What an account, a gateway or somebody on the way says, whatever becomes of the request. */
const SAYS_NO: readonly (() => Response)[] = [
  ...[402, 409, 423, 451].map((status) => no(status, "No.")),
  no(403, "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."),
  no(429, "Too many.", { "retry-after": "86400" }),
  no(504, "Too late.", { "x-fal-request-timeout-type": "user" }),
  () => new Response("No.", { status: 409, headers: { "content-type": "text/plain" } }),
  () => inflating(),
  () => new Response(" ".repeat(MAX_BYTES + 1), { headers: { "content-type": "application/json" } }),
];
/** What a small compressed body comes to when it is read, and never ends. */
function inflating(): Response {
  const zeros = new Uint8Array(MAX_BYTES / 10);
  const body = new ReadableStream({ pull: (controller) => controller.enqueue(zeros) });
  return new Response(body, { headers: { "content-encoding": "gzip", "content-length": "900" } });
}

/** In so many of the exchanges of a call. */
const NO_RATE = 0.003;

/** How far the caller's clock is ahead, wave after wave, in minutes. */
const SKEWS = [0, 6, -6, 0, 61, -61, 6, 0];

/** By how much it steps in the middle of each wave, in minutes: set by hand, by a server of time, by a suspended machine. */
const STEPS = [0, 2, -2, 90, -90, 1, 0, -6];

/** How a call ended for its caller. */
interface Told {
  readonly n: number;
  /** Whether its caller may have given it up on the way. */
  readonly givenUp: boolean;
  /** What the account's history was like. */
  readonly history: HistorySwitches;
  readonly result?: Result<unknown>;
  readonly error?: unknown;
}

/** One call of the storm, and what emulator and store know of it. */
export interface Story extends Told {
  readonly jobs: readonly JobView[];
  readonly records: readonly CallRecord[];
}

export interface Storm {
  readonly stories: readonly Story[];
  /** The names of those that happened. */
  readonly faults: ReadonlySet<string>;
  readonly warnings: readonly string[];
  /** Timers and abort listeners, once all was over. */
  readonly left: { readonly sleepers: number; readonly listeners: number };
}

/** How many calls are under way at once, at most. */
const LARGEST_WAVE = 250;
const ENDPOINTS = Array.from({ length: 25 }, (_, i) => `acme/echo-${i}`);

/** Calls, each with an input of its own, in waves on one virtual clock, while everything goes wrong by chance. */
export async function storm(store: Store, calls: number, seed: number): Promise<Storm> {
  const clock = virtualClock();
  // A wave at least for each history.
  const size = Math.min(LARGEST_WAVE, Math.ceil(calls / HISTORIES.length));
  const models = ENDPOINTS.map((id) => echo({ id, lines: ["a 🦊"] }));
  const emulator = createEmulator({ clock, models, concurrency: size, seed });
  emulator.faults.random({ seed, rates: RATES });
  const random = chance(seed);
  const warnings: string[] = [];
  const now = { isCalm: false, skewMs: 0 };
  const fal = createFal({
    env: ENV,
    clock: {
      now: () => clock.now() + now.skewMs,
      sleep: (ms, signal) => clock.sleep(ms, signal),
      elapsed: () => clock.now(),
    },
    maxReplyBytes: MAX_BYTES,
    store: holding(clock, store),
    random,
    logger: { warn: (_, message) => warnings.push(message) },
    fetch: async (...sent) => {
      const request = new Request(...sent);
      const isOfCall = !["other", "cancel"].includes(kindOf(request));
      if (now.isCalm || !isOfCall || random() >= NO_RATE) return emulator.fetch(request);
      return SAYS_NO[Math.floor(random() * SAYS_NO.length)]?.() ?? new Response();
    },
  });

  const faults = new Set<string>();
  const signals: AbortSignal[] = [];
  const told: Told[] = [];
  for (let first = 0; first < calls; first += size) {
    const history = { ...EXACT, ...HISTORIES[(first / size) % HISTORIES.length] };
    Object.assign(emulator.history, history);
    now.skewMs = (SKEWS[(first / size) % SKEWS.length] ?? 0) * 60_000;
    const patient = new AbortController();
    const impatient = new AbortController();
    signals.push(patient.signal, impatient.signal);
    const patience = clock.sleep(random() * 5_000).then(() => impatient.abort());
    const step = (STEPS[(first / size) % STEPS.length] ?? 0) * 60_000;
    const stepping = clock.sleep(random() * 8_000).then(() => {
      now.skewMs += step;
    });
    const wave = Array.from({ length: Math.min(size, calls - first) }, async (_, i): Promise<Told> => {
      const n = first + i;
      const givenUp = n % 20 === 7;
      const call = fal.subscribe(ENDPOINTS[n % ENDPOINTS.length] ?? "", {
        input: { n },
        logs: n % 2 === 0,
        mode: n % 4 === 1 ? "polling" : "auto",
        abortSignal: (givenUp ? impatient : patient).signal,
      });
      const about = { n, givenUp, history };
      return call.then(
        (result) => ({ ...about, result }),
        async (error) => {
          await (error as { cancel?: Promise<unknown> }).cancel;
          return { ...about, error };
        },
      );
    });
    told.push(...(await Promise.all(wave)));
    await Promise.all([patience, stepping]);
    for (const { fault } of emulator.received) if (fault) faults.add(fault.name);
  }
  // Whatever was not to be had then, is to be had now.
  now.isCalm = true;
  emulator.faults.clear();
  Object.assign(emulator.history, EXACT);
  for (const { id, givenUp } of await store.calls.list({ state: "given-up", limit: calls })) {
    if (givenUp === "unread") await fal.calls.collect(id).catch(() => {});
  }
  await fal.close();

  const jobs = Map.groupBy(emulator.jobs, ({ input }) => (input as { n: number }).n);
  const records = Map.groupBy(
    await store.calls.list({ limit: calls }),
    ({ body }) => JSON.parse(body ?? "").n,
  );
  const stories = told.map((one) => ({
    ...one,
    jobs: jobs.get(one.n) ?? [],
    records: records.get(one.n) ?? [],
  }));
  const listeners = signals.flatMap((signal) => getEventListeners(signal, "abort")).length;
  const left = { sleepers: clock.sleepers, listeners };
  await emulator.close();
  return { stories, faults, warnings, left };
}

/** Time stands still while the store works: a database takes real time, and a virtual clock would run on. */
const holding = (clock: VirtualClock, store: Store): Store => aroundStore(store, (act) => clock.hold(act()));

/** Chance that repeats: mulberry32. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
