import { createFal, type Fal, type FalOptions, memoryStore, type Reuse } from "fal-chain";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { EVENTS, echo, failing, STREAMS, streaming } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { collect, ECHO, ENV, failureOf, setup } from "../support/setup.ts";

const DAY_MS = 86_400_000;
const reuse: Reuse = {};
const input = { prompt: "a fox", seed: 7 };

/** How often something was submitted, or called directly. */
const paid = ({ emulator }: Pick<ReturnType<typeof setup>, "emulator">) => emulator.jobs.length;

describe("an equal call that was paid for is given again", () => {
  test("where it is asked for, and not else", async () => {
    const world = setup();
    const { fal } = world;
    const first = await fal.subscribe(ECHO, { input });
    const again = await fal.subscribe(ECHO, { input, reuse });
    expect(again).toMatchObject({ data: first.data, requestId: first.requestId, billing: { units: 0 } });
    expect(paid(world)).toBe(1);
    await fal.subscribe(ECHO, { input });
    expect(paid(world)).toBe(2);
  });

  test("by whichever call: its events say whose it is, and nothing is sent", async () => {
    const { fal, sent } = setup();
    const { requestId } = await fal.subscribe(ECHO, { input });
    const [{ id } = { id: "" }] = await fal.calls.list();
    const before = sent.length;
    const call = fal.subscribe(ECHO, { input, reuse, tags: { customer: "acme" } });
    const { seen } = await collect(call);
    expect(seen.map(({ type }) => type)).toEqual(["reused", "completed"]);
    expect(seen[0]).toMatchObject({ requestId, of: id, tags: { customer: "acme" } });
    expect(await call.submitted).toEqual({ endpoint: ECHO, requestId });
    expect(sent.length).toBe(before);
    const [noted] = await fal.calls.list({ limit: 1 });
    expect(noted).toMatchObject({
      state: "completed",
      reuseOf: { call: id, requestId },
      for: { userTags: { customer: "acme" } },
    });
    expect((await fal.calls.collect(noted?.id ?? "")).data).toEqual({ echo: input });
  });

  test.each<[string, object, object, boolean]>([
    ["the order of its fields", { a: 1, b: { c: [1], d: 2 } }, { b: { d: 2, c: [1] }, a: 1.0 }, true],
    ["a field that is left out", { a: 1 }, { a: 1, b: undefined }, true],
    ["a field that is null", { a: 1 }, { a: 1, b: null }, false],
    ["the order of a list", { a: [1, 2] }, { a: [2, 1] }, false],
    ["a number or its text", { a: 1 }, { a: "1" }, false],
    ["normal forms of a letter", { a: "\u00e9" }, { a: "e\u0301" }, false],
    ["a bigint or the text of its digits", { a: 9007199254740993n }, { a: "9007199254740993" }, false],
    ["equal bigints", { a: 9007199254740993n }, { a: 9007199254740993n }, true],
    [
      "bytes or a Blob of them",
      { a: new Uint8Array([1, 2]) },
      { a: new Blob([new Uint8Array([1, 2])]) },
      true,
    ],
    ["other bytes", { a: new Uint8Array([1, 2]) }, { a: new Uint8Array([1, 3]) }, false],
    ["a file of another type", { a: new Blob(["x"]) }, { a: new Blob(["x"], { type: "text/plain" }) }, false],
    [
      "an address that was signed anew, which may be anybody's",
      { a: "https://b.example.com/a?X-Amz-Signature=1" },
      { a: "https://b.example.com/a?X-Amz-Signature=2" },
      false,
    ],
  ])("%s", async (_, one, other, isSame) => {
    const world = setup();
    await world.fal.subscribe(ECHO, { input: one });
    await world.fal.subscribe(ECHO, { input: other, reuse });
    expect(paid(world)).toBe(isSame ? 1 : 2);
  });

  test("never one that failed, or of another endpoint, or with other headers or other readers of its files", async () => {
    const world = setup({ emulator: { models: [echo(), echo({ id: "acme/other" }), failing()] } });
    const { fal } = world;
    await failureOf(fal.subscribe("acme/failing", { input, reuse }));
    await failureOf(fal.subscribe("acme/failing", { input, reuse }));
    await fal.subscribe(ECHO, { input });
    await fal.subscribe("acme/other", { input, reuse });
    await fal.subscribe(ECHO, { input, reuse, headers: { "x-model": "2" } });
    await fal.subscribe(ECHO, { input, reuse, storageSettings: { expiresIn: "1h" } });
    expect(paid(world)).toBe(6);
  });

  test("not one that is older than maxAge, counted from its end", async () => {
    const world = setup();
    const { fal, clock } = world;
    await fal.subscribe(ECHO, { input });
    await clock.sleep(DAY_MS - 1_000);
    await fal.subscribe(ECHO, { input, reuse: { maxAge: "1d" } });
    expect(paid(world)).toBe(1);
    // What was given again is no younger for it.
    await clock.sleep(2_000);
    await fal.subscribe(ECHO, { input, reuse: { maxAge: "1d" } });
    expect(paid(world)).toBe(2);
  });

  test("not across a tag that the caller names, nor from who has none to who has one", async () => {
    const world = setup();
    const { fal } = world;
    const call = (customer: string | undefined, within?: Reuse["within"]) =>
      fal.subscribe(ECHO, {
        input,
        reuse: within === undefined ? false : { within },
        ...(customer !== undefined && { tags: { customer } }),
      });
    await call("acme");
    await call("other", "customer");
    await call(undefined, "customer");
    expect(paid(world)).toBe(3);
    for (const customer of ["acme", "other", undefined]) await call(customer, ["customer", "chain"]);
    await call("third", []);
    expect(paid(world)).toBe(3);
  });

  test("not one that does not keep to the caller's schema", async () => {
    const world = setup();
    await world.fal.subscribe(ECHO, { input });
    const output = z.object({ echo: z.object({ n: z.number() }) });
    await failureOf(world.fal.subscribe(ECHO, { input, reuse, output }));
    expect(paid(world)).toBe(2);
  });

  test("through run and subscribe alike; a stream gives its last event to a stream", async () => {
    const world = setup({ emulator: { models: [echo(), streaming()] } });
    const { fal } = world;
    await fal.run(ECHO, { input });
    expect((await fal.subscribe(ECHO, { input, reuse })).data).toEqual({ echo: input });
    expect((await fal.run(ECHO, { input, reuse })).data).toEqual({ echo: input });
    await (await fal.stream(STREAMS, { input })).done();
    const { seen } = await collect(await fal.stream(STREAMS, { input, reuse }));
    expect(seen).toEqual([EVENTS.at(-1)]);
    expect(world.emulator.received.filter(({ method }) => method === "POST")).toHaveLength(2);
  });

  test("costs nothing where the budget has no room and no price is known", async () => {
    const store = memoryStore();
    const { fal, emulator } = setup({ store });
    await fal.subscribe(ECHO, { input });
    const { clock } = setup();
    const poor = createFal({
      env: ENV,
      clock,
      store,
      fetch: async () => Response.error(),
      budget: { usd: 0 },
    });
    expect((await poor.subscribe(ECHO, { input, reuse })).data).toEqual({ echo: input });
    expect(emulator.jobs).toHaveLength(1);
  });

  test.each<[string, FalOptions, (fal: Fal) => PromiseLike<unknown>]>([
    ["maxAge", {}, (fal) => fal.subscribe(ECHO, { reuse: { maxAge: "soon" } })],
    ["within", {}, (fal) => fal.subscribe(ECHO, { reuse: { within: "Customer!" } })],
    ["webhookUrl", {}, (fal) => fal.subscribe(ECHO, { reuse, webhookUrl: "https://a.example.com" })],
    ["keeps ids only", { store: { ...memoryStore(), keep: "ids" } }, (fal) => fal.subscribe(ECHO, { reuse })],
    ["subscribe, run and stream", {}, (fal) => fal.queue.submit(ECHO, { reuse } as object)],
  ])("what cannot be meant is said: %s", async (what, options, call) => {
    const world = setup(options);
    expect(await failureOf(call(world.fal))).toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(what),
    });
    expect(paid(world)).toBe(0);
  });
});

