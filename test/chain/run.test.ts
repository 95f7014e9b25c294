import { type Fal, memoryStore, type RunEvent, RunStateError } from "fal-chain";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { collect, ECHO, failureOf, setup } from "../support/setup.ts";
import { instead, json } from "../support/wire.ts";

const names = (events: readonly RunEvent[]) =>
  events.map((event) => (event.type === "call" ? `${event.call.step} ${event.event.type}` : event.type));

const one = (fal: Fal) =>
  fal.chain("one", async (input: { n: number }) => {
    const { data } = await fal.subscribe(ECHO, { input, step: "draw" });
    return { data: data as { echo: { n: number } } };
  });

test("a run is a promise of its output, and one stream of all that happens, money included", async () => {
  const { fal } = setup();
  const run = one(fal).start({ n: 1 }, { id: "order-1" });
  const { seen } = await collect(run);
  expect(names(seen)).toEqual([
    "started",
    "draw submitted",
    "draw queued",
    "draw running",
    "draw completed",
    ...(names(seen)[5] === "charged" ? ["charged", "completed"] : ["completed", "charged"]),
    "settled",
  ]);
  expect(seen[0]).toMatchObject({ chain: "one", run: "order-1" });
  expect(seen.find(({ type }) => type === "charged")).toMatchObject({
    call: { step: "draw", endpoint: ECHO },
    cost: { source: "measured", nanoUsd: 10_000_000, units: 1, unit: "images" },
  });
  expect(seen.at(-1)).toMatchObject({ total: { nanoUsd: 10_000_000, calls: 1, unknown: 0 } });
  expect(await run).toEqual({ data: { echo: { n: 1 } } });
  expect(await run.total).toEqual({ nanoUsd: 10_000_000, calls: 1, unknown: 0 });
});

test("every reader sees the whole stream, or that from a number on", async () => {
  const { fal } = setup();
  const run = one(fal).start({ n: 1 });
  const [live, alsoLive] = await Promise.all([collect(run), collect(run)]);
  const late = await collect(run.events({ from: 2 }));
  expect(alsoLive.seen).toEqual(live.seen);
  expect(late.seen).toEqual(live.seen.slice(2));
});

test("its calls carry chain, run and the run's tags, across Promise.all and nested functions", async () => {
  const { fal, emulator } = setup();
  const deep = (n: number) => fal.withTags({ branch: n }, () => fal.subscribe(ECHO, { input: { n } }));
  const chain = fal.chain("poster", async () => {
    await Promise.all([1, 2, 3].map(deep));
  });
  await chain.start(undefined, { id: "order-1042", tags: { customer: "acme" } });
  expect(emulator.jobs.map(({ tags }) => tags)).toEqual(
    ["1", "2", "3"].map((branch) => ({ chain: "poster", run: "order-1042", customer: "acme", branch })),
  );
});

test("run.subscribe belongs to its run even where the context is lost", async () => {
  const { fal, emulator } = setup({ requireRun: true });
  const pool: (() => void)[] = [];
  const worker = setInterval(() => {
    for (const job of pool.splice(0)) job();
  }, 0);
  const chain = fal.chain("lost", async (_: undefined, run) => {
    const bare = new Promise((resolve) => {
      pool.push(() => resolve(failureOf(fal.subscribe(ECHO, { input: {} }))));
    });
    const bound = new Promise((resolve) => {
      pool.push(() => resolve(run.subscribe(ECHO, { input: {} })));
    });
    return { bare: ((await bare) as Error).name, bound: Boolean(await bound) };
  });
  expect(await chain.start(undefined, { id: "r1" })).toEqual({ bare: "RunStateError", bound: true });
  expect(emulator.jobs.map(({ tags }) => tags)).toEqual([{ chain: "lost", run: "r1" }]);
  clearInterval(worker);
});

test("requireRun makes a call outside a run an error before anything is sent", async () => {
  const { fal, sent } = setup({ requireRun: true });
  const error = await failureOf(fal.subscribe(ECHO, { input: {} }));
  expect(error).toBeInstanceOf(RunStateError);
  expect(error).toMatchObject({
    code: "run_required",
    message: expect.stringContaining("Make it inside a chain"),
  });
  expect(sent).toEqual([]);
  await one(fal).start({ n: 1 });
});

test("a call after its run has ended is an error before anything is sent", async () => {
  const { fal, sent } = setup();
  const late = Promise.withResolvers<() => PromiseLike<unknown>>();
  await fal
    .chain("early", async (_: undefined, run) => {
      late.resolve(() => run.subscribe(ECHO, { input: {} }));
    })
    .start(undefined, { id: "r1" });
  const error = await failureOf((await late.promise)());
  expect(error).toMatchObject({ code: "run_ended", message: expect.stringContaining("early/r1") });
  expect(sent).toEqual([]);
});

