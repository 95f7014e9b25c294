import { createFal, memoryStore } from "fal-chain";
import { expect, test } from "vitest";
import { converted } from "../../src/ledger/currency.ts";
import { intentOf } from "../support/intents.ts";
import { failureOf, setup } from "../support/setup.ts";
import { json } from "../support/wire.ts";

test("the cheapest and the dearest runs are told with the steps that make them so", async () => {
  const store = memoryStore();
  let made = 0;
  const call = async (run: string, step: string, endpoint: string, nanoUsd?: number) => {
    const id = `c${made++}`;
    await store.calls.intend(intentOf(id, { chain: "poster", run, step, endpoint, key: id, at: made }));
    if (nanoUsd !== undefined) await store.calls.charged(id, { source: "measured", nanoUsd }, made);
  };
  for (const run of ["a", "b", "c", "d"]) {
    await call(run, "draw", "acme/flux", 100);
    for (let n = 0; n < (run === "d" ? 3 : 1); n++)
      await call(run, "large", "acme/esrgan", run === "a" ? 20 : 50);
  }
  await call("e", "draw", "acme/flux");
  const found = await createFal({ env: {}, store }).costs.runs("poster", { limit: 1 });
  expect(found).toEqual({
    ...{ chain: "poster", runs: 4, unknown: 1, medianNanoUsd: 150 },
    cheapest: [
      {
        ...{ run: "poster/a", nanoUsd: 120, calls: 2 },
        because: [
          {
            ...{ step: "large", endpoint: "acme/esrgan", calls: 1, usualCalls: 1 },
            ...{ nanoUsd: 20, usualNanoUsd: 50, wasteNanoUsd: 0 },
          },
        ],
      },
    ],
    dearest: [
      {
        ...{ run: "poster/d", nanoUsd: 250, calls: 4 },
        because: [
          {
            ...{ step: "large", endpoint: "acme/esrgan", calls: 3, usualCalls: 1 },
            ...{ nanoUsd: 150, usualNanoUsd: 50, wasteNanoUsd: 0 },
          },
        ],
      },
    ],
  });
});

test("the balance is what fal says, for ADMIN keys", async () => {
  const { fal } = setup({
    wire: (request, forward) =>
      new URL(request.url).pathname.endsWith("/v1/account/billing")
        ? json({ username: "acme", credits: { current_balance: 24.5, currency: "USD" } })
        : forward(),
  });
  expect(await fal.balance()).toEqual({ account: "acme", nano: 24_500_000_000, currency: "USD" });
  const other = setup({
    wire: () => json({ error: { type: "authorization_error", message: "no" } }, { status: 403 }),
  });
  expect(await failureOf(other.fal.balance())).toMatchObject({ name: "AdminKeyRequiredError" });
});

test("sums are told in another currency at the rate that is given, and stay in dollars", async () => {
  const store = memoryStore();
  await store.calls.intend(intentOf("a", { at: 1 }));
  await store.calls.charged("a", { source: "measured", nanoUsd: 1_500_000_001 }, 1);
  const fal = createFal({ env: {}, store });
  const currency = { code: "EUR", perUsd: 0.92, on: "2026-11-01" };
  const { total, rows, currency: told } = await fal.costs({ currency });
  expect(told).toEqual(currency);
  expect([total.nanoUsd, total.converted, rows[0]?.converted]).toEqual([
    1_500_000_001,
    "1.380000001",
    "1.380000001",
  ]);
  for (const bad of [{ perUsd: 0 }, { code: "euro" }, { on: "yesterday" }, { perUsd: Number.NaN }]) {
    expect(await failureOf(fal.costs({ currency: { ...currency, ...bad } }))).toMatchObject({
      code: "invalid_argument",
    });
  }
});

test.each([
  ["0.00", 0.92, "0.00"],
  ["9007199.254740993", 1, "9007199.254740993"],
  ["-1.000000001", 0.5, "-0.500000001"],
  ["1.000000001", 0.5, "0.500000001"],
  ["100000000000.000000001", 151.27, "15127000000000.000000151"],
])("%s dollars at %s are %s", (usd, perUsd, other) => {
  expect(converted(usd, { code: "XXX", perUsd, on: "2026-11-01" })).toBe(other);
});
