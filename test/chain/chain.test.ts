import { createFal, memoryStore, RunInputMismatchError } from "fal-chain";
import { expect, test } from "vitest";
import { ECHO, failureOf, setup } from "../support/setup.ts";

/** A chain that counts how often it was executed. */
function counting() {
  const world = setup();
  let executions = 0;
  const chain = world.fal.chain("poster", async (input: { n: number }) => {
    executions++;
    await world.fal.subscribe(ECHO, { input });
    return input.n * 2;
  });
  return { ...world, chain, executions: () => executions };
}

test("starting the same id again is the same run, while it goes on and after it has ended", async () => {
  const { chain, emulator, executions } = counting();
  const first = chain.start({ n: 1 }, { id: "a" });
  expect(chain.start({ n: 1 }, { id: "a" })).toBe(first);
  expect(await first).toBe(2);
  expect(await chain.start({ n: 1 }, { id: "a" })).toBe(2);
  expect(await chain.start({ n: 1 }, { id: "b" })).toBe(2);
  expect(executions()).toBe(2);
  expect(emulator.jobs).toHaveLength(2);
});

test("the same id with another input is an error, and with the same input in other words is not", async () => {
  const { chain, executions } = counting();
  await chain.start({ n: 1 }, { id: "a" });
  const error = await failureOf(chain.start({ n: 2 }, { id: "a" }));
  expect(error).toBeInstanceOf(RunInputMismatchError);
  expect(error).toMatchObject({ code: "run_input_mismatch", message: expect.stringContaining("poster/a") });
  expect(await chain.start({ n: 1 }, { id: "a" })).toBe(2);
  expect(executions()).toBe(1);
});

test("a run with an id that memory cannot keep is warned of once", async () => {
  const told: string[] = [];
  const { fal } = setup({ logger: { warn: (_, message) => void told.push(message) } });
  const chain = fal.chain("poster", async () => {});
  await chain.start();
  expect(told).toEqual([]);
  await chain.start(undefined, { id: "a" });
  await chain.start(undefined, { id: "b" });
  expect(told).toEqual([expect.stringContaining("poster/a is kept in memory")]);
});

test("an id belongs to its chain, and one left out is made up", async () => {
  const { fal, chain } = counting();
  const other = fal.chain("other", async (input: { n: number }) => input.n);
  expect(await chain.start({ n: 1 }, { id: "a" })).toBe(2);
  expect(await other.start({ n: 7 }, { id: "a" })).toBe(7);
  expect(chain.start({ n: 1 }).id).not.toBe(chain.start({ n: 1 }).id);
});

test.each(["", "  "])("%j is no name for a chain and no id for a run", (empty) => {
  const { fal, chain } = counting();
  expect(() => fal.chain(empty, async () => {})).toThrow(/needs a name/);
  expect(() => chain.start({ n: 1 }, { id: empty })).toThrow(/id is a text/);
});

test("an input that JSON cannot say is an error at start, and nothing runs", () => {
  const { chain, executions } = counting();
  expect(() => chain.start({ n: Number.NaN })).toThrow(/input\.n is NaN/);
  expect(executions()).toBe(0);
});

test("input and output are what every later reader sees: a round trip through JSON", async () => {
  const { fal } = setup();
  const original = { tags: ["a"], none: undefined };
  const chain = fal.chain("trip", async (input: { tags: string[]; none?: undefined }) => {
    input.tags.push("changed");
    return { keys: Object.keys(input), at: new Date(0), left: undefined };
  });
  expect(await chain.start(original)).toEqual({ keys: ["tags"], at: "1970-01-01T00:00:00.000Z" });
  expect(original.tags).toEqual(["a"]);
  expect(await fal.chain("void", async () => {}).start()).toBeUndefined();
});

test("a run that failed stays failed under its id, with the same error", async () => {
  const { fal } = setup();
  let executions = 0;
  const chain = fal.chain("broken", async () => {
    executions++;
    throw new RangeError("no");
  });
  const error = await failureOf(chain.start(undefined, { id: "a" }));
  expect(await failureOf(chain.start(undefined, { id: "a" }))).toBe(error);
  expect(executions).toBe(1);
});

test("a function that throws before its first await rejects the run and not the start", async () => {
  const { fal } = setup();
  const chain = fal.chain("sync", () => {
    throw new RangeError("at once");
  });
  expect(await failureOf(chain.start())).toEqual(new RangeError("at once"));
});

test("a chain that is defined before fal.config() runs on the configured client", async () => {
  const { emulator, clock } = setup();
  const fal = createFal({ env: {} });
  const chain = fal.chain("early", async () => (await fal.subscribe(ECHO, { input: {} })).requestId);
  fal.config({
    env: { FAL_KEY: "late:key" },
    clock,
    fetch: (input, init) => emulator.fetch(new Request(input, init)),
  });
  expect(await chain.start()).toBe(emulator.jobs[0]?.requestId);
  expect(emulator.jobs[0]?.account).toBe("late");
});

test("a chain within a chain names its own calls", async () => {
  const { fal, emulator } = setup();
  const inner = fal.chain("inner", async () => {
    await fal.subscribe(ECHO, { input: {} });
  });
  const outer = fal.chain("outer", async () => {
    await inner.start(undefined, { id: "i", tags: { part: "inner" } });
    await fal.subscribe(ECHO, { input: {} });
  });
  await outer.start(undefined, { id: "o", tags: { customer: "acme" } });
  expect(emulator.jobs.map(({ tags }) => tags)).toEqual([
    { chain: "inner", run: "i", customer: "acme", part: "inner" },
    { chain: "outer", run: "o", customer: "acme" },
  ]);
});

test("a call of a client that keeps its calls elsewhere is refused, and the run ends", async () => {
  const [ours, theirs] = [setup(), setup()];
  let executed = 0;
  const one = ours.fal.chain("one", async () => {
    executed += 1;
    await theirs.fal.subscribe(ECHO, { input: {} });
  });
  const error = await failureOf(one.start());
  expect(error).toMatchObject({ code: "run_elsewhere", message: expect.stringContaining("the same store") });
  expect([executed, theirs.emulator.jobs.length]).toEqual([1, 0]);

  const store = memoryStore();
  const [a, b] = [setup({ store }), setup({ store })];
  const shared = a.fal.chain("shared", async () => void (await b.fal.subscribe(ECHO, { input: {} })));
  await shared.start();
  expect(b.emulator.jobs).toHaveLength(1);
});
