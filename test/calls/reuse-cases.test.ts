import { createFal, memoryStore } from "fal-chain";
import { type Model, ModelFailure } from "fal-chain/emulator";
import { describe, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { ECHO, ENV, failureOf, setup } from "../support/setup.ts";
import { instead } from "../support/wire.ts";

const input = { prompt: "a fox", seed: 7 };
const reuse = {};

describe("within runs", () => {
  test("a failed step that an equal call has been paid for since takes that, in its place", async () => {
    let fails = true;
    const flaky: Model = {
      ...(echo() as Model),
      run: async (input) => {
        if (fails) throw new ModelFailure(422, [{ loc: ["body"], msg: "No.", type: "value_error", url: "" }]);
        return { output: { echo: input }, units: 1 };
      },
    };
    const { fal, emulator } = setup({ emulator: { models: [flaky] } });
    const chain = fal.chain("c", async () => (await fal.subscribe(ECHO, { input, reuse })).data);
    await failureOf(chain.start(undefined, { id: "1" }));
    fails = false;
    await fal.subscribe(ECHO, { input });
    expect(await chain.resume("1")).toEqual({ echo: input });
    expect(emulator.jobs).toHaveLength(2);
    const steps = await fal.runs.steps("c", "1");
    expect(steps.map(({ replaced, call }) => [replaced, call?.state])).toEqual([
      [true, "failed"],
      [false, "completed"],
    ]);
  });

  test("a run that is let go while it waits for an equal call goes on elsewhere, and pays once at most", async () => {
    const { start, emulator } = processes();
    const first = start();
    const payer = first.fal.subscribe(ECHO, { input, reuse });
    const code = (fal: typeof first.fal) =>
      fal.chain("c", async () => (await fal.subscribe(ECHO, { input, reuse })).data);
    const waiting = code(first.fal).start(undefined, { id: "1" });
    await payer.submitted;
    const left = failureOf(waiting);
    await waiting.detach();
    expect(await left).toMatchObject({ code: "run_detached" });
    await payer;
    expect(await code(start().fal).start(undefined, { id: "1" })).toEqual({ echo: input });
    expect(emulator.jobs).toHaveLength(1);
  });

  test("a run that is cancelled while it waits for an equal call cancels nobody else's", async () => {
    const { fal, emulator, sent } = setup({ reuse });
    const payer = fal.subscribe(ECHO, { input });
    const waiting = fal.chain("c", () => fal.subscribe(ECHO, { input })).start();
    await payer.submitted;
    const left = failureOf(waiting);
    await waiting.cancel();
    expect(await left).toMatchObject({ name: "AbortError" });
    expect((await payer).data).toEqual({ echo: input });
    expect(emulator.jobs).toHaveLength(1);
    expect(sent.filter(({ kind }) => kind === "cancel")).toEqual([]);
  });

  test("equal calls in a loop are one payment, and a replay gives each the same", async () => {
    const { start, emulator } = processes();
    const code = (fails: boolean, fal = start().fal) =>
      fal.chain("c", async () => {
        const all = await fal.map(
          [1, 2, 3],
          async () => (await fal.subscribe(ECHO, { input, reuse })).requestId,
        );
        if (fails) throw new Error("later");
        return all;
      });
    await failureOf(code(true).start(undefined, { id: "1" }));
    const run = code(false).resume("1");
    expect(new Set(await run).size).toBe(1);
    expect(emulator.jobs).toHaveLength(1);
    expect(await run.total).toMatchObject({ calls: 3, nanoUsd: 10_000_000 });
  });

  test("a client that keeps its calls elsewhere is refused, as for any call", async () => {
    const [ours, theirs] = [setup(), setup()];
    await theirs.fal.subscribe(ECHO, { input });
    const one = ours.fal.chain("one", () => theirs.fal.subscribe(ECHO, { input, reuse }));
    expect(await failureOf(one.start())).toMatchObject({ code: "run_elsewhere" });
  });
});

test("one whose answer was lost is never given, and neither is one under way", async () => {
  const { fal, emulator } = setup({
    wire: instead("submit", () => new TypeError("reset"), 1),
    ambiguousSubmit: "throw",
  });
  await failureOf(fal.subscribe(ECHO, { input, reuse }));
  await fal.queue.submit(ECHO, { input });
  await fal.subscribe(ECHO, { input, reuse });
  expect(emulator.jobs).toHaveLength(2);
});

test("what was submitted by itself is given once its result was read", async () => {
  const { fal, emulator } = setup({ reuse });
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input });
  await fal.queue.subscribeToStatus(ECHO, { requestId });
  await fal.queue.result(ECHO, { requestId });
  expect((await fal.subscribe(ECHO, { input })).requestId).toBe(requestId);
  expect(emulator.jobs).toHaveLength(1);
});