test("a failing branch rejects at once: queued siblings are cancelled, running ones finish and are charged", async () => {
  const { fal, emulator, clock } = setup({ emulator: { models: [echo({ seconds: 60 })], concurrency: 1 } });
  const started = clock.now();
  const chain = fal.chain("branches", async () => {
    const running = fal.subscribe(ECHO, { input: {}, step: "running" });
    const queued = fal.subscribe(ECHO, { input: {}, step: "queued" });
    const failing = (async () => {
      for await (const { type } of running) if (type === "running") throw new RangeError("branch");
    })();
    return Promise.all([running, queued, failing]);
  });
  const run = chain.start();
  expect(await failureOf(run)).toEqual(new RangeError("branch"));
  expect(clock.now() - started).toBeLessThan(1_000);
  expect(await run.total).toEqual({ nanoUsd: 10_000_000, calls: 2, unknown: 1 });
  expect(emulator.jobs.map(({ cancelled }) => cancelled)).toEqual([false, true]);
  const { seen, error } = await collect(run);
  expect(error).toEqual(new RangeError("branch"));
  expect(names(seen)).toContain("running completed");
  expect(names(seen).filter((name) => name === "call-failed")).toHaveLength(1);
  expect(names(seen).at(-1)).toBe("settled");
  expect(clock.sleepers).toBe(0);
});

test("cancel rejects with an AbortError, cancels what runs upstream, and leaves nothing", async () => {
  const { fal, emulator, clock } = setup({ emulator: { models: [echo({ seconds: 600 })] } });
  const chain = fal.chain("slow", async () => {
    await Promise.all([fal.subscribe(ECHO, { input: {} }), fal.subscribe(ECHO, { input: {} })]);
  });
  const run = chain.start(undefined, { id: "r1" });
  for await (const event of run) if (event.type === "call" && event.event.type === "running") break;
  const reason = new Error("not wanted");
  await run.cancel(reason);
  expect(await failureOf(run)).toMatchObject({ name: "AbortError", chain: "slow", run: "r1", cause: reason });
  await fal.close();
  expect(emulator.jobs.map(({ cancelled }) => cancelled)).toEqual([true, true]);
  await emulator.close();
  expect(clock.sleepers).toBe(0);
});

test("a run's abortSignal cancels it, before it starts too", async () => {
  const { fal, sent } = setup();
  const reason = new Error("gone");
  const error = await failureOf(one(fal).start({ n: 1 }, { abortSignal: AbortSignal.abort(reason) }));
  expect(error).toMatchObject({ name: "AbortError", cause: reason });
  expect(sent).toEqual([]);
});

test("costs that cannot be known are said to be unknown and not counted as nothing", async () => {
  const { fal } = setup({
    wire: (request, forward) =>
      request.url.includes("/pricing") ? json({ error: { message: "no" } }, { status: 403 }) : forward(),
  });
  const run = one(fal).start({ n: 1 });
  const { seen } = await collect(run);
  expect(seen.find(({ type }) => type === "charged")).toMatchObject({
    cost: { source: "unknown", reason: "no_price", units: 1 },
  });
  expect(await run.total).toEqual({ nanoUsd: 0, calls: 1, unknown: 1 });

  const silent = setup({ wire: instead("result", () => json({})) });
  expect(await one(silent.fal).start({ n: 1 }).total).toEqual({ nanoUsd: 0, calls: 1, unknown: 1 });
});

test("a total is of all calls, though the store in memory has let the run go before their prices were there", async () => {
  const price = Promise.withResolvers<void>();
  const { fal, clock } = setup({
    store: memoryStore({ keepEnded: 1 }),
    wire: async (request, forward) => {
      if (request.url.includes("/pricing")) await price.promise;
      return forward();
    },
  });
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: {} });
  await clock.sleep(60_000);
  const run = one(fal).start({ n: 1 });
  await run;
  const forgotten = (async () => {
    const idle = fal.chain("idle", () => {});
    await Promise.all(Array.from({ length: 1_000 }, () => idle.start()));
    await fal.queue.result(ECHO, { requestId });
    expect(await fal.calls.list({ chain: "one" })).toEqual([]);
  })();
  // No time passes meanwhile: a price is not waited for longer than a second.
  await clock.hold(forgotten);
  price.resolve();
  expect(await run.total).toEqual({ nanoUsd: 10_000_000, calls: 1, unknown: 0 });
});

test("the same endpoint called twice gives two steps with names of their own", async () => {
  const { fal } = setup();
  const run = fal
    .chain("twice", async () => {
      await fal.subscribe(ECHO, { input: {} });
      await fal.subscribe(ECHO, { input: {} });
    })
    .start();
  const { seen } = await collect(run);
  const steps = new Set(seen.flatMap((event) => (event.type === "call" ? [event.call.step] : [])));
  expect([...steps]).toEqual([ECHO, `${ECHO} #2`]);
});