describe("whoever says so", () => {
  test("the client, the chain or the call, whose fields add up", async () => {
    const world = setup({ reuse: { within: "customer" } });
    const { fal } = world;
    const chain = fal.chain("c", async (n: number) => (await fal.subscribe(ECHO, { input: { n } })).data, {
      reuse: { maxAge: "1d" },
    });
    const as = (customer: string, n: number) => chain.start(n, { tags: { customer } });
    await as("acme", 1);
    await as("acme", 1);
    expect(paid(world)).toBe(1);
    // The client's boundary holds.
    await as("other", 1);
    expect(paid(world)).toBe(2);
    await world.clock.sleep(2 * DAY_MS);
    await as("acme", 1);
    expect(paid(world)).toBe(3);
    await fal.subscribe(ECHO, { input: { n: 1 }, tags: { customer: "acme" }, reuse: false });
    expect(paid(world)).toBe(4);
    await fal.chain("d", () => fal.subscribe(ECHO, { input: { n: 1 } }), { reuse: false }).start();
    expect(paid(world)).toBe(5);
  });

  test("in a run it is a step as any other: a replay gives the same, and asks for nothing", async () => {
    const { start, emulator, store } = processes();
    await start().fal.subscribe(ECHO, { input });
    const code = (fal: Fal, fails: boolean) =>
      fal.chain("poster", async () => {
        const { data } = await fal.subscribe(ECHO, { input, reuse });
        if (fails) throw new Error("later");
        return data;
      });
    const first = start();
    await failureOf(code(first.fal, true).start(undefined, { id: "1" }));
    const second = start();
    // What it was given is its own, whatever becomes of the call that was paid for.
    const [origin] = (await store.calls.list({ state: "completed" })).slice(-1);
    expect(origin?.reuseOf).toBeUndefined();
    expect(await code(second.fal, false).resume("1")).toEqual({ echo: input });
    expect(emulator.jobs).toHaveLength(1);
    const [step] = await second.fal.runs.steps("poster", "1");
    expect(step).toMatchObject({ kind: "call", reused: true, call: { reuseOf: { call: origin?.id } } });
  });

  test("killed right after it was noted, a run goes on with what it was given", async () => {
    const { start, emulator, clock } = processes();
    await start().fal.subscribe(ECHO, { input });
    const code = (fal: Fal) =>
      fal.chain("poster", async () => {
        await fal.subscribe(ECHO, { input, reuse });
        return (await fal.subscribe(ECHO, { input: { n: 2 } })).requestId;
      });
    const first = start({
      onStore: (name, when) => {
        if (name === "calls.intend" && when === "after") first.kill();
      },
    });
    void code(first.fal).start(undefined, { id: "1" });
    await clock.sleep(60_000);
    const run = code(start().fal).start(undefined, { id: "1" });
    await run;
    expect(emulator.jobs).toHaveLength(2);
    expect(await run.total).toMatchObject({ calls: 2, nanoUsd: 10_000_000 });
  });
});

