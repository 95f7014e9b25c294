import { type Fal, type FalOptions, memoryStore, type Run } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { processes } from "../support/processes.ts";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";
import { instead, json } from "../support/wire.ts";

const FREE = "completed-with-error";
const BILLED = "completed-with-error; status=422; billableUnits=1";

/** Two calls, one after the other, and a memoized step around the second. */
const pair = (fal: Fal) =>
  fal.chain("pair", async () => {
    await fal.subscribe(ECHO, { input: { n: 1 } });
    return fal.step("second", async () => {
      await fal.subscribe(ECHO, { input: { n: 2 } });
      return 2;
    });
  });

const second = { operation: "submit", nth: 2 } as const;

test.each([
  ["memory", () => memoryStore()],
  ["sqlite", () => sqliteStore(`${tempDir()}/calls.db`)],
] as const)(
  "a run that a budget stopped goes on when there is room, and starts as the run that it is (%s)",
  async (_, open) => {
    const store = open();
    onTestFinished(() => store.close());
    const { fal, emulator } = setup({ store });
    const chain = pair(fal);
    const budget = { usd: 0.015 };
    const failed = await failureOf(chain.start(undefined, { id: "a", budget }));
    expect(failed).toMatchObject({ code: "budget_exceeded" });
    // Whoever does not ask for it gets the error that it has.
    expect(await failureOf(chain.start(undefined, { id: "a", budget: { usd: 1 } }))).toMatchObject({
      code: "budget_exceeded",
    });
    // There is still no room.
    const again = chain.start(undefined, { id: "a", budget, retryFailed: true });
    expect(await failureOf(again)).toMatchObject({ code: "budget_exceeded", chargedNanoUsd: 10_000_000 });
    expect(emulator.jobs).toHaveLength(1);
    expect(await chain.start(undefined, { id: "a", budget: { usd: 1 }, retryFailed: true })).toBe(2);
    expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }]);
    // It has completed, and to start it again is to have what it gave.
    expect(await chain.start(undefined, { id: "a", retryFailed: true })).toBe(2);
    expect(emulator.jobs).toHaveLength(2);
  },
);

test("a run begins with retryFailed as without", async () => {
  const { fal } = setup();
  expect(await pair(fal).start(undefined, { id: "a", retryFailed: true })).toBe(2);
  expect(await pair(fal).start(undefined, { id: "b", retryFailed: "billed" })).toBe(2);
});

const ways: [string, (fal: Fal) => Run<unknown>][] = [
  ["start", (fal) => pair(fal).start(undefined, { id: "a", retryFailed: true })],
  ["resume", (fal) => pair(fal).resume("a", { retryFailed: true })],
];

test.each(ways)(
  "%s goes on from a failure that is retryable and was not billed, in any process",
  async (_, goOn) => {
    const { emulator, start } = processes();
    emulator.faults.next(second, FREE);
    const { fal } = start();
    const failed = pair(fal).start(undefined, { id: "a" });
    expect(await failureOf(failed)).toMatchObject({ status: 500, retryable: true, billed: false });
    await failed.total;
    const run = goOn(start().fal);
    expect(await run).toBe(2);
    expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }, { n: 2 }]);
    expect(await run.total).toMatchObject({ calls: 3, unknown: 0, nanoUsd: 20_000_000 });
  },
);

test.each(ways)("%s does not pay for a billed failure again", async (_, goOn) => {
  const { emulator, start } = processes();
  emulator.faults.next(second, BILLED);
  const { fal } = start();
  expect(await failureOf(pair(fal).start(undefined, { id: "a" }))).toMatchObject({ billed: true });
  const later = start();
  expect(await failureOf(goOn(later.fal))).toMatchObject({ code: "validation", billed: true });
  // Nor where it has failed in the same process.
  expect(await failureOf(goOn(fal))).toMatchObject({ code: "validation" });
  expect(later.sent).toEqual([]);
  expect(emulator.jobs).toHaveLength(2);
});

