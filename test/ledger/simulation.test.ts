import { BudgetExceededError, createFal, memoryStore } from "fal-chain";
import { createEmulator, type Model, virtualClock } from "fal-chain/emulator";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cases } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { ENV } from "../support/setup.ts";
import { REAL_BILLS } from "./real-bills.ts";

/** Budgets against what fal really bills, beginning with an empty ledger. */

interface Rule {
  readonly id: string;
  readonly unit: string;
  readonly unitPrice: number;
  readonly inputs: readonly Readonly<Record<string, unknown>>[];
  units(input: Readonly<Record<string, unknown>>, chance: number): number;
}

const number = (value: unknown): number => Number.parseFloat(String(value));
const billedFor = (endpoint: string, input: object): number =>
  REAL_BILLS.find(
    (pair) => pair.endpoint === endpoint && JSON.stringify(pair.input) === JSON.stringify(input),
  )?.billed ?? 1;

/** Endpoints as recorded: each input is billed what fal billed for it. */
const recorded = [...new Set(REAL_BILLS.map(({ endpoint }) => endpoint))].map((id): Rule => {
  const pairs = REAL_BILLS.filter(({ endpoint }) => endpoint === id);
  const unit = pairs[0]?.unit ?? "units";
  return {
    id,
    unit,
    unitPrice: 0.05,
    inputs: pairs.map(({ input }) => input),
    units: (input) => billedFor(id, input),
  };
});

/** Rules that grow with the input, or vary with what the run takes. */
const rules: readonly Rule[] = [
  ...recorded,
  {
    ...{ id: "acme/talks", unit: "1000 characters", unitPrice: 0.1 },
    inputs: [300, 900, 2_000].map((length) => ({ text: "x".repeat(length) })),
    units: ({ text }) => String(text).length / 1_000,
  },
  {
    ...{ id: "acme/films", unit: "seconds", unitPrice: 0.056 },
    inputs: ["5", "10"].map((duration) => ({ duration, generate_audio: true })),
    units: ({ duration }) => number(duration) * 2.4,
  },
  {
    ...{ id: "acme/computes", unit: "compute seconds", unitPrice: 0.00111 },
    inputs: [{ scale: 2 }, { scale: 4 }],
    units: ({ scale }, chance) => number(scale) * (5 + 2 * chance),
  },
];

const kinds = rules.flatMap((rule) => rule.inputs.map((input) => ({ rule, input })));
const dearest = (rule: Rule): number => Math.max(...rule.inputs.map((input) => rule.units(input, 1)));

test("a window is overshot by a first call of its kind only, and else by a twentieth of the budget at most", async () => {
  const calls = fc.array(fc.record({ kind: fc.nat(4), chance: fc.double({ min: 0, max: 1, noNaN: true }) }), {
    minLength: 100,
    maxLength: 200,
  });
  await fc.assert(
    fc.asyncProperty(
      calls,
      fc.uniqueArray(fc.nat(kinds.length - 1), { minLength: 5, maxLength: 5 }),
      fc.constantFrom(2, 5, 10),
      fc.constantFrom(1, 0.1, 10),
      async (calls, chosen, usd, history) => {
        const clock = virtualClock();
        let chance = 0;
        const models = rules.map(
          (rule): Model => ({
            ...(echo({ id: rule.id, seconds: 1 }) as Model),
            price: { unit: rule.unit, unitPrice: rule.unitPrice },
            run: async (input) => ({
              output: {},
              units: rule.units(input as object as Record<string, unknown>, chance),
            }),
          }),
        );
        const emulator = createEmulator({ clock, models });
        // What fal says that calls of it cost: right, or wrong by ten either way, as it is for some inputs.
        const fetch: typeof globalThis.fetch = async (...of) => {
          const request = new Request(...of);
          if (!request.url.endsWith("/pricing/estimate")) return emulator.fetch(request);
          const { endpoints } = (await request.json()) as { endpoints: object };
          const rule = rules.find(({ id }) => id === Object.keys(endpoints)[0]) as Rule;
          return Response.json({ total_cost: history * dearest(rule) * rule.unitPrice, currency: "USD" });
        };
        const store = memoryStore({ clock, keepEnded: 1_000 });
        const seen = new Set<number>();
        const fal = createFal({ env: ENV, clock, fetch, store, budget: { usd, per: "hour" } });
        for (let window = 0, next = 0; window < 4; window++) {
          const firsts = new Set<number>();
          const part = calls.slice(next, next + calls.length / 4);
          next += part.length;
          for (const { kind: nth, chance: drawn } of part) {
            const kind = chosen[nth] as number;
            chance = drawn;
            const { rule, input } = kinds[kind] as (typeof kinds)[0];
            const error = await fal.subscribe(rule.id, { input }).then(
              () => undefined,
              (refusal: unknown) => refusal,
            );
            if (error === undefined && !seen.has(kind)) firsts.add(kind);
            if (error === undefined) seen.add(kind);
            if (error !== undefined) expect(error).toBeInstanceOf(BudgetExceededError);
            await fal.close();
          }
          const [state] = await fal.budgets();
          const of = kinds.filter((_, kind) => firsts.has(kind));
          const first = of.reduce(
            (sum, { rule, input }) => Math.max(sum, rule.units(input, 1) * rule.unitPrice),
            0,
          );
          const overshot = ((state?.chargedNanoUsd ?? 0) - usd * 1e9) / 1e9;
          expect(overshot).toBeLessThanOrEqual(first + 0.05 * usd);
          if (overshot > 0) expect(state?.overshot?.calls.length).toBeGreaterThan(0);
          await clock.advance(3_600_000);
        }
      },
    ),
    { numRuns: cases(12) },
  );
}, 60_000);
