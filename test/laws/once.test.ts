import { type Fal, FalError, RunBlockedError } from "fal-chain";
import type { FaultRates } from "fal-chain/emulator";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cases } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { type Process, type Processes, processes } from "../support/processes.ts";

// Law 1: however often and wherever a process is killed, a run has submitted each step at most once, and exactly once
// when it ends, unless it names the step that it is blocked on.

const STRICT = "acme/strict";

/** What a chain does. Every call has one of few inputs, so that equal ones meet. */
type Plan =
  | { readonly call: number; readonly step?: true }
  | { readonly failing: number }
  | { readonly sequence: readonly Plan[] }
  | { readonly together: readonly Plan[] }
  | { readonly map: readonly Plan[]; readonly concurrency: number }
  | { readonly branch: Plan }
  | { readonly step: Plan };

const plans = fc.letrec<{ plan: Plan; leaf: Plan }>((tie) => ({
  leaf: fc.oneof(
    { weight: 5, arbitrary: fc.record({ call: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ call: fc.nat(3), step: fc.constant(true as const) }) },
    { weight: 1, arbitrary: fc.record({ failing: fc.nat(1) }) },
  ),
  plan: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc.record({ sequence: fc.array(tie("plan"), { minLength: 1, maxLength: 4 }) }),
    fc.record({ together: fc.array(tie("plan"), { minLength: 2, maxLength: 4 }) }),
    fc.record({
      map: fc.array(tie("plan"), { minLength: 1, maxLength: 4 }),
      concurrency: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ branch: tie("plan") }),
    fc.record({ step: tie("plan") }),
  ),
})).plan;

function chainOf(fal: Fal, plan: Plan) {
  /** @param path Names steps, which would else be told apart by their order. */
  const perform = async (plan: Plan, path: string): Promise<unknown> => {
    if ("call" in plan) {
      const { call: n, step } = plan;
      return (await fal.subscribe("acme/echo", { input: { n }, ...(step && { step: path }) })).data;
    }
    if ("failing" in plan) {
      return fal.fallback([
        () => fal.subscribe(STRICT, { input: { n: plan.failing } }),
        async () => "fell back",
      ]);
    }
    const part = (plan: Plan, index: number) => perform(plan, `${path}.${index}`);
    if ("sequence" in plan) {
      const given: unknown[] = [];
      for (const [index, next] of plan.sequence.entries()) given.push(await part(next, index));
      return given;
    }
    if ("together" in plan) return Promise.all(plan.together.map(part));
    if ("map" in plan) return fal.map(plan.map, part, { concurrency: plan.concurrency });
    if ("branch" in plan) return fal.branch("b", () => part(plan.branch, 0));
    return fal.step(path, () => part(plan.step, 0));
  };
  return fal.chain("random", () => perform(plan, "0"));
}

/** What becomes of one process: after so many reads and writes of its store it dies, or stands still. */
interface Fate {
  readonly after: number;
  readonly when: "before" | "after";
  readonly how: "dies" | "stands-still" | "is-let-go";
}

const fates = fc.array(
  fc.record<Fate>({
    after: fc.nat(40),
    when: fc.constantFrom("before", "after"),
    how: fc.constantFrom("dies", "stands-still", "is-let-go"),
  }),
  { maxLength: 4 },
);

/** What goes wrong without being an end of a request. */
const RATES: FaultRates = {
  submit: {
    "lost-response": 0.06,
    "reset-before": 0.02,
    "429; retryAfterMs=2000": 0.05,
    "502; accepted=true": 0.04,
  },
  status: { "lost-response": 0.03, "503": 0.03 },
  stream: { "stream-cut": 0.05, "503": 0.03 },
  result: { "lost-response": 0.03, "503": 0.03, "400-early-result": 0.03 },
  platform: { "503": 0.05 },
};

/** A model that takes nothing, so every request of it fails. */
const strict = { ...echo({ id: STRICT }), run: async () => Promise.reject(new Error("it never works")) };

function world(seed: number, lagMs: number): Processes {
  const all = processes({ seed, concurrency: 3, history: { lagMs }, models: [echo(), strict] });
  all.emulator.faults.random({ seed, rates: seed === 0 ? {} : RATES });
  return all;
}

