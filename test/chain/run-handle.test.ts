import {
  createFal,
  type Fal,
  memoryStore,
  type NumberedEvent,
  type RunEvent,
  type RunEventsOptions,
  type RunHandle,
} from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { aroundStore } from "../support/around-store.ts";
import { processes } from "../support/processes.ts";
import { collect, ECHO, ENV, failureOf, setup } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

const two = (fal: Fal, name = "two") =>
  fal.chain(name, async (input: { n: number }) => {
    await fal.subscribe(ECHO, { input: { n: input.n } });
    await fal.subscribe(ECHO, { input: { n: input.n + 1 } });
    return { n: input.n + 2, at: new Date(0) };
  });

const kinds = (events: readonly RunEvent[]) =>
  events.map((event) => (event.type === "call" ? event.event.type : event.type));

/** Everything that it tells. */
const read = <O>(handle: RunHandle<unknown, O> | undefined, options: RunEventsOptions = {}) => {
  if (!handle) throw new Error("There is no such run.");
  return collect(handle.events(options));
};

const seqs = (events: readonly NumberedEvent[]) => events.map(({ seq }) => seq);

test.each([
  ["memory", () => memoryStore()],
  ["sqlite", () => sqliteStore(`${tempDir()}/calls.db`)],
] as const)("a run is read with its types, its total and its numbered events (%s)", async (_, open) => {
  const store = open();
  onTestFinished(() => store.close());
  const { fal } = setup({ store });
  const chain = two(fal);
  expect(await chain.get("a")).toBeUndefined();
  const run = chain.start({ n: 1 }, { id: "a", tags: { customer: "acme" } });
  await run;
  await run.total;
  const handle = await chain.get("a");
  expect(handle).toMatchObject({
    ...{ chain: "two", id: "a", state: "completed", tags: { customer: "acme" }, executions: 1 },
    ...{ input: { n: 1 }, output: { n: 3, at: "1970-01-01T00:00:00.000Z" }, error: undefined },
    total: { nanoUsd: 20_000_000, calls: 2, unknown: 0 },
  });
  const output: string | undefined = handle?.output?.at;
  expect(output).toBe("1970-01-01T00:00:00.000Z");
  // What a server sends is all but what it can do.
  expect(JSON.parse(JSON.stringify(handle))).toMatchObject({ state: "completed", total: { calls: 2 } });

  const { seen, error } = await read(handle);
  expect(error).toBeUndefined();
  expect(seqs(seen)).toEqual(seen.map((_, n) => n));
  const told = (events: readonly RunEvent[]) => kinds(events).filter((kind) => kind !== "charged");
  expect(told(seen)).toEqual(told((await collect(run)).seen));
  expect(seen.at(-2)).toMatchObject({ type: "completed", output: { n: 3 } });
  expect(seen.at(-1)).toMatchObject({ type: "settled", total: { nanoUsd: 20_000_000 } });
  const result = seen.find((event) => event.type === "call" && event.event.type === "completed");
  expect(result).toMatchObject({ event: { result: { data: { echo: { n: 1 } } } } });
  // From each number on it is the same, and after the last one there is nothing more.
  for (const from of [0, 1, 5, seen.length - 1, seen.length, seen.length + 7]) {
    expect((await read(handle, { from })).seen).toEqual(seen.slice(from));
  }
});

test("a run has the same name everywhere", async () => {
  const { fal } = setup();
  await two(fal).start({ n: 1 }, { id: "order-1042" });
  await two(fal).start({ n: 2 }, { id: "with/slash" });
  expect(await fal.runs.get("two/order-1042")).toMatchObject({ chain: "two", id: "order-1042" });
  expect(await fal.runs.get("two", "order-1042")).toMatchObject({ state: "completed" });
  expect(await fal.runs.get("two/with/slash")).toMatchObject({ chain: "two", id: "with/slash" });
  expect(await fal.runs.get("two/none")).toBeUndefined();
  expect(await fal.runs.get("two", "none")).toBeUndefined();
  await expect(fal.runs.get("order-1042")).rejects.toThrow(
    /"order-1042" is not the name of a run, which is chain\/id/,
  );
  expect(await fal.runs.get("/".repeat(10_000))).toBeUndefined();

  fal.chain("two/with", async () => 1);
  await fal.chain("two/with", async () => 1).start(undefined, { id: "slash" });
  await expect(fal.runs.get("two/with/slash")).rejects.toThrow(/several runs.*two and two\/with/);
  expect(await fal.runs.get("two/with", "slash")).toMatchObject({ output: 1 });
});

