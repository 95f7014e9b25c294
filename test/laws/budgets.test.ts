import { BudgetExceededError, createFal, memoryStore } from "fal-chain";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import { sqliteStore } from "fal-chain/sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cases } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { ENV } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

/** Law 8: at each submit, what is charged, what is reserved and this call's estimate are within the limit. */

const CENT = 10_000_000;
const prices = { "acme/1": 0.01, "acme/3": 0.03, "acme/7": 0.07 };
const calls = fc.array(
  fc.record({
    endpoint: fc.constantFrom(...(Object.keys(prices) as (keyof typeof prices)[])),
    customer: fc.constantFrom("acme", "zoo", undefined),
    client: fc.nat(2),
    afterHours: fc.constantFrom(0, 0, 0, 1, 20),
    fault: fc.constantFrom(
      undefined,
      undefined,
      undefined,
      "lost-response",
      "completed-with-error; status=500",
    ),
  }),
  { minLength: 5, maxLength: 30 },
);

test.each(["memory", "SQLite"])(
  "no budget is overshot by many clients on one store in %s",
  async (kind) => {
    await fc.assert(
      fc.asyncProperty(
        calls,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 25 }),
        async (...given) => {
          const [calls, clientCents, customerCents] = given;
          const clock = virtualClock();
          const emulator = createEmulator({
            clock,
            concurrency: 50,
            models: Object.entries(prices).map(([id, price]) => echo({ id, price })),
          });
          const path = `${tempDir()}/store.db`;
          const shared = memoryStore({ clock, keepEnded: 1_000 });
          const open = () => (kind === "memory" ? shared : sqliteStore(path, { clock }));
          const stores = [open(), open(), open()];
          const clients = stores.map((store) =>
            createFal({
              env: ENV,
              clock,
              store,
              random: () => 0.5,
              ambiguousSubmit: "throw",
              fetch: async (...request) => emulator.fetch(new Request(...request)),
              budget: { usd: clientCents / 100 },
              budgets: [{ tag: "customer", usd: customerCents / 100, per: "day" }],
            }),
          );

          const spent = new Map<string, number>();
          const under: Promise<unknown>[] = [];
          for (const { endpoint, customer, client, afterHours, fault } of calls) {
            if (afterHours > 0) await clock.advance(afterHours * 3_600_000);
            if (fault) emulator.faults.next("submit", fault);
            const fal = clients[client];
            const cost = prices[endpoint] * 1e9;
            const call = fal?.subscribe(endpoint, { input: {}, tags: { customer } });
            under.push(
              Promise.resolve(call).catch((error: unknown) => {
                if (!(error instanceof BudgetExceededError)) return;
                const { chargedNanoUsd, reservedNanoUsd, limitNanoUsd } = error;
                expect(chargedNanoUsd + reservedNanoUsd).toBeLessThanOrEqual(limitNanoUsd);
                expect(chargedNanoUsd + reservedNanoUsd + cost).toBeGreaterThan(limitNanoUsd);
              }),
            );
          }
          await Promise.all(under);
          for (const fal of clients) await fal.close();
          for (const job of emulator.jobs) {
            const nano = prices[job.endpoint as keyof typeof prices] * 1e9 * (job.billableUnits ?? 0);
            const day = Math.floor(job.submittedAt / 86_400_000);
            const budgets = ["client", ...(job.tags["customer"] ? [`${job.tags["customer"]} ${day}`] : [])];
            for (const budget of budgets) spent.set(budget, (spent.get(budget) ?? 0) + nano);
          }
          for (const [budget, nano] of spent) {
            expect(nano).toBeLessThanOrEqual((budget === "client" ? clientCents : customerCents) * CENT);
          }
          for (const store of new Set(stores)) await store.close();
        },
      ),
      { numRuns: cases(20) },
    );
  },
  60_000,
);