describe("equal calls at the same time", () => {
  test("share one payment, and each is noted", async () => {
    const world = setup({ reuse });
    const calls = Array.from({ length: 5 }, () => world.fal.subscribe(ECHO, { input }));
    const ids = (await Promise.all(calls)).map(({ requestId }) => requestId);
    expect(new Set(ids).size).toBe(1);
    expect(paid(world)).toBe(1);
    expect(await world.fal.calls.list()).toHaveLength(5);
    await world.fal.close();
    expect((await world.fal.costs()).total.reuse).toEqual({ times: 4, savedNanoUsd: 40_000_000 });
  });

  test("not across a tag that both name", async () => {
    const world = setup({ reuse: { within: "customer" } });
    const call = (customer: string) => world.fal.subscribe(ECHO, { input, tags: { customer } });
    await Promise.all([call("acme"), call("other"), call("acme")]);
    expect(paid(world)).toBe(2);
  });

  test("where the one that pays fails, each of the others is told what its own came to", async () => {
    const world = setup({ reuse, emulator: { models: [failing()] } });
    const calls = [1, 2, 3].map(() => failureOf(world.fal.subscribe("acme/failing", { input })));
    const errors = (await Promise.all(calls)) as { requestId?: string }[];
    expect(new Set(errors.map(({ requestId }) => requestId)).size).toBe(3);
  });

  test("where the one that pays is given up, the next one pays, and the others share that", async () => {
    const world = setup({ reuse });
    const [payer, ...others] = [1, 2, 3].map(() => world.fal.subscribe(ECHO, { input }));
    const left = failureOf(payer as never);
    await payer?.submitted;
    expect(await payer?.cancel()).toMatch(/in-time|requested/);
    expect(await left).toMatchObject({ name: "AbortError" });
    const ids = (await Promise.all(others)).map(({ requestId }) => requestId);
    expect(new Set(ids).size).toBe(1);
    expect(paid(world)).toBe(2);
  });

  test("one that waits may be given up, and nothing is cancelled for it", async () => {
    const world = setup({ reuse });
    const payer = world.fal.subscribe(ECHO, { input });
    const waiting = world.fal.subscribe(ECHO, { input });
    const left = failureOf(waiting);
    await payer.submitted;
    expect(await waiting.cancel()).toBe("not-sent");
    expect(await left).toMatchObject({ name: "AbortError" });
    expect((await payer).data).toEqual({ echo: input });
    expect(world.sent.filter(({ kind }) => kind === "cancel")).toEqual([]);
    expect(await world.fal.calls.list()).toHaveLength(1);
  });
});
