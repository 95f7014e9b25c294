import type { Emulator, VirtualClock } from "../emulator/index.ts";
import type { Fal } from "../index.ts";
import { type TestFal, type TestFalOptions, testFal } from "./test-fal.ts";

/** A test that says when it is over: node:test's context, or vitest's. */
export type TestContext =
  | { after(fn: () => Promise<void>): void }
  | { onTestFinished(fn: () => Promise<void>): void };

/**
 * What `testFal` gives, closed when the test is over.
 *
 * @example
 * test("a poster is paid once", async (t) => {
 *   const { fal, emulator } = falFor(t);
 *   await poster(fal).start({ prompt: "a fox" });
 *   emulator.expectBilledOnce();
 * });
 */
export function falFor(test: TestContext, options?: TestFalOptions): TestFal {
  const made = testFal(options);
  if ("onTestFinished" in test) test.onTestFinished(made.close);
  else test.after(made.close);
  return made;
}

export interface FalFixtures {
  readonly testFal: TestFal;
  readonly fal: Fal;
  readonly emulator: Emulator;
  readonly clock: VirtualClock;
}

type Use<T> = (value: T) => Promise<void>;

/**
 * Fixtures for vitest: `const test = base.extend(falFixtures())`. Each test that asks for one has a client and an emulator
 * of its own.
 */
export const falFixtures = (options?: TestFalOptions) => ({
  // vitest reads from the first argument which fixtures one needs.
  // biome-ignore lint/correctness/noEmptyPattern: none
  testFal: async ({}: object, use: Use<TestFal>) => {
    const made = testFal(options);
    await use(made);
    await made.close();
  },
  fal: ({ testFal }: Pick<FalFixtures, "testFal">, use: Use<Fal>) => use(testFal.fal),
  emulator: ({ testFal }: Pick<FalFixtures, "testFal">, use: Use<Emulator>) => use(testFal.emulator),
  clock: ({ testFal }: Pick<FalFixtures, "testFal">, use: Use<VirtualClock>) => use(testFal.clock),
});
