import { type Fal, type FalOptions, StoreError } from "fal-chain";
import { expect, test } from "vitest";
import { type Processes, processes } from "../support/processes.ts";
import { ECHO, failureOf } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

const TROUBLE = "the database restarts";

/** Says what it was told, as a paid call. */
async function echoed(fal: Fal, n: number): Promise<number> {
  const { data } = await fal.subscribe(ECHO, { input: { n } });
  return (data as { echo: { n: number } }).echo.n;
}

/** Two calls with a function between them. */
const chainOf = (fal: Fal) =>
  fal.chain("chain", async ({ n }: { n: number }) => {
    const first = await echoed(fal, n);
    const more = await fal.step("more", () => first + 1);
    return echoed(fal, more);
  });

/** A process whose store fails at one function, from the nth call of it on, until it is mended. */
function troubled({ start }: Processes, name: string, nth = 1, options: FalOptions = {}) {
  const state = { calls: 0, isMended: false, thrown: 0 };
  const { fal, sent } = start({
    ...options,
    rescueFile: `${tempDir()}/rescue.jsonl`,
    onStore(told, when) {
      if (!told.startsWith(name) || when !== "before" || state.isMended || ++state.calls < nth) return;
      state.thrown++;
      throw new StoreError(TROUBLE, { retryable: true });
    },
  });
  return { fal, sent, state };
}

const inputs = ({ emulator }: Processes) => emulator.jobs.map(({ input }) => input);

test.each([
  ["calls.intend", 1],
  ["calls.intend", 2],
  ["calls.list", 1],
  ["runs.steps", 1],
  ["runs.saveStep", 1],
  ["runs.events", 1],
  ["runs.end", 1],
  ["runs.claim", 1],
] as const)(
  "a store that fails at %s (%i) ends no run: it is let go, and goes on without paying again",
  async (name, nth) => {
    const all = processes();
    const { fal, state } = troubled(all, name, nth);
    const chain = chainOf(fal);
    expect(await failureOf(chain.start({ n: 1 }, { id: "a" }))).toMatchObject({ code: "store" });
    expect(state.thrown).toBeGreaterThan(0);
    expect((await all.store.runs.get("chain", "a"))?.state).not.toBe("failed");
    state.isMended = true;
    const before = all.clock.now();
    expect(await chain.start({ n: 1 }, { id: "a" })).toBe(2);
    // Its lease is not waited for.
    expect(all.clock.now() - before).toBeLessThan(25_000);
    expect(inputs(all)).toEqual([{ n: 1 }, { n: 2 }]);
  },
);

test.each(["start", "resume", "resumeAll"] as const)(
  "a run that could not even be released goes on with %s in the same process, without its lease to be waited for",
  async (how) => {
    const all = processes();
    let isAway = false;
    let hasBeen = false;
    const { fal } = all.start({
      rescueFile: `${tempDir()}/rescue.jsonl`,
      logger: { warn: () => {} },
      onStore(name, when) {
        if (name === "runs.saveStep" && !hasBeen) isAway = hasBeen = true;
        if (isAway && when === "before") throw new StoreError(TROUBLE);
      },
    });
    const chain = chainOf(fal);
    expect(await failureOf(chain.start({ n: 1 }, { id: "a" }))).toMatchObject({ message: TROUBLE });
    expect(await all.store.runs.get("chain", "a")).toMatchObject({
      state: "running",
      owner: expect.anything(),
    });
    isAway = false;
    const before = all.clock.now();
    const again = {
      start: async () => chain.start({ n: 1 }, { id: "a" }),
      resume: async () => chain.resume("a"),
      resumeAll: async () => (await fal.runs.resumeAll())[0],
    };
    const run = await again[how]();
    expect(await run).toBe(2);
    expect(all.clock.now() - before).toBeLessThan(20_000);
    expect(inputs(all)).toEqual([{ n: 1 }, { n: 2 }]);
  },
);

