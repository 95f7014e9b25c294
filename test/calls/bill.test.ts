import { type CallAbortedError, memoryStore, type Store } from "fal-chain";
import { expect, test, vi } from "vitest";
import { echo } from "../support/models.ts";
import { type Process, processes } from "../support/processes.ts";
import { collect, ECHO, failureOf, setup } from "../support/setup.ts";
import { instead, kindOf, losing, networkError, type Wire } from "../support/wire.ts";

const input = { prompt: "a fox" };
const isPricing = (request: Request) => request.url.includes("/models/pricing");
const costOf = async ({ fal }: ReturnType<typeof setup>) => {
  await fal.close();
  return (await fal.calls.list())[0]?.cost;
};

test("what a call cost is noted once its price is there, and the result does not wait for it", async () => {
  const price = Promise.withResolvers<void>();
  const wire: Wire = async (request, forward) => {
    if (isPricing(request)) await price.promise;
    return forward();
  };
  const made = setup({ wire });
  await made.fal.subscribe(ECHO, { input });
  expect((await made.fal.calls.list())[0]).toMatchObject({ state: "completed", cost: undefined });
  price.resolve();
  expect(await costOf(made)).toMatchObject({ source: "measured", nanoUsd: 10_000_000, unit: "images" });
});

test("once its price is known, what a call cost is in the store together with its result", async () => {
  const store = memoryStore();
  const charged = vi.spyOn(store.calls, "charged");
  const made = setup({ store });
  await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  expect(charged).toHaveBeenCalledTimes(1);
  await made.fal.subscribe(ECHO, { input });
  expect((await made.fal.calls.list())[0]).toMatchObject({ cost: { source: "measured", unit: "images" } });
  await made.clock.advance(60 * 60_000);
  await made.fal.subscribe(ECHO, { input });
  await made.fal.close();
  expect(charged).toHaveBeenCalledTimes(2);
  expect((await made.fal.costs()).total).toMatchObject({ nanoUsd: 30_000_000, unknown: 0 });
});

test("so it is with a result that is read by its request's id", async () => {
  const store = memoryStore();
  const charged = vi.spyOn(store.calls, "charged");
  const { fal } = setup({ store });
  await fal.price(ECHO);
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input });
  await fal.queue.subscribeToStatus(ECHO, { requestId });
  await fal.queue.result(ECHO, { requestId });
  expect(await fal.calls.list()).toMatchObject([{ state: "completed", cost: { source: "measured" } }]);
  expect(charged).not.toHaveBeenCalled();
});

test("a price that cannot be had is given up in seconds, and the cost is unknown", async () => {
  const wire: Wire = (request, forward) => {
    if (isPricing(request)) throw networkError("ECONNREFUSED");
    return forward();
  };
  const made = setup({ wire });
  await made.fal.subscribe(ECHO, { input });
  const before = made.clock.now();
  expect(await costOf(made)).toEqual({ source: "unknown", reason: "no_price", units: 1 });
  expect(made.clock.now() - before).toBeLessThanOrEqual(10_000);
});

test("units that fal does not say make an unknown cost, and no price is asked for", async () => {
  const wire: Wire = async (_, forward) => {
    const reply = await forward();
    reply.headers.delete("x-fal-billable-units");
    return reply;
  };
  const made = setup({ wire });
  await made.fal.subscribe(ECHO, { input });
  expect(await costOf(made)).toEqual({ source: "unknown", reason: "no_units" });
  expect(made.sent.filter(({ url }) => url.includes("/models/pricing"))).toEqual([]);
});

test.each([
  ["refused", 429, undefined],
  ["failed at the model", 422, { source: "unknown", reason: "failed" }],
] as const)("a call that %s costs what is known of it", async (how, status, cost) => {
  const kind = how === "refused" ? "submit" : "result";
  const wire = instead(kind, () => Response.json({ detail: "no" }, { status }));
  const made = setup({ wire, retry: { maxRetries: 0 } });
  const error = await failureOf(made.fal.subscribe(ECHO, { input }));
  expect((error as { billed: unknown }).billed).toBe(cost === undefined ? false : "unknown");
  expect(await costOf(made)).toEqual(cost);
});

