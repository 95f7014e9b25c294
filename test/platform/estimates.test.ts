import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, FLUX, failureOf, SMALL, setup } from "../support/setup.ts";
import { json } from "../support/wire.ts";

const HOUR_MS = 3_600_000;

test("units that the input tells are priced, and are what fal then bills", async () => {
  const { fal } = setup();
  const input = { ...SMALL, num_images: 2 };
  const estimate = await fal.estimate(FLUX, input);
  expect(estimate).toMatchObject({ source: "estimated", nanoUsd: 6_000_000, units: 2, unit: "megapixels" });
  const { billing } = await fal.subscribe(FLUX, { input });
  expect(billing.units).toBe(2);
});

test("else it is what such calls have cost, as fal says, asked once an hour", async () => {
  const models = [
    { ...echo({ units: 5, price: 0.01 }), price: { unit: "compute seconds", unitPrice: 0.01 } },
  ];
  const { fal, sent, clock } = setup({ emulator: { models } });
  expect(await fal.estimate(ECHO, {})).toEqual({ source: "estimated", nanoUsd: 10_000_000 });
  await fal.subscribe(ECHO, { input: {} });
  await Promise.all([fal.estimate(ECHO, {}), fal.estimate(ECHO, {})]);
  await clock.sleep(HOUR_MS);
  expect(await fal.estimate(ECHO, {})).toEqual({ source: "estimated", nanoUsd: 50_000_000 });
  expect(sent.filter(({ url }) => url.endsWith("/pricing/estimate"))).toHaveLength(2);
});

test("the caller may know the units better", async () => {
  const { fal } = setup();
  expect(await fal.estimate(FLUX, {}, { units: 2.5 })).toMatchObject({ nanoUsd: 7_500_000, units: 2.5 });
  expect(await fal.estimate(FLUX, {}, { units: 0 })).toMatchObject({ nanoUsd: 0 });
  for (const units of [-1, Number.NaN, Infinity]) {
    expect(await failureOf(fal.estimate(FLUX, {}, { units }))).toMatchObject({ code: "invalid_argument" });
  }
});

test("what nobody can know is unknown, and no number", async () => {
  const { fal } = setup();
  expect(await fal.price("acme/other")).toBeUndefined();
  expect(await fal.estimate("acme/other", {})).toEqual({ source: "unknown", reason: "no_price" });
  const euro = setup({
    wire: (request) =>
      request.method === "POST"
        ? json({ total_cost: 1, currency: "EUR" })
        : json({ prices: [{ endpoint_id: ECHO, unit: "tokens", unit_price: 1 }] }),
  });
  expect(await euro.fal.estimate(ECHO, { prompt: "a fox" })).toEqual({
    source: "unknown",
    reason: "no_units",
  });
});

test.each(["GET", "POST"])(
  "a platform that cannot be reached is an error, and no free call; its %s is waited for ten seconds",
  async (method) => {
    const { fal, clock } = setup({
      wire: (request) =>
        request.method === method
          ? json({}, { status: 503 })
          : json({ prices: [{ endpoint_id: ECHO, unit: "tokens", unit_price: 1 }] }),
    });
    const start = clock.now();
    expect(await failureOf(fal.estimate(ECHO, {}))).toMatchObject({ status: 503 });
    expect(clock.now() - start).toBeLessThanOrEqual(10_000);
  },
);
