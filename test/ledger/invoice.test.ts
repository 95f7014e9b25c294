import { type CallRecord, createFal, memoryStore } from "fal-chain";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dollarsOf, periodText } from "../../src/ledger/invoice.ts";
import type { Markup } from "../../src/ledger/markup.ts";
import { intentOf } from "../support/intents.ts";
import { ECHO, ENV, failureOf, setup } from "../support/setup.ts";

const OCT = Date.UTC(2026, 9, 1);
const NOV = Date.UTC(2026, 10, 1);

type Cost = NonNullable<CallRecord["cost"]>;
const measured = (nanoUsd: number): Cost => ({ source: "measured", nanoUsd, units: 1 });

/** A store with these calls, in October unless it is said. */
async function ledger(
  calls: readonly ({ cost: Cost | undefined; state?: "failed" } & Parameters<typeof intentOf>[1])[],
) {
  const store = memoryStore();
  for (const [n, { cost, state, ...more }] of calls.entries()) {
    const id = `c${n}`;
    await store.calls.intend(intentOf(id, { at: OCT, userTags: { customer: "acme" }, ...more }));
    const error = { name: "ApiError", code: "api", message: "no", retryable: false, billed: true } as const;
    if (state) await store.calls.failed(id, error, NOV);
    else await store.calls.completed(id, { data: 1, units: 1, waitSeconds: 1, runSeconds: 1 }, NOV);
    if (cost) await store.calls.charged(id, cost, NOV);
  }
  const now = Date.UTC(2026, 10, 27);
  return createFal({ env: ENV, store, clock: { now: () => now, sleep: async () => {} } });
}

const acme = { tags: { customer: "acme" } };

test("somebody pays what calls cost with the markup of each, by endpoint, rounded to the cent by line", async () => {
  const fal = await ledger([
    { cost: measured(1_000_000_000), markup: 0.2 },
    { cost: measured(1_000_000_000), markup: 0.5 },
    { cost: measured(4_000_000), markup: 0.25, endpoint: "acme/small" },
    { cost: measured(4_999_999), endpoint: "acme/other" },
    { cost: measured(0), endpoint: "acme/free" },
  ]);
  expect(await fal.invoice(acme)).toEqual({
    ...{ tags: acme.tags, since: OCT, until: NOV, currency: "USD", totalCents: 271 },
    lines: [
      { endpoint: "acme/echo", calls: 2, cents: 270 },
      { endpoint: "acme/small", calls: 1, cents: 1 },
      { endpoint: "acme/free", calls: 1, cents: 0 },
      { endpoint: "acme/other", calls: 1, cents: 0 },
    ],
    notes: {
      ...{ costNanoUsd: 2_008_999_999, unpriced: 0, wasteNanoUsd: 0 },
      ...{ notInvoicedNanoUsd: 2_008_999_999, unmarkedNanoUsd: 4_999_999 },
    },
  });
  expect((await fal.invoice({ ...acme, markup: 1 })).lines).toContainEqual({
    endpoint: "acme/other",
    calls: 1,
    cents: 1,
  });
});

test("nobody pays for failures, other customers, other months, or what nobody knows the cost of", async () => {
  const fal = await ledger([
    { cost: measured(1e9), markup: 0 },
    { cost: measured(1e9), state: "failed" },
    { cost: undefined },
    { cost: { source: "unknown", reason: "no_price" } },
    { cost: measured(1e9), userTags: { customer: "other" } },
    { cost: measured(1e9), userTags: {} },
    { cost: measured(1e9), at: OCT - 1 },
    { cost: measured(1e9), at: NOV },
    { cost: { source: "invoiced", nanoUsd: 1e9 }, markup: 0 },
  ]);
  expect(await fal.invoice(acme)).toMatchObject({
    lines: [{ endpoint: "acme/echo", calls: 2, cents: 200 }],
    notes: { unpriced: 2, notInvoicedNanoUsd: 1e9, unmarkedNanoUsd: 0, wasteNanoUsd: 1e9 },
  });
  expect((await fal.invoice({ ...acme, since: "2026-11-01" })).totalCents).toBe(100);
  expect((await fal.invoice({ ...acme, since: new Date(OCT - 5), until: new Date(OCT) })).totalCents).toBe(
    100,
  );
});

