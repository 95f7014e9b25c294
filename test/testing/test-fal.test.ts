import { fal as globalFal } from "fal-chain";
import { falFixtures, falFor, testFal } from "fal-chain/testing";
import { afterEach, describe, expect, test, vi } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, failureOf } from "../support/setup.ts";

const models = [echo({ price: 1 })];
const options = { emulator: { models } };

describe("a client for tests", () => {
  test("calls an emulator that takes no time, and pays nothing", async () => {
    await using made = testFal(options);
    const began = performance.now();
    const { data } = await made.fal.subscribe(ECHO, { input: { n: 1 }, tags: { customer: "acme" } });
    expect(data).toEqual({ echo: { n: 1 } });
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(made.clock.now()).toBeGreaterThan(Date.UTC(2026, 0, 1) + 2_000);
    made.emulator.expectBilledOnce({ n: 1 });
    made.emulator.expectTagged({ customer: "acme" });
    made.emulator.expectNothingUnderWay();
  });

  test("is killed and begun anew over the same store, and its run pays for nothing again", async () => {
    const warn = vi.fn();
    await using made = testFal({ ...options, logger: { warn } });
    const chainOf = (fal = made.fal) =>
      fal.chain("two", async (n: number, run) => {
        await run.subscribe(ECHO, { input: { n } });
        return (await run.subscribe(ECHO, { input: { n: n + 1 } })).data;
      });
    void chainOf().start(1, { id: "a" });
    await made.clock.sleep(3_000);
    const before = made.fal;
    expect(await chainOf(made.crash()).resume("a")).toEqual({ echo: { n: 2 } });
    expect(made.fal).not.toBe(before);
    // Who is dead says nothing any more.
    await made.clock.sleep(600_000);
    expect(warn).not.toHaveBeenCalled();
    made.emulator.expectBilledOnce({ n: 1 });
    made.emulator.expectBilledOnce({ n: 2 });
  });

  test("points the package's own client at the emulator", async () => {
    await using made = testFal(options);
    globalFal.config(made.options);
    await globalFal.subscribe(ECHO, { input: { n: 3 } });
    made.emulator.expectBilledOnce({ n: 3 });
    await globalFal.close();
  });

  test("many at once share nothing", async () => {
    const one = async (n: number) => {
      await using made = testFal(options);
      await made.fal.subscribe(ECHO, { input: { n } });
      return made.emulator.jobs.map(({ input }) => input);
    };
    expect(await Promise.all([1, 2, 3].map(one))).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]]);
  });

  describe("under fake timers", () => {
    afterEach(() => void vi.useRealTimers());
    test("needs none of them", async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "Date"] });
      await using made = testFal(options);
      expect((await made.fal.subscribe(ECHO, { input: { n: 1 } })).data).toEqual({ echo: { n: 1 } });
    });
  });

  test("says of a fault that never happened that nothing was tested with it", async () => {
    const made = testFal(options);
    made.emulator.faults.next({ operation: "submit", endpoint: "acme/ecko" }, "lost-response");
    await made.fal.subscribe(ECHO, { input: { n: 1 } });
    const error = String(await failureOf(made.close()));
    expect(error).toMatch(
      /lost-response for submit acme\/ecko \(nearest: submit acme\/echo\)\n.*\n {2}submit acme\/echo \(1\)/s,
    );
  });
});

const withFixtures = test.extend(falFixtures(options));

withFixtures("as fixtures of vitest", async ({ fal, emulator, clock }) => {
  await fal.subscribe(ECHO, { input: { n: 1 } });
  expect(emulator.jobs).toHaveLength(1);
  expect(clock.now()).toBeGreaterThan(0);
});

test("for a test that says when it is over", async ({ onTestFinished }) => {
  const endings: (() => Promise<void>)[] = [];
  const made = falFor({ after: (fn) => void endings.push(fn) }, options);
  await made.fal.subscribe(ECHO, { input: { n: 1 } });
  await Promise.all(endings.map((end) => end()));
  const late = await made.emulator.fetch(new Request("https://queue.fal.run/acme/echo"));
  expect(late.status).toBe(503);
  expect(falFor({ onTestFinished }, options).emulator.jobs).toEqual([]);
});
