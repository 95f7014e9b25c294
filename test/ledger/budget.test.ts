import {
  type AmbiguousSubmitError,
  type BudgetExceededError,
  createFal,
  type FalOptions,
  memoryStore,
  type RunBlockedError,
} from "fal-chain";
import { createEmulator, type VirtualClock, virtualClock } from "fal-chain/emulator";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, ENV, failureOf } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

const HOUR = 3_600_000;

/** Calls cost a cent each. */
function setup(options: FalOptions = {}, clock: VirtualClock = virtualClock({ start: 10 * HOUR })) {
  const emulator = createEmulator({ clock, models: [echo(), echo({ id: "acme/slow", seconds: 60 })] });
  const fetch: typeof globalThis.fetch = async (...request) => emulator.fetch(new Request(...request));
  const fal = createFal({ env: ENV, clock, fetch, random: () => 0.5, ...options });
  return { fal, emulator, clock };
}
const call = (fal: ReturnType<typeof setup>["fal"], tags = {}) =>
  fal.subscribe(ECHO, { input: { prompt: "a fox" }, tags });

test("a client's budget refuses the call that would go over it, before it is paid", async () => {
  const { fal, emulator } = setup({ budget: { usd: 0.025 } });
  // What it loads with its first use takes no time that calls would end in.
  await fal.costs();
  await call(fal);
  const slow = fal.subscribe("acme/slow", { input: {} });
  await slow.submitted;
  await fal.costs();
  const error = await failureOf(call(fal));
  expect(error).toMatchObject({
    name: "BudgetExceededError",
    budget: "client",
    chargedNanoUsd: 10_000_000,
    reservedNanoUsd: 10_000_000,
    limitNanoUsd: 25_000_000,
    billed: false,
  });
  expect(String(error)).toContain(
    "$0.01 charged, $0.01 reserved and $0.01 for this call are more than $0.025",
  );
  expect(emulator.jobs).toHaveLength(2);
  await slow;
});

test("each value of a tag has its budget, and each day of UTC", async () => {
  const { fal, emulator, clock } = setup({ budgets: [{ tag: "customer", usd: 0.01, per: "day" }] });
  await call(fal, { customer: "acme" });
  await call(fal, { customer: "zoo" });
  await call(fal);
  await call(fal);
  expect(await failureOf(call(fal, { customer: "acme" }))).toMatchObject({ budget: "tag:customer=acme" });
  await clock.advance(24 * HOUR - clock.now() - 1);
  await failureOf(call(fal, { customer: "acme" }));
  await clock.advance(1);
  await call(fal, { customer: "acme" });
  expect(emulator.jobs).toHaveLength(5);
});

test("a budget of a tag with the name of what every object has is for calls with that tag", async () => {
  const { fal } = setup({ budgets: [{ tag: "constructor", usd: 0 }] });
  await call(fal);
  expect(await failureOf(call(fal, { constructor: "acme" }))).toMatchObject({ code: "budget_exceeded" });
});

test("values of a tag that differ only far behind their beginning have each a budget, of a name that any store takes", async () => {
  const { fal } = setup({ budgets: [{ tag: "customer", usd: 0.01 }] });
  const long = "🦊".repeat(3_000);
  await call(fal, { customer: `${long}a` });
  await call(fal, { customer: `${long}b` });
  const error = await failureOf(call(fal, { customer: `${long}a` }));
  expect(error).toMatchObject({ budget: expect.stringMatching(/^tag:customer=(🦊)+~[0-9a-f]{64}$/u) });
  expect((error as BudgetExceededError).budget.length).toBeLessThanOrEqual(200);
});

test("one value of a tag can have a budget alone", async () => {
  const { fal } = setup({ budgets: [{ tag: "customer", value: "acme", usd: 0 }] });
  await call(fal, { customer: "zoo" });
  await failureOf(call(fal, { customer: "acme" }));
});

test("a run's budget is kept with it, until another one is given", async () => {
  const clock = virtualClock();
  const store = sqliteStore(`${tempDir()}/store.db`, { clock });
  onTestFinished(() => store.close());
  const { fal, emulator } = setup({ store }, clock);
  const film = fal.chain("film", async (frames: number) => {
    for (let n = 0; n < frames; n++) await fal.subscribe(ECHO, { input: { n } });
  });
  const budget = { usd: 0.02 };
  await expect(film.start(3, { id: "1", budget })).rejects.toMatchObject({ budget: "run:film/1" });
  await fal.close();
  await expect(film.resume("1")).rejects.toMatchObject({ code: "budget_exceeded", limitNanoUsd: 20_000_000 });
  expect(emulator.jobs).toHaveLength(2);
  await film.resume("1", { budget: { usd: 0.03 } });
  expect(emulator.jobs).toHaveLength(3);
  await film.start(2, { id: "2", budget });
});