test("bytes and texts are given as what they were", async () => {
  const { fal, emulator } = setup({
    wire: async (request, forward) => {
      const reply = await forward();
      if (!/requests\/[^/]+$/.test(new URL(request.url).pathname) || request.method !== "GET") return reply;
      const type = emulator.jobs.length === 1 ? "application/octet-stream" : "text/plain";
      const headers = new Headers(reply.headers);
      headers.set("content-type", type);
      headers.delete("content-length");
      return new Response("\u0001 https://example.com/a", { status: 200, headers });
    },
  });
  for (const n of [1, 2]) {
    const { data } = await fal.subscribe(ECHO, { input: { n } });
    const again = await fal.subscribe(ECHO, { input: { n }, reuse });
    expect(again.data).toEqual(data);
    expect(data instanceof ArrayBuffer).toBe(n === 1);
    expect(again.data instanceof ArrayBuffer).toBe(n === 1);
  }
  expect(emulator.jobs).toHaveLength(2);
});

test("a limit on calls under way is no limit on those that wait for an equal one", async () => {
  const { fal, emulator } = setup({ reuse, maxInFlight: 1 });
  const all = [1, 2, 3].flatMap((n) => [n, n]).map((n) => fal.subscribe(ECHO, { input: { n } }));
  await Promise.all(all);
  expect(emulator.jobs).toHaveLength(3);
});

test("direct calls and calls of the queue share one payment", async () => {
  const { fal, emulator } = setup({ reuse });
  const all = [fal.run(ECHO, { input }), fal.subscribe(ECHO, { input }), fal.run(ECHO, { input })];
  const ids = (await Promise.all(all)).map(({ requestId }) => requestId);
  expect(new Set(ids).size).toBe(1);
  expect(
    emulator.received.filter(({ method, url }) => method === "POST" && url.includes("echo")),
  ).toHaveLength(1);
});

test("who has called an app can be a boundary", async () => {
  const { fal, emulator } = setup({ reuse: { within: "caller" }, env: { ...ENV, FAL_JOB_ID: "job-1" } });
  const as = (caller: string) =>
    fal.withRequest(
      {
        headers: new Headers({ "x-fal-request-id": crypto.randomUUID(), "x-fal-caller-user-id": caller }),
      } as never,
      () => fal.subscribe(ECHO, { input }),
    );
  await as("a");
  await as("b");
  await as("a");
  const callers = (await fal.calls.list()).map((call) => call.for.caller);
  expect(new Set(callers).size).toBe(2);
  expect(emulator.jobs).toHaveLength(2);
});

test("a call that is refused before it is sent lets the next one try, and each is told its own", async () => {
  const store = memoryStore();
  const world = setup({ store });
  const poor = createFal({
    env: ENV,
    clock: world.clock,
    store,
    fetch: async () => Response.error(),
    budget: { usd: 0 },
    reuse,
  });
  const errors = await Promise.all([1, 2, 3].map(() => failureOf(poor.subscribe(ECHO, { input }))));
  expect(new Set(errors).size).toBe(3);
  await world.fal.subscribe(ECHO, { input });
  expect((await poor.subscribe(ECHO, { input })).data).toEqual({ echo: input });
});

test("an input whose fields are called as those of every object are is an input like any other", async () => {
  const { fal, emulator } = setup({ reuse });
  for (const text of [
    '{"__proto__":{"a":1},"constructor":"x","b":1}',
    '{"b":1,"constructor":"x","__proto__":{"a":1}}',
  ]) {
    await fal.subscribe(ECHO, { input: JSON.parse(text) });
  }
  await fal.subscribe(ECHO, { input: JSON.parse('{"__proto__":{"a":2},"constructor":"x","b":1}') });
  await fal.subscribe(ECHO, { input: { b: 1, constructor: "x" } });
  expect(emulator.jobs).toHaveLength(3);
});
