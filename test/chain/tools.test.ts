import { ApiError, type Fal } from "fal-chain";
import { describe, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { ECHO, failureOf, setup } from "../support/setup.ts";

const resumed = async <T>(code: (fal: Fal, execution: number) => Promise<T>) => {
  const { start, emulator } = processes();
  let execution = 0;
  const define = (fal: Fal) => fal.chain("tools", async () => code(fal, ++execution));
  const first = await define(start().fal)
    .start(undefined, { id: "a" })
    .then(
      (output) => output,
      (error: unknown) => error,
    );
  const second = await define(start().fal)
    .resume("a")
    .then(
      (output) => output,
      (error: unknown) => error,
    );
  return { first, second, emulator };
};

describe("step", () => {
  test("is run once in the life of a run, and gives JSON from the first time on", async () => {
    let times = 0;
    const { second } = await resumed(async (fal, execution) => {
      const made = await fal.step("now", () => ({ at: new Date(0), times: ++times }));
      if (execution === 1) throw new Error("a bug");
      return made;
    });
    expect(second).toEqual({ at: "1970-01-01T00:00:00.000Z", times: 1 });
    expect(times).toBe(1);
  });

  test("steps of the same name are told apart by their order, and by their scope", async () => {
    const { first } = await resumed(async (fal) => {
      const random = () => fal.step("random", () => Math.random());
      const all = [await random(), await random(), await fal.branch("b", random)];
      return new Set(all).size;
    });
    expect(first).toBe(3);
  });

  test("its failure is kept, and gone on from by resume", async () => {
    let times = 0;
    const { first, second } = await resumed(async (fal) =>
      fal.step("shaky", () => {
        if (++times === 1) throw new RangeError("not yet");
        return "fine";
      }),
    );
    expect(first).toMatchObject({ name: "RangeError", message: "not yet" });
    expect(second).toBe("fine");
  });

  test("a failure that the code lived with is replayed", async () => {
    let times = 0;
    const { second } = await resumed(async (fal, execution) => {
      const said = await fal
        .step("shaky", () => {
          times++;
          throw new RangeError("never");
        })
        .catch((error: Error) => `${error.name}: ${error.message}`);
      if (execution === 1) throw new Error("a bug");
      return said;
    });
    expect(second).toBe("RangeError: never");
    expect(times).toBe(1);
  });

  test("what JSON cannot say is an error, and nothing is remembered in its place", async () => {
    const { first, second } = await resumed(async (fal, execution) =>
      fal.step("map", () => (execution === 1 ? { deep: [new Map()] } : "fine")),
    );
    expect(first).toMatchObject({ code: "invalid_argument", message: expect.stringContaining("deep[0]") });
    expect(second).toBe("fine");
  });

  test("outside a run it is an error that says where it belongs", async () => {
    const { fal } = setup();
    expect(await failureOf(fal.step("lost", () => 1))).toMatchObject({ code: "run_required" });
  });

  test("URLs that it gave count as the step", async () => {
    const { emulator } = await resumed(async (fal, execution) => {
      const { url } = await fal.step("sign", () => ({ url: `https://example.com/${execution}` }));
      await fal.subscribe(ECHO, { input: { url } });
      if (execution === 1) throw new Error("a bug");
    });
    expect(emulator.jobs).toHaveLength(1);
  });
});

describe("map", () => {
  test("works on a bounded number at once, and keeps the order", async () => {
    const { fal } = setup();
    let open = 0;
    let most = 0;
    const given = await fal.map(
      (async function* () {
        yield* [5, 1, 4, 2, 3];
      })(),
      async (item, index) => {
        most = Math.max(most, ++open);
        await fal.subscribe(ECHO, { input: { item } });
        open--;
        return `${index}:${item}`;
      },
      { concurrency: 2 },
    );
    expect(given).toEqual(["0:5", "1:1", "2:4", "3:2", "4:3"]);
    expect(most).toBe(2);
  });

  test("the first failure stops it: what has not begun is not begun", async () => {
    const { fal } = setup();
    const begun: number[] = [];
    const failure = failureOf(
      fal.map(
        [1, 2, 3, 4, 5, 6],
        async (item) => {
          begun.push(item);
          await Promise.resolve();
          if (item === 2) throw new RangeError("two");
        },
        { concurrency: 2 },
      ),
    );
    expect(await failure).toBeInstanceOf(RangeError);
    expect(begun.length).toBeLessThan(5);
  });

  test("with collect every item is worked on, and each outcome is given", async () => {
    const { fal } = setup();
    const outcomes = await fal.map(
      [1, 2, 3],
      async (item) => {
        if (item === 2) throw new RangeError("two");
        return item;
      },
      { collect: true },
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  test("an empty list gives an empty one, and a bad bound is an error", async () => {
    const { fal } = setup();
    expect(await fal.map([], async () => 1)).toEqual([]);
    expect(await failureOf(fal.map([1], async () => 1, { concurrency: 0 }))).toMatchObject({
      code: "invalid_argument",
    });
  });
});

describe("fallback", () => {
  const models = [echo(), echo({ id: "acme/other" })];
  const both = (fal: Fal) =>
    fal.fallback([
      () => fal.subscribe(ECHO, { input: {} }),
      () => fal.subscribe("acme/other", { input: {} }),
    ]);

  test("goes on to the next where fal said no, and throws the last failure", async () => {
    const { fal, emulator } = setup({ emulator: { models } });
    emulator.faults.next({ operation: "submit" }, "completed-with-error");
    await both(fal);
    emulator.faults.next({ operation: "submit" }, "completed-with-error", 2);
    expect(await failureOf(both(fal))).toMatchObject({ endpoint: "acme/other" });
    expect(emulator.jobs).toHaveLength(4);
  });

  test("never goes on after an ambiguous submit, or after giving up", async () => {
    const { fal, emulator } = setup({ emulator: { models }, ambiguousSubmit: "throw" });
    emulator.faults.next("submit", "lost-response");
    expect(await failureOf(both(fal))).toMatchObject({ code: "ambiguous_submit" });
    const aborted = failureOf(
      fal.fallback([
        () => fal.subscribe(ECHO, { input: {}, abortSignal: AbortSignal.abort() }),
        () => fal.subscribe("acme/other", { input: {} }),
      ]),
    );
    expect(await aborted).toMatchObject({ name: "AbortError" });
    expect(emulator.jobs).toHaveLength(1);
  });

  test("when decides, and a bug in the code is no reason", async () => {
    const { fal, emulator } = setup({ emulator: { models } });
    emulator.faults.next({ operation: "submit" }, "completed-with-error");
    const picky = fal.fallback(
      [() => fal.subscribe(ECHO, { input: {} }), () => fal.subscribe("acme/other", { input: {} })],
      { when: (error) => !(error instanceof ApiError) },
    );
    expect(await failureOf(picky)).toBeInstanceOf(ApiError);
    const bug = fal.fallback([
      async () => {
        throw new TypeError("a bug");
      },
      async () => 1,
    ]);
    expect(await failureOf(bug)).toBeInstanceOf(TypeError);
  });
});

test("the run's own tools work where the context is lost", async () => {
  const { start } = processes();
  const { fal } = start();
  const chain = fal.chain("bound", async (_: undefined, run) => {
    const lost = await run.map([1, 2], async (n) => run.step("double", () => n * 2));
    return run.branch("b", () => run.step("sum", () => lost.reduce((a, b) => a + b)));
  });
  expect(await chain.start(undefined, { id: "a" })).toBe(6);
});

test("maps that run at once keep their calls, whichever of them is the first the next time", async () => {
  const { start, emulator, clock } = processes({
    models: [echo({ seconds: 1 }), echo({ id: "acme/slow", seconds: 9 })],
  });
  let dies = true;
  const chain = (fal: Fal) => {
    const mapped = (items: readonly number[]) => fal.map(items, (n) => fal.subscribe(ECHO, { input: { n } }));
    return fal.chain("maps", async () => {
      await Promise.all([
        fal.subscribe("acme/slow", { input: {} }).then(() => mapped([1])),
        // Replayed, this is the slower one.
        fal
          .subscribe(ECHO, { input: { n: 0 } })
          .then(() => clock.sleep(dies ? 0 : 20_000))
          .then(() => mapped([2, 3])),
      ]);
      if (dies) throw new Error("a bug");
    });
  };
  await failureOf(chain(start().fal).start(undefined, { id: "a" }));
  dies = false;
  await chain(start().fal).resume("a");
  expect(emulator.jobs).toHaveLength(5);
});

test("a map fails at once, although its source has nothing more to give yet", async () => {
  const { fal } = setup();
  async function* source() {
    yield 1;
    await new Promise(() => {});
  }
  const failing = fal.map(source(), async () => Promise.reject(new Error("no")), { concurrency: 2 });
  expect(await failureOf(failing)).toMatchObject({ message: "no" });
});
