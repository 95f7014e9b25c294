import { createFal, type Fal, type FalOptions } from "fal-chain";
import { expect, test } from "vitest";
import { processes } from "../support/processes.ts";
import { ECHO, ENV, failureOf } from "../support/setup.ts";
import { kindOf } from "../support/wire.ts";

// What the user's code never ends holds up nobody who lets a run go, and is said.

const forever = () => new Promise<never>(() => {});

function stuck(options: FalOptions = {}) {
  const all = processes();
  const warned: string[] = [];
  const { fal } = all.start({ logger: { warn: (_, message) => void warned.push(message) }, ...options });
  return { ...all, fal, warned };
}

const chainOf = (fal: Fal, thinks = () => {}) =>
  fal.chain("stuck", async () => {
    await fal.subscribe(ECHO, { input: { n: 1 } });
    await fal.step("think", () => {
      thinks();
      return forever();
    });
  });

const WAYS: Readonly<
  Record<string, (run: ReturnType<ReturnType<typeof chainOf>["start"]>, fal: Fal) => Promise<unknown>>
> = {
  detach: (run) => run.detach(),
  cancel: (run) => run.cancel(),
  close: (_, fal) => fal.close(),
};

test.each(Object.entries(WAYS))(
  "a step that never ends does not hold %s up, and is named",
  async (way, act) => {
    const { fal, warned, clock, emulator, start } = stuck();
    const run = chainOf(fal).start(undefined, { id: "a" });
    await expect.poll(() => fal.runs.steps("stuck", "a")).toMatchObject([{ call: { state: "completed" } }]);
    const before = clock.now();
    await act(run, fal);
    expect(clock.now() - before).toBeLessThanOrEqual(10_000);
    expect(warned.filter((text) => text.includes('step "think"'))).toHaveLength(1);
    expect(await failureOf(run)).toMatchObject({ code: way === "cancel" ? "run_aborted" : "run_detached" });
    if (way === "cancel") return;
    // It is nobody's now, and whoever goes on with it pays for nothing again.
    const later = start().fal;
    const again = later.chain("stuck", async () => (await later.subscribe(ECHO, { input: { n: 1 } })).data);
    expect(await again.resume("a")).toEqual({ echo: { n: 1 } });
    expect(emulator.jobs).toHaveLength(1);
  },
);

test("a run that ends while a step of it goes on has its total, and its loop ends", async () => {
  const { fal, warned } = stuck();
  const chain = fal.chain("early", async () => {
    void fal.step("think", forever);
    return "done";
  });
  const run = chain.start(undefined, { id: "a" });
  const types: string[] = [];
  for await (const { type } of run) types.push(type);
  expect(types.at(-1)).toBe("settled");
  expect(await run.total).toMatchObject({ calls: 0 });
  expect(warned.join()).toContain('step "think"');
});

test("what a step that was left behind still asks for is refused", async () => {
  const { fal, emulator } = stuck();
  const { promise, resolve } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let late: unknown;
  const chain = fal.chain("late", async () =>
    fal.step("think", async () => {
      begun.resolve();
      await promise;
      late = await failureOf(fal.subscribe(ECHO, { input: { n: 1 } }));
    }),
  );
  const run = chain.start(undefined, { id: "a" });
  await begun.promise;
  await run.cancel();
  resolve();
  await expect.poll(() => late).toMatchObject({ code: "run_ended" });
  expect(emulator.jobs).toHaveLength(0);
});

const STUCK: Readonly<Record<string, (answer: typeof fetch) => FalOptions>> = {
  "a fetch that never answers and heeds no signal": () => ({ fetch: forever }),
  "a fetch that never answers a submit": (answer) => ({
    fetch: (...args) => (kindOf(new Request(...args)) === "submit" ? forever() : answer(...args)),
  }),
  "a fetch that never answers a status": (answer) => ({
    fetch: (...args) =>
      /stat/.test(kindOf(new Request(...args)) + String(args[0])) ? forever() : answer(...args),
  }),
  "a logger that never ends": () => ({
    logger: { warn: forever, info: forever, error: forever, debug: forever },
  }),
};

test.each(Object.entries(STUCK))("%s does not hold detach or close up", async (_, options) => {
  for (const way of ["detach", "close", "cancel"] as const) {
    const { emulator, clock, store } = processes();
    const fal = createFal({
      ...{ env: ENV, clock, store },
      fetch: (...args) => emulator.fetch(new Request(...args)),
      ...options((...args) => emulator.fetch(new Request(...args))),
    });
    const chain = fal.chain("stuck", async () => void (await fal.subscribe(ECHO, { input: { n: 1 } })));
    const run = chain.start(undefined, { id: way });
    await expect.poll(() => fal.runs.get("stuck", way)).toBeDefined();
    await new Promise((resolve) => setImmediate(resolve));
    await (way === "close" ? fal.close() : run[way]());
  }
});