test("a billed failure is paid for again where that is asked for", async () => {
  for (const goOn of [
    (fal: Fal) => pair(fal).start(undefined, { id: "a", retryFailed: "billed" }),
    (fal: Fal) => pair(fal).resume("a"),
  ]) {
    const { emulator, start } = processes();
    emulator.faults.next(second, BILLED);
    await failureOf(pair(start().fal).start(undefined, { id: "a" }));
    expect(await goOn(start().fal)).toBe(2);
    expect(emulator.jobs).toHaveLength(3);
  }
});

test("a failure that turns out to be on the bill is not paid for again", async () => {
  const { emulator, start, store } = processes();
  emulator.faults.next(second, FREE);
  await failureOf(pair(start().fal).start(undefined, { id: "a" }));
  const [failed] = await store.calls.list({ state: "failed" });
  await store.calls.charged(failed?.id ?? "", { source: "invoiced", nanoUsd: 10_000_000 }, 0);
  expect(await failureOf(ways[0]?.[1](start().fal) as Run<unknown>)).toMatchObject({ status: 500 });
  expect(emulator.jobs).toHaveLength(2);
});

test("resume can be told to leave a failed run as it is", async () => {
  const { emulator, start } = processes();
  emulator.faults.next(second, FREE);
  await failureOf(pair(start().fal).start(undefined, { id: "a" }));
  expect(await failureOf(pair(start().fal).resume("a", { retryFailed: false }))).toMatchObject({
    status: 500,
  });
  expect(emulator.jobs).toHaveLength(2);
});

test("several failures are gone on from while each of them cost nothing", async () => {
  const { emulator, start } = processes();
  const all = (fal: Fal) =>
    fal.chain("all", async () => {
      const calls = [1, 2, 3].map((n) => fal.subscribe(ECHO, { input: { n }, step: `n${n}` }));
      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === "rejected") throw outcome.reason;
      }
      return "done";
    });
  emulator.faults.next({ operation: "submit", nth: 1 }, FREE);
  emulator.faults.next({ operation: "submit", nth: 2 }, FREE);
  emulator.faults.next({ operation: "submit", nth: 3 }, BILLED);
  await failureOf(all(start().fal).start(undefined, { id: "a" }));
  const go = () => all(start().fal).start(undefined, { id: "a", retryFailed: true });
  expect(await failureOf(go())).toMatchObject({ code: "validation", billed: true });
  expect(emulator.jobsWith({ n: 3 })).toHaveLength(1);
  // The others are paid for now, and the one that is in the way is not.
  expect(await failureOf(go())).toMatchObject({ code: "validation" });
  expect(emulator.jobs).toHaveLength(5);
  expect(await all(start().fal).resume("a")).toBe("done");
  expect(emulator.jobs).toHaveLength(6);
});

test("a failure within an inner run is gone on from with the outer one", async () => {
  for (const [how, jobs] of [
    [FREE, 4],
    [BILLED, 2],
  ] as const) {
    const { emulator, start } = processes();
    const outer = (fal: Fal) => {
      const inner = pair(fal);
      return fal.chain("outer", async () => {
        await inner.start();
        return (await fal.subscribe(ECHO, { input: { n: 3 } })).requestId;
      });
    };
    emulator.faults.next(second, how);
    await failureOf(outer(start().fal).start(undefined, { id: "a" }));
    const again = outer(start().fal).start(undefined, { id: "a", retryFailed: true });
    await again.catch(() => {});
    expect(emulator.jobs).toHaveLength(jobs);
  }
});

test("a failure that the code lived with stays as it was", async () => {
  const { emulator, start } = processes();
  const chain = (fal: Fal) =>
    fal.chain("lived", async () => {
      const first = await fal.subscribe(ECHO, { input: { n: 1 } }).catch(() => "failed");
      await fal.subscribe(ECHO, { input: { n: 2 } });
      return first;
    });
  emulator.faults.next({ operation: "submit", nth: 1 }, FREE);
  emulator.faults.next(second, FREE);
  await failureOf(chain(start().fal).start(undefined, { id: "a" }));
  expect(await chain(start().fal).start(undefined, { id: "a", retryFailed: true })).toBe("failed");
  expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }, { n: 2 }]);
});