type Outcome = { readonly output: unknown } | { readonly failure: string };

const outcomeOf = (run: PromiseLike<unknown>): Promise<Outcome | RunBlockedError> =>
  Promise.resolve(run).then(
    (output) => ({ output }),
    (error: unknown) =>
      error instanceof RunBlockedError
        ? error
        : { failure: error instanceof FalError ? `${error.code} ${error.message}` : String(error) },
  );

const submitsOf = ({ emulator }: Processes): Record<string, number> => {
  const byInput = Map.groupBy(emulator.jobs, ({ endpoint, input }) => `${endpoint} ${JSON.stringify(input)}`);
  return Object.fromEntries([...byInput].map(([input, jobs]) => [input, jobs.length]).sort());
};

/** A process that meets its fate: undefined then. */
async function live(all: Processes, plan: Plan, fate: Fate | undefined, left: Promise<unknown>[]) {
  const fated = Promise.withResolvers<undefined>();
  let count = 0;
  const one: Process = all.start({
    onStore: (_, when) => {
      if (!fate || when !== fate.when || count++ !== fate.after) return;
      if (fate.how === "dies") one.kill();
      if (fate.how === "stands-still") {
        const thaw = one.freeze();
        left.push(all.clock.sleep(200_000).then(thaw), outcome);
      }
      if (fate.how === "is-let-go") left.push(one.fal.close());
      fated.resolve(undefined);
    },
  });
  const outcome = outcomeOf(chainOf(one.fal, plan).start(undefined, { id: "a" }));
  return Promise.race([outcome, fated.promise]);
}

/** A person who knows what the platform has says what the submit was. */
async function settle(all: Processes, { callId }: RunBlockedError): Promise<void> {
  const { fal } = all.start();
  const records = await all.store.calls.list({ limit: 1_000 });
  const doubtful = records.find(({ id }) => id === callId);
  expect(doubtful).toMatchObject({ state: "ambiguous" });
  const claimed = new Set(records.map(({ ticket }) => ticket?.requestId));
  const lost = all.emulator.jobs.find(
    ({ requestId, endpoint, input }) =>
      !claimed.has(requestId) && endpoint === doubtful?.endpoint && JSON.stringify(input) === doubtful.body,
  );
  await fal.calls.settle(callId, lost ? { adopt: lost.requestId } : "resubmit");
}

const tried = Number(process.env["ONCE_CASES"] ?? cases(45));

test("a run pays for each step once, whatever happens to its processes", {
  timeout: 60_000 + tried * 500,
}, async () => {
  const seen = { blocked: 0, fated: 0, ambiguous: 0 };
  await fc.assert(
    fc.asyncProperty(
      plans,
      fates,
      fc.nat(1_000),
      fc.constantFrom(0, 5_000, 3_600_000),
      async (plan, ends, seed, lagMs) => {
        const calm = world(0, 0);
        const expected = await outcomeOf(chainOf(calm.start().fal, plan).start(undefined, { id: "a" }));
        const asked = submitsOf(calm);

        const all = world(seed, lagMs);
        const left: Promise<unknown>[] = [];
        let outcome: Outcome | RunBlockedError | undefined;
        for (let round = 0; outcome === undefined; round++) {
          outcome = await live(all, plan, ends[round], left);
          for (const [input, times] of Object.entries(submitsOf(all))) {
            expect(times, input).toBeLessThanOrEqual(asked[input] ?? 0);
          }
          if (outcome === undefined) seen.fated++;
          if (outcome instanceof RunBlockedError) {
            seen.blocked++;
            await settle(all, outcome);
            outcome = undefined;
          }
          expect(round).toBeLessThan(40);
        }
        expect(outcome).toEqual(expected);
        expect(submitsOf(all)).toEqual(asked);
        await Promise.all(left);
        expect(submitsOf(all)).toEqual(asked);
        seen.ambiguous += all.emulator.received.filter(({ fault }) => fault?.name === "lost-response").length;
      },
    ),
    { numRuns: tried, seed: Number(process.env["ONCE_SEED"] ?? 1), endOnFailure: tried < 100 },
  );
  // Else nothing of this was tried.
  expect(Math.min(seen.blocked, seen.fated, seen.ambiguous)).toBeGreaterThan(0);
});
