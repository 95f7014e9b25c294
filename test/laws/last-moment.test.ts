import { AmbiguousSubmitError, type FalOptions, RunBlockedError, StoreError } from "fal-chain";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aroundStore } from "../support/around-store.ts";
import { cases } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { type Process, type Processes, processes } from "../support/processes.ts";
import { ECHO, ENV, failureOf } from "../support/setup.ts";
import { kindOf, networkError, type Wire } from "../support/wire.ts";

// A process that ends rarely leaves a submit in doubt: what the store says of one may be on its way from the last moment on,
// and is not while it waits after a refusal. Where it is in doubt, nothing is paid twice, however short the look-up is.

const MINUTE = 60_000;
const dead = new Promise<never>(() => {});

/** One call, in a run. */
const chainOf = ({ fal }: Process, options: object = {}) =>
  fal.chain("one", (n: number) => fal.subscribe(ECHO, { input: { n }, ...options }).then(({ data }) => data));

const historyReads = ({ sent }: Process) => sent.filter(({ url }) => url.includes("by-endpoint")).length;
const jobsOf = ({ emulator }: Processes, n: number) => emulator.jobsWith({ n }).length;

/** fal says for a while that it is too much. */
const busyUntil =
  (clock: { now(): number }, time: number, retryAfter: string): Wire =>
  (request, forward) =>
    kindOf(request) === "submit" && clock.now() < time
      ? new Response(JSON.stringify({ detail: "too many" }), {
          status: 429,
          headers: { "retry-after": retryAfter, "content-type": "application/json" },
        })
      : forward();

test("nothing is awaited between the note of a submit and its request, in a run or without one", async () => {
  const all = processes();
  let sinceNote: string[] | undefined;
  const seen: string[][] = [];
  const process = all.start({
    onStore: (name, when) => {
      if (name === "calls.intend" && when === "after") {
        sinceNote = [];
        setImmediate(() => sinceNote?.push("a turn of the event loop"));
      } else if (when === "before") sinceNote?.push(name);
    },
    wire: (request, forward) => {
      if (request.url.endsWith(ECHO)) seen.push([...(sinceNote ?? ["no note"])]);
      return forward();
    },
  });
  await chainOf(process).start(1, { id: "a" });
  await process.fal.subscribe(ECHO, { input: { n: 2, image_url: new Blob(["a file"]) } });
  await process.fal.queue.submit(ECHO, { input: { n: 3 } });
  expect(seen).toEqual([[], [], []]);
});

test("what is refused is sent by the next process without a look-up, and its budget has room again", async () => {
  const all = processes({ models: [echo({ price: 1 })] });
  const { clock, store, emulator } = all;
  const first = all.start({
    wire: busyUntil(clock, Number.POSITIVE_INFINITY, "300"),
    onStore: (name, when) => {
      if (name === "calls.refused" && when === "after") first.kill();
    },
  });
  const budget = { usd: 1.5 };
  void chainOf(first).start(1, { id: "a", budget });
  await clock.sleep(5_000);
  const second = all.start();
  const run = chainOf(second).start(1, { id: "a", budget });
  expect(await run).toEqual({ echo: { n: 1 } });
  expect([jobsOf(all, 1), historyReads(second)]).toEqual([1, 0]);
  expect((await run.total).nanoUsd).toBe(1_000_000_000);
  expect((await store.calls.list({})).map(({ state, unused }) => [state, unused])).toEqual([
    ["completed", undefined],
    ["given-up", "superseded"],
  ]);
  expect(emulator.jobs).toHaveLength(1);
});

test("a process that wakes after another has sent what it had waited to send again sends nothing", async () => {
  const all = processes();
  const { clock } = all;
  let wake = () => {};
  const first = all.start({
    wire: busyUntil(clock, clock.now() + 10_000, "20"),
    onStore: (name, when) => {
      if (name === "calls.refused" && when === "after") wake = first.freeze();
    },
  });
  const asleep = chainOf(first).start(1, { id: "a" });
  await clock.sleep(5_000);
  const second = all.start();
  const run = chainOf(second).start(1, { id: "a" });
  await clock.sleep(2 * MINUTE);
  wake();
  expect(await run).toEqual({ echo: { n: 1 } });
  expect(await asleep).toEqual({ echo: { n: 1 } });
  expect(jobsOf(all, 1)).toBe(1);
});