test("a failure that is not billed frees what it had reserved, one that may be billed keeps it", async () => {
  const { fal, emulator } = setup({ budget: { usd: 0.01 }, ambiguousSubmit: "throw" });
  emulator.faults.next("submit", "completed-with-error; status=500");
  await failureOf(call(fal));
  await fal.close();
  emulator.faults.next("submit", "lost-response");
  expect(await failureOf(call(fal))).toMatchObject({ code: "ambiguous_submit" });
  await fal.close();
  expect(await failureOf(call(fal))).toMatchObject({ code: "budget_exceeded", reservedNanoUsd: 10_000_000 });
});

test("the queue's submit is held to it too", async () => {
  const { fal, emulator } = setup({ budget: { usd: 0.01 } });
  await fal.queue.submit(ECHO, { input: {} });
  await expect(fal.queue.submit(ECHO, { input: {} })).rejects.toMatchObject({ code: "budget_exceeded" });
  expect(emulator.jobs).toHaveLength(1);
});

test("what nobody knows the price of is refused, unless the budget says otherwise", async () => {
  const unpriced = (options: FalOptions) => {
    const made = setup(options);
    const fetch: typeof globalThis.fetch = async (...given) => {
      const request = new Request(...given);
      return request.url.includes("/pricing") ? Response.json({ prices: [] }) : made.emulator.fetch(request);
    };
    made.fal.config({ fetch });
    return made;
  };
  const refusing = unpriced({ budget: { usd: 1 } });
  expect(await failureOf(call(refusing.fal))).toMatchObject({
    name: "UnknownPriceError",
    budget: "client",
    endpoint: ECHO,
    message: expect.stringContaining("the platform tells no price for it"),
  });
  expect(refusing.emulator.jobs).toHaveLength(0);

  const assuming = unpriced({ budget: { usd: 1, unknownPrice: { assumeUsd: 0.6 } } });
  await call(assuming.fal);
  expect(await failureOf(call(assuming.fal))).toMatchObject({ reservedNanoUsd: 600_000_000 });

  const allowing = unpriced({ budget: { usd: 0, unknownPrice: "allow" } });
  await call(allowing.fal);
});

test("without a budget nothing is estimated", async () => {
  const { fal, emulator } = setup({ budgets: [{ tag: "customer", usd: 1 }] });
  let asked = 0;
  fal.config({
    fetch: async (...given) => {
      const request = new Request(...given);
      if (request.url.includes("pricing")) asked++;
      return emulator.fetch(request);
    },
  });
  await call(fal).submitted;
  expect(asked).toBe(0);
});

test("a budget that is none is said before anything is sent", async () => {
  const store = memoryStore();
  expect(() => createFal({ store, budget: { usd: -1 } })).toThrow("A budget's usd is -1");
  expect(() => createFal({ store, budget: { usd: Number.NaN } })).toThrow("A budget's usd is NaN");
  expect(() => createFal({ store, budgets: [{ tag: "a", usd: 1, per: "week" as "day" }] })).toThrow(
    'per is "week"',
  );
  const { fal } = setup();
  const film = fal.chain("film", async () => {});
  expect(() => film.start(undefined, { budget: { usd: 1, unknownPrice: { assumeUsd: -1 } } })).toThrow(
    "A budget's unknownPrice is",
  );
});

test.each([0, 10])(
  "an hour's and a day's budget of one tag each count a call once, at %i o'clock",
  async (hour) => {
    const budgets = [
      { tag: "customer", usd: 0.015, per: "hour" },
      { tag: "customer", usd: 0.03, per: "day" },
      { tag: "customer", value: "acme", usd: 1 },
    ] as const;
    const { fal } = setup({ budgets }, virtualClock({ start: Date.UTC(2026, 0, 2, hour) }));
    await call(fal, { customer: "acme" });
    expect(await failureOf(call(fal, { customer: "acme" }))).toMatchObject({ limitNanoUsd: 15_000_000 });
  },
);

