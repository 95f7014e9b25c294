import {
  BudgetExceededError,
  type Fal,
  type FalError,
  InputMismatchError,
  OutputMismatchError,
  RunAbortedError,
  StepInputChangedError,
  UnknownPriceError,
} from "fal-chain";
import { expect, test } from "vitest";
import * as z from "zod";
import { processes } from "../support/processes.ts";
import { ECHO, failureOf } from "../support/setup.ts";

// A failure that is kept is the same one when it is read back: class, code and facts.

const facts = (error: unknown) => {
  const { name, code, message, endpoint, requestId, retryable, billed } = error as FalError;
  return { name, code, message, endpoint, requestId, retryable, billed };
};

const KINDS: readonly [
  string,
  new (...args: never[]) => Error,
  (fal: Fal) => PromiseLike<unknown>,
  string[],
][] = [
  [
    "an output that does not match",
    OutputMismatchError,
    (fal) => fal.subscribe(ECHO, { input: { n: 1 }, output: z.object({ image: z.string() }) }),
    ["issues"],
  ],
  [
    "an input that does not match",
    InputMismatchError,
    (fal) => {
      const strict = fal.endpoint(ECHO, { input: z.object({ n: z.string() }), output: z.unknown() });
      return fal.subscribe(strict, { input: { n: 1 } as never });
    },
    ["issues"],
  ],
  [
    "a step whose input changed",
    StepInputChangedError,
    async (fal) => {
      await fal.subscribe(ECHO, { input: { n: 1 }, step: "s" });
      throw new StepInputChangedError("s", ["n"], { endpoint: ECHO });
    },
    ["step", "fields"],
  ],
  [
    "a budget that has no room",
    BudgetExceededError,
    (fal) => fal.chain("spender", calling(fal, ECHO)).start(undefined, { budget: { usd: 0.001 } }),
    ["budget", "chargedNanoUsd", "reservedNanoUsd", "limitNanoUsd"],
  ],
  [
    "a price that is not known",
    UnknownPriceError,
    (fal) => fal.chain("spender", calling(fal, UNPRICED)).start(undefined, { budget: { usd: 1 } }),
    ["budget"],
  ],
];

const UNPRICED = "acme/unpriced";
const calling = (fal: Fal, endpoint: string) => async () =>
  void (await fal.subscribe(endpoint, { input: { n: 1 } }));

test.each(KINDS)("%s ends a run and a step as it did the first time", async (_, Class, failing, own) => {
  const { start } = processes();
  const inRun = (fal: Fal) => fal.chain("run", () => failing(fal));
  const first = await failureOf(inRun(start().fal).start(undefined, { id: "a" }));
  const again = await failureOf(inRun(start().fal).start(undefined, { id: "a" }));

  const seen: unknown[] = [];
  const inStep = (fal: Fal, dies: boolean) =>
    fal.chain("step", async () => {
      await fal.step("s", () => failing(fal)).catch((error: unknown) => seen.push(error));
      if (dies) throw new Error("a bug");
    });
  await failureOf(inStep(start().fal, true).start(undefined, { id: "a" }));
  await inStep(start().fal, false).resume("a");

  for (const error of [first, again, ...seen]) expect(error).toBeInstanceOf(Class);
  expect(facts(again)).toEqual(facts(first));
  expect(facts(seen[1])).toEqual(facts(seen[0]));
  for (const name of own) {
    expect(Reflect.get(again as object, name)).toEqual(Reflect.get(first as object, name));
  }
});

test("a run that ended with an inner run's cancel says so again", async () => {
  const { start } = processes();
  const outer = (fal: Fal) => {
    const inner = fal.chain("inner", () => new Promise<never>(() => {}));
    return fal.chain("outer", async () => {
      const run = inner.start(undefined, { id: "b" });
      await run.cancel();
      await run;
    });
  };
  const first = await failureOf(outer(start().fal).start(undefined, { id: "a" }));
  const again = await failureOf(outer(start().fal).start(undefined, { id: "a" }));
  for (const error of [first, again]) {
    expect(error).toBeInstanceOf(RunAbortedError);
    expect(error).toMatchObject({ name: "AbortError", code: "run_aborted", chain: "inner", run: "b" });
  }
  expect(facts(again)).toEqual(facts(first));
});

test("a fallback goes on from a kept failure as it did the first time", async () => {
  const { start, emulator } = processes();
  let dies = true;
  const chain = (fal: Fal) =>
    fal.chain("fallback", async () => {
      const given = await fal.fallback([
        () => fal.step("first", () => KINDS[1]?.[2](fal)),
        async () => (await fal.subscribe(ECHO, { input: { n: 2 } })).requestId,
      ]);
      if (dies) throw new Error("a bug");
      return given;
    });
  await failureOf(chain(start().fal).start(undefined, { id: "a" }));
  dies = false;
  expect(await chain(start().fal).resume("a")).toBe(emulator.jobs[0]?.requestId);
});