describe("the minute of a look-up counts from the last time that the call was sent", () => {
  const lagging = { history: { lagMs: 40_000 } };

  test("by whoever sent it", async () => {
    const all = processes(lagging);
    const busy = busyUntil(all.clock, all.clock.now() + 2 * MINUTE, "150");
    const { fal } = all.start({
      wire: async (request, forward) => {
        const reply = await busy(request, forward);
        if (kindOf(request) === "submit" && reply.ok) throw networkError("ECONNRESET");
        return reply;
      },
    });
    expect((await fal.subscribe(ECHO, { input: { n: 1 } })).data).toEqual({ echo: { n: 1 } });
    expect(jobsOf(all, 1)).toBe(1);
  });

  test("and by whoever goes on with it", async () => {
    const all = processes(lagging);
    const busy = busyUntil(all.clock, all.clock.now() + 2 * MINUTE, "150");
    const first = all.start({
      wire: async (request, forward) => {
        const reply = await busy(request, forward);
        if (kindOf(request) !== "submit" || !reply.ok) return reply;
        first.kill();
        return dead;
      },
    });
    void chainOf(first).start(1, { id: "a" });
    await all.clock.sleep(3 * MINUTE - 25_000);
    const second = all.start();
    expect(await chainOf(second).start(1, { id: "a" })).toEqual({ echo: { n: 1 } });
    expect(jobsOf(all, 1)).toBe(1);
  });
});

/** Other calls of the account, of the same store or not, one each second. */
async function traffic(all: Processes, whose: "ours" | "theirs", forMs: number): Promise<void> {
  const { clock, emulator } = all;
  const until = clock.now() + forMs;
  const { fal } = all.start();
  const headers = { authorization: `Key ${ENV.FAL_KEY}`, "content-type": "application/json" };
  for (let n = 1_000; clock.now() < until; n++) {
    const url = `https://queue.fal.run/${ECHO}`;
    if (whose === "ours") void fal.subscribe(ECHO, { input: { n } });
    else
      void emulator.fetch(
        new Request(url, { method: "POST", headers, body: JSON.stringify({ n: n + 1_000 }) }),
      );
    await clock.sleep(1_000);
  }
}

interface Killed {
  readonly lagMs: number;
  readonly endedOnly: boolean;
  /** How long after it was sent the POST gets there, in milliseconds; undefined where it was not sent. */
  readonly arrivesAfter: number | undefined;
  readonly others: readonly ("ours" | "theirs")[];
  readonly ambiguousSubmit: FalOptions["ambiguousSubmit"];
}

/** A run whose process is killed while it submits, and goes on a second later in another one. */
async function killed(
  { lagMs, endedOnly, arrivesAfter, others, ambiguousSubmit }: Killed,
  wire: Wire = (_, forward) => forward(),
) {
  const all = processes({ models: [echo({ seconds: 3 })], concurrency: 50, history: { lagMs, endedOnly } });
  const { clock } = all;
  const first = all.start({
    lease: { leaseMs: 2_000 },
    wire: async (request, forward) => {
      if (kindOf(request) !== "submit") return forward();
      first.kill();
      const body = await request.text();
      const again = new Request(request.url, { method: "POST", headers: request.headers, body });
      if (arrivesAfter !== undefined) {
        void clock.sleep(arrivesAfter).then(() => all.emulator.fetch(again));
      }
      return dead;
    },
  });
  void chainOf(first).start(1, { id: "a" });
  const traffics = others.map((whose) => traffic(all, whose, 75_000));
  await clock.sleep(1_000);
  const began = clock.now();
  const second = all.start({ wire, ...(ambiguousSubmit && { ambiguousSubmit }) });
  const end = await chainOf(second)
    .start(1, { id: "a" })
    .then(
      () => "done" as const,
      (error: unknown) => error,
    );
  const tookMs = clock.now() - began;
  await Promise.all(traffics);
  return { end, tookMs, jobs: jobsOf(all, 1) };
}

const AT_ONCE: Killed = {
  ...{ lagMs: 0, endedOnly: false, arrivesAfter: undefined, others: ["theirs"], ambiguousSubmit: "look-up" },
};
const unseen = expect.objectContaining({ verdict: "unseen" });

test("history that shows what was sent later says within twenty seconds that a submit never left", async () => {
  const { end, tookMs, jobs } = await killed(AT_ONCE);
  expect(end).toBeInstanceOf(RunBlockedError);
  expect((end as RunBlockedError).cause).toBeInstanceOf(AmbiguousSubmitError);
  expect((end as RunBlockedError).cause).toEqual(unseen);
  // Until then whoever was to send it may say that its store was gone, and that it did not.
  expect(tookMs).toBeGreaterThan(15_000);
  expect(tookMs).toBeLessThan(23_000);
  expect(jobs).toBe(0);
});