test("a run's budget holds for the runs within it and for what goes to the queue by itself", async () => {
  const { fal, emulator } = setup();
  const inner = fal.chain("inner", async (n: number) => void (await fal.subscribe(ECHO, { input: { n } })));
  const outer = fal.chain("outer", async () => {
    for (let n = 0; n < 5; n++) await inner.start(n);
  });
  const over = { code: "budget_exceeded", budget: "run:outer/1" };
  const limited = { id: "1", budget: { usd: 0.02 } };
  expect(await failureOf(outer.start(undefined, limited))).toMatchObject(over);
  expect(emulator.jobs).toHaveLength(2);
  // A wider one holds for inner runs that had begun under the narrow one.
  const wider = outer.resume("1", { budget: { usd: 0.04 } });
  expect(await failureOf(wider)).toMatchObject({ ...over, limitNanoUsd: 40_000_000 });
  expect(emulator.jobs).toHaveLength(4);

  const queued = fal.chain("queued", async () => {
    for (let n = 0; n < 5; n++) await fal.queue.submit(ECHO, { input: { n } });
  });
  expect(await failureOf(queued.start(undefined, limited))).toMatchObject({ budget: "run:queued/1" });
  expect(emulator.jobs).toHaveLength(6);
});

test("runs whose names run together have budgets of their own", async () => {
  const { fal, emulator } = setup();
  const one = (name: string) => fal.chain(name, async () => void (await call(fal)));
  const budget = { usd: 0.01 };
  await one("a/b").start(undefined, { id: "c", budget });
  await one("a").start(undefined, { id: "b/c", budget });
  expect(emulator.jobs).toHaveLength(2);
});

test("a run that was only noted keeps the budget that it was noted with", async () => {
  const { fal, emulator } = setup();
  const two = fal.chain("two", async () => {
    await call(fal, { n: 1 });
    await call(fal, { n: 2 });
  });
  await fal.runs.add("two", undefined, { id: "1", budget: { usd: 0.01 } });
  expect(await failureOf(two.start(undefined, { id: "1" }))).toMatchObject({ code: "budget_exceeded" });
  expect(emulator.jobs).toHaveLength(1);
});

test("a run that takes a forgotten one's id has a budget of its own", async () => {
  const { fal, emulator, clock } = setup();
  const one = fal.chain("one", async (n: number) => void (await fal.subscribe(ECHO, { input: { n } })));
  const options = { id: "1", budget: { usd: 0.01 } };
  await one.start(1, options).total;
  await fal.runs.forget("one", "1");
  await clock.advance(1);
  await one.start(2, options);
  expect(emulator.jobs).toHaveLength(2);
});

test("what the client sets by itself can have a budget too, such as each runner", async () => {
  const budgets = [{ tag: "job_id", usd: 0.01 }];
  const clock = virtualClock({ start: 10 * HOUR });
  const store = memoryStore({ clock });
  const of = (job: string) => setup({ budgets, store, env: { ...ENV, FAL_JOB_ID: job } }, clock).fal;
  await call(of("job-7"));
  await call(of("job-8"));
  expect(await failureOf(call(of("job-7")))).toMatchObject({ budget: "tag:job_id=job-7" });
  for (const tag of ["Customer", "cust omer", ""]) {
    expect(() => createFal({ budgets: [{ tag, usd: 1 }] })).toThrow("no call can have that tag");
  }
  expect(() => createFal({ budget: { usd: "5" as unknown as number } })).toThrow('usd is "5"');
});

/** A client whose first submit is lost on its way, so that nobody knows whether it was accepted. */
function setupInDoubt(options: FalOptions, store = memoryStore()) {
  const clock = virtualClock({ start: 10 * HOUR });
  const emulator = createEmulator({ clock, models: [echo()] });
  emulator.history.forbidden = true;
  let isLost = true;
  const fetch: typeof globalThis.fetch = async (...args) => {
    const request = new Request(...args);
    if (!isLost || request.method !== "POST" || request.url.includes("/pricing/"))
      return emulator.fetch(request);
    isLost = false;
    throw new TypeError("fetch failed", { cause: { code: "ECONNRESET" } });
  };
  return { ...setup({ fetch, store, ...options }, clock), emulator };
}

test.each([
  ["memory", () => memoryStore()],
  ["sqlite", () => sqliteStore(`${tempDir()}/calls.db`)],
] as const)("a call that was never accepted gives back what it had reserved (%s)", async (_, open) => {
  const { fal, emulator } = setupInDoubt({ budget: { usd: 0.01 } }, open());
  const { callId = "" } = (await failureOf(call(fal))) as AmbiguousSubmitError;
  expect(await failureOf(call(fal))).toMatchObject({ code: "budget_exceeded", reservedNanoUsd: 10_000_000 });
  const { call: again } = await fal.calls.settle(callId, "resubmit");
  await again;
  expect(emulator.jobs).toHaveLength(1);
  expect(await failureOf(call(fal))).toMatchObject({ chargedNanoUsd: 10_000_000, reservedNanoUsd: 0 });
  expect((await fal.costs()).total).toMatchObject({ nanoUsd: 10_000_000, unknown: 0 });
});