test("another process follows a run as it goes, and goes on after the last event that it had", async () => {
  const { start, emulator } = processes();
  const run = two(start().fal).start({ n: 1 }, { id: "a" });
  const other = start();
  let handle = await other.fal.runs.get("two/a");
  while (!handle) handle = await other.fal.runs.get("two/a");
  expect(handle.state).toBe("running");
  const first: NumberedEvent[] = [];
  for await (const event of handle.events()) {
    first.push(event);
    if (event.type === "call" && event.event.type === "completed") break;
  }
  expect(emulator.jobs.length).toBeLessThan(3);
  const from = (first.at(-1)?.seq ?? 0) + 1;
  const { seen } = await collect(handle.events({ from }));
  expect(seqs([...first, ...seen])).toEqual([...first, ...seen].map((_, n) => n));
  expect(kinds(seen).slice(-2)).toEqual(["completed", "settled"]);
  expect(await run).toMatchObject({ n: 3 });
  // Nothing was executed, claimed or asked of fal by who watched.
  expect(other.sent).toEqual([]);
  expect(await other.fal.runs.get("two/a")).toMatchObject({ executions: 1 });
});

test("who watches only reads", async () => {
  const { store, start } = processes();
  const first = start();
  const run = two(first.fal).start({ n: 1 }, { id: "a" });
  for await (const event of run) if (event.type === "call" && event.event.type === "running") break;
  first.kill();

  const asked = new Set<string>();
  const watching = aroundStore(store, (act, name) => {
    asked.add(name);
    return act();
  });
  const fal = createFal({
    env: ENV,
    store: watching,
    fetch: () => Promise.reject(new Error("nothing is sent")),
  });
  const handle = await two(fal).get("a");
  const controller = new AbortController();
  const events = handle?.events({ abortSignal: controller.signal })[Symbol.asyncIterator]();
  await events?.next();
  controller.abort();
  while (!(await events?.next())?.done);
  expect([...asked].sort()).toEqual(["runs.events", "runs.get", "spend"]);
});

test("a failure is an event and no error of the reader, and what follows it has higher numbers", async () => {
  const { start, emulator } = processes();
  emulator.faults.next({ operation: "submit", nth: 2 }, "completed-with-error");
  await failureOf(two(start().fal).start({ n: 1 }, { id: "a" }));
  const { fal } = start();
  const failed = await two(fal).get("a");
  expect(failed).toMatchObject({ state: "failed", output: undefined, error: { status: 500 } });
  const { seen, error } = await read(failed);
  expect(error).toBeUndefined();
  expect(seen.at(-2)).toMatchObject({ type: "failed", error: { name: "ApiError", status: 500 } });

  await two(start().fal).resume("a");
  const later = await read(failed, { from: seen.length });
  expect(later.seen[0]).toMatchObject({ type: "resumed", seq: seen.length });
  expect(kinds(later.seen).slice(-2)).toEqual(["completed", "settled"]);
  const all = await read(await two(fal).get("a"));
  expect(all.seen.slice(0, seen.length - 1)).toEqual(seen.slice(0, -1));
  expect(all.seen.slice(seen.length)).toEqual(later.seen);
});