test("what user code makes of a store's failure is no end either", async () => {
  for (const make of [
    (cause: unknown) => new Error("my own", { cause }),
    (cause: unknown) => new AggregateError([new Error("another"), new TypeError("mine", { cause })]),
    () => new Error("something else"),
  ]) {
    const all = processes();
    const { fal, state } = troubled(all, "calls.intend", 2);
    const chain = fal.chain("chain", async () => {
      await echoed(fal, 1);
      return fal.step("second", () =>
        echoed(fal, 2).catch((error: unknown) => {
          throw make(error);
        }),
      );
    });
    await failureOf(chain.start(undefined, { id: "a" }));
    expect(await all.store.runs.get("chain", "a")).toMatchObject({ state: "running", owner: undefined });
    expect(await all.store.runs.steps("chain", "a")).toEqual([]);
    state.isMended = true;
    expect(await chain.start(undefined, { id: "a" })).toBe(2);
    expect(inputs(all)).toEqual([{ n: 1 }, { n: 2 }]);
  }
});

test("code that goes on without the store gets nothing more, and its output is not the run's", async () => {
  const all = processes();
  const { fal, state } = troubled(all, "calls.intend", 2);
  const chain = fal.chain("chain", async () => {
    await echoed(fal, 1);
    try {
      return await echoed(fal, 2);
    } catch {
      return await echoed(fal, 3);
    }
  });
  expect(await failureOf(chain.start(undefined, { id: "a" }))).toMatchObject({ message: TROUBLE });
  state.isMended = true;
  expect(await chain.start(undefined, { id: "a" })).toBe(2);
  expect(inputs(all)).toEqual([{ n: 1 }, { n: 2 }]);
});

test("where the lease cannot be asked for before a submit, the call is not a failed one", async () => {
  const all = processes();
  const { fal, state } = troubled(all, "runs.renew", 1);
  const chain = fal.chain("chain", async () => {
    await all.clock.sleep(15_000);
    return echoed(fal, 1);
  });
  expect(await failureOf(chain.start(undefined, { id: "a" }))).toMatchObject({ message: TROUBLE });
  state.isMended = true;
  expect(await chain.start(undefined, { id: "a" })).toBe(1);
  expect(inputs(all)).toEqual([{ n: 1 }]);
});

test("a run around the one that the store let down is let go with it", async () => {
  const all = processes();
  const { fal, state } = troubled(all, "calls.intend", 2);
  const inner = fal.chain("inner", ({ n }: { n: number }) => echoed(fal, n));
  const outer = fal.chain("outer", async () => {
    const one = await inner.start({ n: 1 });
    return one + (await inner.start({ n: 2 }).catch(() => 40));
  });
  expect(await failureOf(outer.start(undefined, { id: "a" }))).toMatchObject({ message: TROUBLE });
  expect((await all.store.runs.list()).map(({ state }) => state).sort()).toEqual([
    "completed",
    "running",
    "running",
  ]);
  state.isMended = true;
  expect(await outer.start(undefined, { id: "a" })).toBe(3);
  expect(inputs(all)).toEqual([{ n: 1 }, { n: 2 }]);
});

test("events that the store does not take at first are kept when it does", async () => {
  const all = processes();
  const told: string[] = [];
  let left = 2;
  const { fal } = all.start({
    logger: { warn: (_, message) => void told.push(message) },
    onStore(name, when) {
      if (name === "runs.appendEvents" && when === "before" && left-- > 0) throw new StoreError(TROUBLE);
    },
  });
  expect(await chainOf(fal).start({ n: 1 }, { id: "a" })).toBe(2);
  const events = (await all.store.runs.events("chain", "a", 0)).map(({ event }) => JSON.parse(event).type);
  expect(events.slice(0, 2)).toEqual(["started", "call"]);
  expect(events.filter((type) => type === "step")).toHaveLength(1);
  expect(told).toEqual(["The store could not keep a run's events, which wait for it"]);
});