test("a run that is blocked on a call which was never accepted has room for it when it goes on", async () => {
  const { fal, emulator } = setupInDoubt({}, { ...memoryStore(), durable: true });
  const chain = fal.chain("one", async () => (await call(fal)).requestId);
  const { callId } = (await failureOf(
    chain.start(undefined, { id: "a", budget: { usd: 0.01 } }),
  )) as RunBlockedError;
  await fal.calls.settle(callId, "resubmit");
  await chain.resume("a");
  expect(emulator.jobs).toHaveLength(1);
});

test("a request that turns up after all is charged, whatever a person had said", async () => {
  const { fal, emulator } = setupInDoubt({ budget: { usd: 0.02 } });
  emulator.history.forbidden = false;
  const store = memoryStore();
  fal.config({ store });
  const { callId = "" } = (await failureOf(call(fal))) as AmbiguousSubmitError;
  await (await fal.calls.settle(callId, "resubmit")).call;
  await store.calls.completed(
    callId,
    { data: {}, units: 1, waitSeconds: undefined, runSeconds: undefined },
    11 * HOUR,
  );
  await store.calls.charged(callId, { source: "measured", nanoUsd: 10_000_000 }, 11 * HOUR);
  expect(await failureOf(call(fal))).toMatchObject({ chargedNanoUsd: 20_000_000, reservedNanoUsd: 0 });
});

test("failures that may be billed fill a budget until they are on no bill for a day", async () => {
  const { fal, emulator, clock } = setup({ budget: { usd: 0.1 } });
  const fetch: typeof globalThis.fetch = async (...of) => {
    const { body, status, headers } = await emulator.fetch(new Request(...of));
    const silent = [...headers].filter(([name]) => name !== "x-fal-billable-units");
    return new Response(body, { status, headers: silent });
  };
  fal.config({ fetch });
  for (let n = 0; n < 10; n++) {
    emulator.faults.next("submit", "completed-with-error; status=422");
    expect(await failureOf(call(fal))).toMatchObject({ status: 422, billed: "unknown" });
  }
  await fal.close();
  expect(await failureOf(call(fal))).toMatchObject({ reservedNanoUsd: 100_000_000 });
  await clock.advance(23 * HOUR);
  await fal.reconcile();
  expect(await fal.budgets()).toMatchObject([{ leftNanoUsd: 0 }]);
  await clock.advance(2 * HOUR);
  expect((await fal.reconcile()).free).toHaveLength(10);
  expect(await fal.budgets()).toMatchObject([{ leftNanoUsd: 100_000_000, chargedNanoUsd: 0 }]);
  await call(fal);
});

test.each([
  [2, 1, "wait for the first one where a budget could not bear it"],
  [100, 10, "set ten times as much aside"],
])("under $%s calls of a kind that nobody has seen yet %s", async (usd, atOnce) => {
  const clock = virtualClock({ start: 10 * HOUR });
  const emulator = createEmulator({
    ...{ clock, concurrency: 50 },
    models: [{ ...echo({ id: "acme/dear", units: 5 }), price: { unit: "units", unitPrice: 0.1 } }],
  });
  const fetch: typeof globalThis.fetch = async (...of) => emulator.fetch(new Request(...of));
  const fal = createFal({ env: ENV, clock, fetch, random: () => 0.5, budget: { usd } });
  await fal.price("acme/dear");
  const calls = Array.from({ length: 10 }, (_, n) =>
    fal.subscribe("acme/dear", { input: { prompt: `${n}` } }),
  );
  await calls[0]?.submitted;
  for (let n = 0; n < 100; n++) await Promise.resolve();
  expect(emulator.jobs.filter(({ completedAt }) => completedAt === undefined).length).toBe(atOnce);
  const ends = await Promise.allSettled(calls);
  await fal.close();
  const paid = ends.filter(({ status }) => status === "fulfilled").length;
  expect(paid).toBe(usd === 2 ? 4 : 10);
  const [state] = await fal.budgets();
  expect(state?.chargedNanoUsd).toBe(paid * 500_000_000);
  expect(state?.overshot).toBeUndefined();
});