test("a failure that fal bills units for is measured, and wasted", async () => {
  const made = setup({ budget: { usd: 0.06 } });
  made.emulator.faults.next("submit", "completed-with-error; status=422; billableUnits=3");
  expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ billed: true });
  expect(await costOf(made)).toMatchObject({ source: "measured", nanoUsd: 30_000_000, units: 3 });
  expect((await made.fal.costs()).total).toMatchObject({ unknown: 0, waste: { failedNanoUsd: 30_000_000 } });
  for (let n = 0; n < 3; n++) await made.fal.subscribe(ECHO, { input });
  expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ code: "budget_exceeded" });
});

test("a failure of fal's own is not charged for the units that it counts, until the bill says so", async () => {
  const made = setup({ budget: { usd: 0.03 } });
  made.emulator.faults.next("submit", "completed-with-error; status=500; billableUnits=3");
  expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ billed: "unknown" });
  expect(await costOf(made)).toEqual({ source: "unknown", reason: "failed", units: 3 });
  expect(await made.fal.budgets()).toMatchObject([{ chargedNanoUsd: 0, reservedNanoUsd: 10_000_000 }]);
});

test.each([
  ["says that it bills", "1", true, { source: "measured", nanoUsd: 10_000_000, units: 1 }],
  ["does not say what it bills", "", "unknown", { source: "unknown", reason: "failed" }],
])("a request that failed with a result of which fal %s costs that", async (_, units, billed, cost) => {
  const wire: Wire = async (request, forward) => {
    const reply = await forward();
    if (kindOf(request) === "result") reply.headers.set("x-fal-billable-units", units);
    if (kindOf(request) !== "status") return reply;
    const status = (await reply.json()) as { status: string };
    return Response.json(status.status === "COMPLETED" ? { ...status, error: "it broke" } : status);
  };
  const made = setup({ wire });
  const call = made.fal.subscribe(ECHO, { input, mode: "polling" });
  expect(await failureOf(call)).toMatchObject({ message: expect.stringContaining("it broke"), billed });
  expect(await costOf(made)).toMatchObject(cost);
});

test("what fal refuses at the submit is not billed, and frees what it had reserved", async () => {
  const wire = instead("submit", () => Response.json({ detail: "no" }, { status: 422 }), 1);
  const made = setup({ wire, budget: { usd: 0.01 } });
  expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ status: 422, billed: false });
  expect(await costOf(made)).toBeUndefined();
  await made.fal.subscribe(ECHO, { input });
});

test.each([
  ["OK", { source: "measured", nanoUsd: 0, units: 0 }],
  ["CANCELLATION_REQUESTED", { source: "unknown", reason: "failed" }],
])("a call that is cancelled with %s costs what that means", async (status, cost) => {
  const wire = instead("cancel", () => Response.json({ status }));
  const made = setup({ wire, emulator: { models: [echo({ seconds: 3_600 })] } });
  const call = made.fal.subscribe(ECHO, { input });
  await call.submitted;
  void call.cancel();
  await failureOf(call);
  expect(await costOf(made)).toEqual(cost);
  expect((await made.fal.calls.list())[0]).toMatchObject({ state: "given-up", givenUp: "caller" });
});

test("what was given up before anything was sent costs nothing", async () => {
  const made = setup();
  const controller = new AbortController();
  const call = made.fal.subscribe(ECHO, { input, abortSignal: controller.signal });
  controller.abort();
  await failureOf(call);
  expect([await costOf(made), made.emulator.jobs.length]).toEqual([undefined, 0]);
});

/** Refuses each submit until it is told to stop, with a long pause before the repeat. */
function busy() {
  const state = { refusing: true };
  const answer = () => Response.json({ detail: "busy" }, { status: 429, headers: { "retry-after": "20" } });
  const wire: Wire = (request, forward) =>
    state.refusing && kindOf(request) === "submit" ? answer() : forward();
  return { state, wire };
}