test("a run that a locked account stopped goes on once it is unlocked", async () => {
  const { emulator, start } = processes();
  const locked = () => json({ detail: "User is locked. Reason: Exhausted balance." }, { status: 403 });
  const { fal } = start({ wire: instead("submit", locked) });
  expect(await failureOf(pair(fal).start(undefined, { id: "a" }))).toMatchObject({ code: "account_locked" });
  expect(await pair(start().fal).start(undefined, { id: "a", retryFailed: true })).toBe(2);
  expect(emulator.jobs).toHaveLength(2);
});

test("what the code threw by itself is given again", async () => {
  const { start } = processes();
  let executions = 0;
  const chain = (fal: Fal) =>
    fal.chain("own", async () => {
      executions++;
      throw new Error("a bug");
    });
  await failureOf(chain(start().fal).start(undefined, { id: "a" }));
  const again = chain(start().fal).start(undefined, { id: "a", retryFailed: true });
  expect(await failureOf(again)).toMatchObject({ message: "a bug" });
  expect(executions).toBe(1);
});

test.each([["yes"], [1], [null], ["free"]])(
  "retryFailed: %j is refused before anything is sent",
  (retryFailed) => {
    const { fal, sent } = setup();
    const options = { id: "a", retryFailed } as FalOptions;
    expect(() => pair(fal).start(undefined, options as never)).toThrow(
      /retryFailed is .*true, false or "billed"/,
    );
    expect(() => pair(fal).resume("a", { retryFailed } as never)).toThrow(/retryFailed is/);
    expect(sent).toEqual([]);
  },
);

test("a run that could not read what a request gave goes on, and collects it", async () => {
  const { emulator, start } = processes();
  const away = () => json({ detail: "Away." }, { status: 503 });
  const { fal } = start({ wire: instead("result", away), retry: { read: { maxRetries: 1 } } });
  expect(await failureOf(pair(fal).start(undefined, { id: "a" }))).toMatchObject({ status: 503 });
  expect(await pair(start().fal).start(undefined, { id: "a", retryFailed: true })).toBe(2);
  expect(emulator.jobs).toHaveLength(2);
});

test("a run that has just failed here goes on at once", async () => {
  const { fal, emulator } = setup();
  emulator.faults.next(second, FREE);
  await failureOf(pair(fal).start(undefined, { id: "a" }));
  expect(await pair(fal).start(undefined, { id: "a", retryFailed: true })).toBe(2);
  expect(emulator.jobs).toHaveLength(3);
});

test("what the code threw because of a failure is what that failure is", async () => {
  const wrapping = (fal: Fal) =>
    fal.chain("wrapping", async () => {
      await fal.subscribe(ECHO, { input: { n: 1 } });
      const drawn = await fal.step("draw", () =>
        fal.subscribe(ECHO, { input: { n: 2 } }).catch((cause: unknown) => {
          throw new AggregateError([new Error("no picture", { cause })], "nothing worked");
        }),
      );
      return drawn.requestId.length > 0;
    });
  for (const [how, jobs] of [
    [FREE, 3],
    [BILLED, 2],
  ] as const) {
    const { emulator, start } = processes();
    emulator.faults.next(second, how);
    expect(await failureOf(wrapping(start().fal).start(undefined, { id: "a" }))).toBeInstanceOf(
      AggregateError,
    );
    const again = wrapping(start().fal).start(undefined, { id: "a", retryFailed: true });
    if (how === FREE) expect(await again).toBe(true);
    else expect(await failureOf(again)).toBeInstanceOf(AggregateError);
    expect(emulator.jobs).toHaveLength(jobs);
  }
});

test("a run that fal had no room for goes on when it has", async () => {
  const { emulator, start } = processes();
  const full = () => json({ detail: "Too many requests." }, { status: 429 });
  const { fal } = start({ wire: instead("submit", full), retry: { submit: { maxRetries: 1 } } });
  expect(await failureOf(pair(fal).start(undefined, { id: "a" }))).toMatchObject({
    status: 429,
    billed: false,
  });
  expect(await pair(start().fal).start(undefined, { id: "a", retryFailed: true })).toBe(2);
  expect(emulator.jobs).toHaveLength(2);
});