test("what is known later of a closed month is on the invoice of the month that it comes in", async () => {
  const store = memoryStore();
  const usage = { data: 1, units: 1, waitSeconds: 1, runSeconds: 1 };
  await store.calls.intend(intentOf("c", { at: OCT, markup: 1, userTags: { customer: "acme" } }));
  await store.calls.completed("c", { ...usage, cost: measured(1e9) }, OCT);
  await store.months.close(OCT, NOV);
  await store.calls.charged("c", { source: "invoiced", nanoUsd: 7e8 }, NOV + 5);
  const now = NOV + 86_400_000;
  const fal = createFal({ env: ENV, store, clock: { now: () => now, sleep: async () => {} } });
  expect((await fal.invoice(acme)).totalCents).toBe(200);
  expect(await fal.invoice({ ...acme, since: "2026-11" })).toMatchObject({
    lines: [{ endpoint: "acme/echo", calls: 0, cents: -60 }],
    totalCents: -60,
  });
});

test("the total is the sum of its lines, and within a cent each of what they come to", async () => {
  const cost = fc.record({
    nano: fc.nat(3e9),
    markup: fc.constantFrom(undefined, 0, 0.1, 0.333, 2.5, -0.5),
    endpoint: fc.constantFrom("a/a", "b/b", "c/c"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(cost, { maxLength: 12 }), async (costs) => {
      const fal = await ledger(
        costs.map(({ nano, markup, endpoint }) => ({ cost: measured(nano), markup, endpoint })),
      );
      const { lines, totalCents } = await fal.invoice(acme);
      expect(totalCents).toBe(lines.reduce((sum, { cents }) => sum + cents, 0));
      for (const { endpoint, cents } of lines) {
        const exact = costs
          .filter((one) => one.endpoint === endpoint)
          .reduce((sum, { nano, markup = 0 }) => sum + nano * (1 + markup), 0);
        expect(Math.abs(cents - exact / 1e7)).toBeLessThanOrEqual(0.5 + 1e-6);
      }
    }),
    { numRuns: 50 },
  );
});

describe("the markup is taken when a call is made", () => {
  test.each<[string, Markup, number[]]>([
    ["of all calls", 0.2, [0.2, 0.2, 0.2]],
    [
      "by the value of a tag",
      { tag: "customer", values: { acme: 0.5, constructor: 3 }, otherwise: 0.1 },
      [0.5, 0.1, 0.1],
    ],
    ["by one of the client's tags", { tag: "job_id", values: { "job-1": 0.3 } }, [0.3, 0.3, 0.3]],
    [
      "as a function says",
      ({ endpoint, tags }) => (endpoint === ECHO && tags["customer"] === "acme" ? 1 : 0),
      [1, 0, 0],
    ],
  ])("%s", async (_, markup, noted) => {
    const { fal } = setup({ markup, env: { ...ENV, FAL_JOB_ID: "job-1" } });
    const input = { n: 1 };
    await fal.subscribe(ECHO, { input, tags: { customer: "acme" } });
    await fal.subscribe(ECHO, { input, tags: { customer: "other" }, reuse: {} });
    await fal.run(ECHO, { input });
    fal.config({ markup: 9 });
    const calls = (await fal.calls.list()).reverse();
    expect(calls.map((call) => call.for.markup)).toEqual(noted);
  });

  test("what cannot be meant is said before anything is sent", async () => {
    for (const markup of [20, -2, Number.NaN, "20%", { tag: "customer" }, { tag: "c", values: { a: 50 } }]) {
      expect(() => setup({ markup: markup as Markup })).toThrow("markup");
    }
    const { fal, sent } = setup({ markup: () => Number.NaN });
    expect(await failureOf(fal.subscribe(ECHO, { input: {} }))).toMatchObject({ code: "invalid_argument" });
    expect(sent).toEqual([]);
    expect(await failureOf(fal.invoice({ tags: {} }))).toMatchObject({ code: "invalid_argument" });
    expect(await failureOf(fal.invoice({ ...acme, since: "2026-11", until: "2026-10" }))).toMatchObject({
      code: "invalid_argument",
    });
  });
});

test("amounts and periods as people read them", () => {
  expect([0, 5, 271, 123_456, -7].map(dollarsOf)).toEqual(["0.00", "0.05", "2.71", "1234.56", "-0.07"]);
  expect(periodText({ since: OCT, until: NOV })).toBe("2026-10-01 to 2026-10-31");
  expect(periodText({ since: OCT, until: OCT + 86_400_000 })).toBe("2026-10-01");
  expect(periodText({ since: OCT, until: OCT + 1_500 })).toBe(
    "2026-10-01 00:00:00 to 2026-10-01 00:00:01 UTC",
  );
});