test("what is given up while fal refuses it costs nothing, and frees what it had reserved", async () => {
  const { state, wire } = busy();
  const made = setup({ wire, budget: { usd: 0.01 } });
  const call = made.fal.subscribe(ECHO, { input });
  void made.clock.sleep(5_000).then(call.cancel);
  expect(await ((await failureOf(call)) as CallAbortedError).cancel).toBe("not-sent");
  expect(await costOf(made)).toEqual({ source: "measured", nanoUsd: 0, units: 0 });
  state.refusing = false;
  await made.fal.subscribe(ECHO, { input });
  expect(made.emulator.jobs).toHaveLength(1);
});

test("what is given up while fal refuses it may be billed where a submit before was in doubt", async () => {
  const { wire } = busy();
  const lost = losing("submit", 1);
  let submits = 0;
  const made = setup({
    ambiguousSubmit: "resubmit",
    wire: (request, forward) =>
      kindOf(request) === "submit" && submits++ === 0 ? lost(request, forward) : wire(request, forward),
  });
  const call = made.fal.subscribe(ECHO, { input });
  void made.clock.sleep(5_000).then(call.cancel);
  await failureOf(call);
  await made.fal.close();
  expect(await made.fal.calls.list()).toMatchObject([
    { state: "failed", error: { billed: false } },
    { state: "ambiguous", cost: { source: "unknown", reason: "failed" } },
  ]);
});

test("a run that is let go while fal refuses its call has its whole budget when it is resumed", async () => {
  const { state, wire } = busy();
  const made = setup({ wire });
  const one = made.fal.chain("one", async () => (await made.fal.subscribe(ECHO, { input })).data);
  const run = one.start(undefined, { id: "r", budget: { usd: 0.01 } });
  await made.clock.sleep(5_000);
  await run.detach();
  expect(await costOf(made)).toEqual({ source: "measured", nanoUsd: 0, units: 0 });
  state.refusing = false;
  expect(await one.resume("r")).toEqual({ echo: input });
  expect(made.emulator.jobs).toHaveLength(1);
});

test("what is given up while it is looked up what became of it is not said to cost nothing", async () => {
  const { start, store, emulator } = processes({ history: { lagMs: 3_600_000 } });
  const one = ({ fal }: Process) => fal.chain("one", () => fal.subscribe(ECHO, { input }));
  const dying = start({
    wire: async (request, forward) => {
      const reply = await forward();
      if (kindOf(request) === "submit") dying.kill();
      return reply;
    },
  });
  one(dying).start(undefined, { id: "r" });
  await expect.poll(() => emulator.jobs).toHaveLength(1);
  const next = start({
    wire: (request, forward) => {
      if (request.url.includes("by-endpoint")) void run.cancel();
      return forward();
    },
  });
  const run = one(next).resume("r");
  const { seen } = await collect(run);
  expect(seen.filter(({ type }) => type === "charged")).toEqual([]);
  expect(await run.total).toEqual({ nanoUsd: 0, calls: 1, unknown: 1 });
  expect(await store.calls.list()).toMatchObject([{ state: "ambiguous", cost: undefined }]);
});

test("a call whose run was taken over before fal accepted it has nothing reserved any more", async () => {
  const { state, wire } = busy();
  const store = memoryStore();
  const renew: Store["runs"]["renew"] = async () => ({ held: false, cancelReason: undefined });
  const made = setup({ wire, budget: { usd: 0.01 }, store: { ...store, runs: { ...store.runs, renew } } });
  const one = made.fal.chain("one", () => made.fal.subscribe(ECHO, { input }));
  one.start(undefined, { id: "r" });
  await made.clock.sleep(60_000);
  expect(await costOf(made)).toEqual({ source: "measured", nanoUsd: 0, units: 0 });
  state.refusing = false;
  await made.fal.subscribe(ECHO, { input });
});