test.each([0, 500, 9_000])(
  "a note that the store took, and whose answer was lost, leaves nothing in doubt: gone for %i ms",
  async (goneMs) => {
    const all = processes({ models: [echo({ price: 1 })] });
    const { clock, store } = all;
    let goneUntil: number | undefined;
    // As a connection that breaks: what is asked meanwhile is not done, and what was done is not heard of.
    const breaking = aroundStore(store, async (act, name) => {
      if (goneUntil !== undefined && clock.now() < goneUntil) throw new StoreError("The database is gone.");
      const result = await act();
      if (name !== "calls.intend" || goneUntil !== undefined) return result;
      goneUntil = clock.now() + goneMs;
      throw new StoreError("The database was gone before it answered.");
    });
    const budget = { usd: 1.5 };
    const first = all.start({
      store: { ...breaking, name: "shared", durable: true },
      lease: { leaseMs: 2_000 },
    });
    void chainOf(first)
      .start(1, { id: "a", budget })
      .catch(() => {});
    void traffic(all, "theirs", 30_000);
    await clock.sleep(3_000);
    const second = all.start();
    expect(await chainOf(second).start(1, { id: "a", budget })).toEqual({ echo: { n: 1 } });
    expect(jobsOf(all, 1)).toBe(1);
    const states = (await store.calls.list({ run: "a" })).map(({ state }) => state);
    expect(states).toEqual(["completed", "given-up"]);
  },
);

test.each<[string, Partial<Killed>]>([
  ["where nothing was sent later", { others: [] }],
  ["where it lags", { lagMs: 58_000 }],
  ["where it lists only what has ended", { endedOnly: true }],
  ["where the call is submitted again on that word", { ambiguousSubmit: "resubmit-if-unseen" }],
])("its whole minute is waited for %s", async (_, how) => {
  expect((await killed({ ...AT_ONCE, ...how })).tookMs).toBeGreaterThan(50_000);
});

test("history that shows some requests before others has not caught up", async () => {
  const hidesOurs: Wire = async (request, forward) => {
    const reply = await forward();
    if (!request.url.includes("by-endpoint")) return reply;
    const { items, ...page } = (await reply.json()) as {
      items: { sent_at: string; json_input: { n: number } }[];
    };
    const age = ({ sent_at }: { sent_at: string }) =>
      Date.parse(reply.headers.get("date") ?? "") - Date.parse(sent_at);
    const shown = items.filter((item) => item.json_input.n >= 2_000 || age(item) > 30_000);
    return Response.json({ ...page, items: shown }, { headers: { date: reply.headers.get("date") ?? "" } });
  };
  const { end, jobs } = await killed({ ...AT_ONCE, others: ["ours", "theirs"], arrivesAfter: 0 }, hidesOurs);
  expect([end, jobs]).toEqual(["done", 1]);
});

test("a request that was on its way when its process ended is waited for", async () => {
  const { end, jobs } = await killed({ ...AT_ONCE, arrivesAfter: 4_000 });
  expect([end, jobs]).toEqual(["done", 1]);
});

test("whatever history lacks and whoever decides, what was killed while it was submitted is not paid twice, nor left to a person where history shows it within its minute", {
  timeout: 30_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record<Killed>({
        lagMs: fc.integer({ min: 0, max: 50_000 }),
        endedOnly: fc.boolean(),
        arrivesAfter: fc.option(fc.integer({ min: 0, max: 4_500 }), { nil: undefined }),
        others: fc.subarray(["ours", "theirs"] as const),
        ambiguousSubmit: fc.constantFrom("look-up", "resubmit-if-unseen", undefined),
      }),
      async (how) => {
        const { end, jobs } = await killed(how);
        const isDone = how.arrivesAfter !== undefined || how.ambiguousSubmit === "resubmit-if-unseen";
        expect([end === "done", jobs]).toEqual([isDone, isDone ? 1 : 0]);
      },
    ),
    { numRuns: cases(10) },
  );
});

test("a history that answers with 429 or 5xx is waited for as one that does not answer", async () => {
  const all = processes();
  const { clock } = all;
  const until = clock.now() + 5 * MINUTE;
  const statuses = [429, 503, 500, 408];
  let read = 0;
  const { fal } = all.start({
    wire: async (request, forward) => {
      if (kindOf(request) === "submit") {
        await forward();
        throw networkError("ECONNRESET");
      }
      if (!request.url.includes("by-endpoint") || clock.now() >= until) return forward();
      return Response.json({ detail: "not now" }, { status: statuses[read++ % statuses.length] ?? 500 });
    },
  });
  expect((await fal.subscribe(ECHO, { input: { n: 1 } })).data).toEqual({ echo: { n: 1 } });
  expect([jobsOf(all, 1), read > 5]).toEqual([1, true]);
  // A key that may not read it is no trouble that passes.
  const forbidden = processes({ history: { forbidden: true } });
  const lost = forbidden.start({
    wire: async (request, forward) => {
      const reply = await forward();
      if (kindOf(request) === "submit") throw networkError("ECONNRESET");
      return reply;
    },
  });
  const began = forbidden.clock.now();
  expect(await failureOf(lost.fal.subscribe(ECHO, { input: { n: 1 } }))).toMatchObject({
    verdict: "unknown",
  });
  expect(forbidden.clock.now() - began).toBeLessThan(5_000);
});