test("the end of a run that nobody executed is told too, and once", async () => {
  const { store, start } = processes();
  const { fal } = start();
  await fal.runs.add("two", { n: 1 }, { id: "a" });
  const handle = await fal.runs.get("two/a");
  expect(handle?.state).toBe("waiting");
  await fal.runs.cancel("two", "a", "no longer wanted");
  const { seen } = await read(handle);
  expect(seen).toMatchObject([
    { seq: 0, type: "failed", error: { code: "run_aborted", cause: "no longer wanted" } },
    { seq: 1, type: "settled", total: { calls: 0 } },
  ]);
  expect((await read(handle, { from: 1 })).seen).toEqual(seen.slice(1));
  expect((await read(handle, { from: 2 })).seen).toEqual([]);
  expect((await store.runs.get("two", "a"))?.epoch).toBe(0);
});

test("a store that keeps ids only tells how a run stands and that it ended", async () => {
  const store = sqliteStore(`${tempDir()}/calls.db`, { keep: "ids" });
  onTestFinished(() => store.close());
  const { fal } = setup({ store });
  const run = two(fal).start({ n: 1 }, { id: "a" });
  await run;
  await run.total;
  const handle = await two(fal).get("a");
  expect(handle).toMatchObject({ state: "completed", output: undefined, total: { calls: 2 } });
  expect(kinds((await read(handle)).seen)).toEqual(["completed", "settled"]);
});

test("who leaves a loop waits for nothing, and a run that is forgotten is said to be", async () => {
  const { fal, clock } = setup();
  await fal.runs.add("two", { n: 1 }, { id: "a" });
  const handle = await fal.runs.get("two/a");
  const events = handle?.events()[Symbol.asyncIterator]();
  const next = events?.next();
  await events?.return?.();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(clock.sleepers).toBe(0);
  await fal.runs.cancel("two", "a");
  await fal.runs.forget("two", "a");
  expect((await read(handle)).error).toMatchObject({ code: "run_unknown" });
});

test.each([
  [{ from: Number.NaN }, /from is NaN; it is a whole number from 0 up/],
  [{ from: -1 }, /from is -1/],
  [{ form: 1 }, /no option "form" of events. Did you mean "from"/],
])("events(%o) is refused", async (options, message) => {
  const { fal } = setup();
  await two(fal).start({ n: 1 }, { id: "a" });
  const handle = await fal.runs.get("two/a");
  expect(() => handle?.events(options as never)).toThrow(message);
  await expect(two(fal).get("")).rejects.toThrow(/id/);
});

test("whatever asks for a run takes its name, or chain and id apart", async () => {
  const store = memoryStore();
  const { fal } = setup({ store });
  const chain = two(fal, "posters/large");
  await chain.start({ n: 1 }, { id: "a" });
  const { runs } = fal;
  expect(await runs.steps("posters/large/a")).toEqual(await runs.steps("posters/large", "a"));
  expect(await runs.steps("posters/large/a")).toHaveLength(2);
  expect(await runs.parts("posters/large/a")).toEqual(await runs.parts("posters/large", "a"));
  expect(await runs.steps("posters/large/b")).toEqual([]);
  expect(await runs.parts("posters/large/b")).toEqual([]);
  expect(await runs.forget("posters/large/b")).toBe(false);
  expect(await runs.cancel("posters/large/b", { reason: "no use" })).toBeUndefined();
  await runs.add("posters/large", { n: 2 }, { id: "c" });
  expect(await runs.cancel("posters/large/c", { reason: "no use" })).toBe("cancelled");
  expect((await store.runs.get("posters/large", "c"))?.cancelReason).toBe("no use");
  await runs.add("posters/large", { n: 2 }, { id: "d" });
  expect(await runs.cancel("posters/large", "d", "no use either")).toBe("cancelled");
  expect((await store.runs.get("posters/large", "d"))?.cancelReason).toBe("no use either");
  expect(await runs.forget("posters/large/a")).toBe(true);
  expect(await runs.get("posters/large/a")).toBeUndefined();
  const wrong = [runs.steps("a"), runs.parts("a"), runs.cancel("a"), runs.forget("a")];
  for (const asked of wrong) expect(await failureOf(asked)).toMatchObject({ code: "invalid_argument" });
  const misspelt = { why: "no use" } as object;
  expect(await failureOf(runs.cancel("posters/large/d", misspelt))).toMatchObject({
    code: "invalid_argument",
  });
});