test("what a failing sibling ends while fal refuses it is free when the run is resumed", async () => {
  const { state, wire } = busy();
  const models = [echo(), echo({ id: "acme/broken" })];
  const made = setup({
    emulator: { models },
    wire: (request, forward) => (request.url.includes("broken") ? forward() : wire(request, forward)),
  });
  made.emulator.faults.next("submit", "completed-with-error; status=500");
  const one = made.fal.chain("one", () =>
    Promise.all([
      made.fal.subscribe("acme/broken", { input }),
      made.fal.subscribe(ECHO, { input, step: "echo" }),
    ]),
  );
  const run = one.start(undefined, { id: "r", budget: { usd: 0.02 } });
  await failureOf(run);
  await run.total;
  state.refusing = false;
  expect(await one.resume("r")).toHaveLength(2);
});

test("a run's total and its calls in the store agree, a call that was cancelled in time included", async () => {
  const wire = instead("cancel", () => Response.json({ status: "OK" }));
  const made = setup({ wire, emulator: { models: [echo(), echo({ id: "acme/slow", seconds: 3_600 })] } });
  const run = made.fal
    .chain("two", async () => {
      const slow = made.fal.subscribe("acme/slow", { input });
      await made.fal.subscribe(ECHO, { input });
      await slow.cancel();
      await slow.catch(() => {});
    })
    .start();
  await run;
  expect(await run.total).toEqual({ nanoUsd: 10_000_000, calls: 2, unknown: 0 });
  await made.fal.close();
  const costs = (await made.fal.calls.list()).map(({ cost }) => cost);
  expect(costs).toEqual([
    expect.objectContaining({ nanoUsd: 10_000_000 }),
    expect.objectContaining({ nanoUsd: 0 }),
  ]);
});

test.each([
  ["a gateway that is down", () => new Response("<html>", { status: 502 })],
  ["a key that may not read", () => Response.json({ detail: "no" }, { status: 403 })],
  ["a network that is gone", () => networkError("ECONNREFUSED")],
])("%s says nothing of the request: it may be billed, and its result is still had", async (_, answer) => {
  const made = setup({ wire: instead("result", answer, 1), retry: { maxRetries: 0 } });
  const error = await failureOf(made.fal.subscribe(ECHO, { input }));
  expect(error).toMatchObject({ billed: "unknown", requestId: made.emulator.jobs[0]?.requestId });
  expect(await costOf(made)).toEqual({ source: "unknown", reason: "failed" });
  const [{ id, state } = { id: "", state: "" }] = await made.fal.calls.list();
  expect(state).toBe("given-up");
  expect((await made.fal.calls.collect(id)).data).toEqual({ echo: input });
  expect(await costOf(made)).toMatchObject({ source: "measured" });
  expect(made.emulator.jobs).toHaveLength(1);
});

test("a request that failed while nobody could read it fails with its own words when it is taken up", async () => {
  const broken = {
    ...echo(),
    run: async (): Promise<never> => {
      throw new Error("out of memory");
    },
  };
  const wire = instead("status", () => new Response("<html>", { status: 502 }), 1);
  const made = setup({ wire, retry: { maxRetries: 0 }, emulator: { models: [broken] } });
  const one = made.fal.chain("one", () => made.fal.subscribe(ECHO, { input, mode: "polling" }));
  const first = one.start(undefined, { id: "r" });
  expect(await failureOf(first)).toMatchObject({ status: 502 });
  await first.total;
  await made.clock.sleep(60_000);
  const [job] = made.emulator.jobs;
  expect(await failureOf(one.resume("r"))).toMatchObject({ status: job?.result?.status });
});

test("a run that could not read a result has it when it is resumed, and pays nothing again", async () => {
  const bad = () => new Response("<html>", { status: 502 });
  const made = setup({ wire: instead("result", bad, 2), retry: { maxRetries: 0 } });
  const one = made.fal.chain("one", async () => (await made.fal.subscribe(ECHO, { input })).data);
  const first = one.start(undefined, { id: "r" });
  await failureOf(first);
  await first.total;
  // Once more it cannot, and then it can.
  const second = one.resume("r");
  await failureOf(second);
  await second.total;
  expect(await one.resume("r")).toEqual({ echo: input });
  expect(made.emulator.jobs).toHaveLength(1);
});
