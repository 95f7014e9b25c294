import { createFal } from "fal-chain";
import type { Model } from "fal-chain/emulator";
import { pulledEndpoint } from "fal-chain/schemas";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, ENV, FLUX, failureOf, SMALL, setup } from "../support/setup.ts";
import { json } from "../support/wire.ts";

const HOUR_MS = 3_600_000;

test("units that the input tells are priced, and are what fal then bills", async () => {
  const { fal } = setup();
  const input = { ...SMALL, num_images: 2 };
  const estimate = await fal.estimate(FLUX, input);
  expect(estimate).toMatchObject({
    source: "history",
    low: expect.any(Number),
    likely: 6_000_000,
    high: 6_000_000,
  });
  const { billing } = await fal.subscribe(FLUX, { input });
  expect(billing.units).toBe(2);
});

test("else it is what such calls have cost, as fal says, asked once an hour", async () => {
  const models = [
    { ...echo({ units: 5, price: 0.01 }), price: { unit: "compute seconds", unitPrice: 0.01 } },
  ];
  const { fal, sent, clock, emulator } = setup({ emulator: { models } });
  const fetch: typeof globalThis.fetch = async (...of) => emulator.fetch(new Request(...of));
  const other = createFal({ env: ENV, clock, fetch });
  expect(await fal.estimate(ECHO, {})).toMatchObject({
    ...{ source: "history", low: 5_000_000, likely: 10_000_000, high: 20_000_000, count: 0 },
    why: "fal says that calls of it cost $0.01",
  });
  await other.subscribe(ECHO, { input: {} });
  await Promise.all([fal.estimate(ECHO, {}), fal.estimate(ECHO, {})]);
  await clock.sleep(HOUR_MS);
  expect(await fal.estimate(ECHO, { num_images: 2 })).toMatchObject({ likely: 100_000_000 });
  expect(sent.filter(({ url }) => url.endsWith("/pricing/estimate"))).toHaveLength(2);
});

test("the caller may know the units better", async () => {
  const { fal } = setup();
  expect(await fal.estimate(FLUX, {}, { units: 2.5 })).toMatchObject({
    ...{ source: "given", low: 7_500_000, likely: 7_500_000, high: 7_500_000, units: 2.5 },
  });
  expect(await fal.estimate(FLUX, {}, { units: 0 })).toMatchObject({ high: 0 });
  for (const units of [-1, Number.NaN, Infinity]) {
    expect(await failureOf(fal.estimate(FLUX, {}, { units }))).toMatchObject({ code: "invalid_argument" });
  }
});

test("what nobody can know is unknown, and no number", async () => {
  const { fal } = setup();
  expect(await fal.price("acme/other")).toBeUndefined();
  expect(await fal.estimate("acme/other", {})).toMatchObject({
    source: "unknown",
    reason: "no_price",
    count: 0,
  });
  const euro = setup({
    wire: (request) =>
      request.method === "POST"
        ? json({ total_cost: 1, currency: "EUR" })
        : json({ prices: [{ endpoint_id: ECHO, unit: "tokens", unit_price: 1 }] }),
  });
  expect(await euro.fal.estimate(ECHO, { prompt: "a fox" })).toMatchObject({
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

const FILM = "acme/film";
/** Bills as many of fal's endpoints do: a unit is a second at 720p without sound. */
const film = (unit = "seconds"): Model => ({
  ...(echo({ id: FILM }) as Model),
  price: { unit, unitPrice: 0.1 },
  run: async (input) => {
    const { duration = "5", resolution = "720p", num_videos = 1 } = input as Record<string, string>;
    const units = Number(duration) * Number(num_videos) * (resolution === "4k" ? 4 : 1) * 0.8;
    return { output: {}, units };
  },
});

test("what such calls have cost here is the best guide, with how many there were and how far they differ", async () => {
  const { fal } = setup({ emulator: { models: [film()] } });
  expect(await fal.estimate(FILM, { duration: "5" })).toMatchObject({ source: "history" });
  await fal.subscribe(FILM, { input: { duration: "5", prompt: "a fox", seed: 7 } });
  expect(await fal.estimate(FILM, { duration: 5, prompt: "two foxes" })).toMatchObject({
    ...{ source: "ledger", low: 4e8, likely: 4e8, high: 4e8, count: 1 },
    why: "one such call in this ledger cost $0.40",
  });
  // What it has not seen it does not pretend to know.
  expect(await fal.estimate(FILM, { duration: "5", resolution: "4k" })).toMatchObject({ source: "history" });
  expect(await fal.estimate(FILM, { duration: "10" })).toMatchObject({
    ...{ source: "ledger", low: 4e8, likely: 8e8, high: 8e8, count: 1 },
    why: "one such call in this ledger that asked for 0.5 times as much cost $0.40",
  });
});

test("of what varies, few calls are not enough to say how far", async () => {
  const { fal } = setup({ emulator: { models: [film("compute seconds")] } });
  await fal.price(FILM);
  await fal.subscribe(FILM, { input: {} });
  expect(await fal.estimate(FILM, {})).toMatchObject({ source: "ledger", likely: 4e8, high: 6e8 });
  for (let n = 0; n < 4; n++) await fal.subscribe(FILM, { input: {} });
  expect(await fal.estimate(FILM, {})).toMatchObject({ low: 4e8, high: 4e8, count: 5 });
});

test("the bill teaches it", async () => {
  const { fal, emulator } = setup({ emulator: { models: [film()] } });
  await fal.subscribe(FILM, { input: {} });
  emulator.billing.percentDiscount = 50;
  await fal.reconcile();
  expect(await fal.estimate(FILM, {})).toMatchObject({ source: "ledger", likely: 2e8 });
});

test("a call and a client can say how many units it will be", async () => {
  const units = { [FILM]: ({ seconds = 1 }: { seconds?: number }) => seconds * 2 };
  const { fal } = setup({ emulator: { models: [film()] }, units, budget: { usd: 0.9 } });
  expect(await fal.estimate(FILM, { seconds: 3 })).toMatchObject({ source: "given", likely: 6e8, units: 6 });
  expect(await failureOf(fal.subscribe(FILM, { input: { seconds: 6 } }))).toMatchObject({
    code: "budget_exceeded",
    message: expect.stringContaining("$1.20 for this call"),
  });
  await fal.subscribe(FILM, { input: { seconds: 6 }, units: 1 });
  const half = fal.subscribe(FILM, {
    input: { seconds: 6 },
    units: ({ seconds }: { seconds: number }) => seconds,
  });
  expect(await failureOf(half)).toMatchObject({ message: expect.stringContaining("$0.60 for this call") });
  const odd = fal.subscribe(FILM, { input: {}, units: () => Number.NaN });
  expect(await failureOf(odd)).toMatchObject({
    code: "invalid_argument",
    message: "units of acme/film is NaN; it is a number from 0 up. Nothing was sent.",
  });
  expect(() => setup({ units: { [FILM]: -1 } })).toThrow("units by endpoint");
});

test("what an input leaves out is what the endpoint's schema says, where it was pulled", async () => {
  const properties = { duration: { type: "string", default: "10" }, image_size: { default: "square_hd" } };
  const schema = { input: { type: "object", properties }, output: {}, defs: {} };
  const pulled = pulledEndpoint<{ prompt?: string }, unknown>("acme/pulled", JSON.stringify(schema));
  const models = [{ ...film(), id: pulled.id, price: { unit: "seconds", unitPrice: 0.1 } }];
  const history = { total_cost: 0.4, currency: "USD" };
  const { fal } = setup({
    emulator: { models },
    wire: (request, forward) =>
      request.url.endsWith("/estimate") ? json(history, { status: 404 }) : forward(),
  });
  expect(await fal.estimate(pulled, {})).toMatchObject({ source: "unknown", reason: "no_units" });
  delete (properties as Partial<typeof properties>).image_size;
  pulledEndpoint("acme/pulled", JSON.stringify(schema));
  expect(await fal.estimate("acme/pulled", {})).toMatchObject({ source: "price", likely: 1e9, units: 10 });
});

test("what is free costs nothing, whatever its unit", async () => {
  const free = { ...film("compute seconds"), price: { unit: "compute seconds", unitPrice: 0 } };
  const { fal } = setup({ emulator: { models: [free] }, budget: { usd: 0 } });
  expect(await fal.estimate(FILM, { image_size: "constructor" })).toMatchObject({ source: "price", high: 0 });
  await fal.subscribe(FILM, { input: {} });
});

test.each([null, 0, -3])("a history of %s is none", async (total_cost) => {
  const { fal } = setup({
    emulator: { models: [film()] },
    wire: (request, forward) =>
      request.url.endsWith("/estimate") ? json({ total_cost, currency: "USD" }) : forward(),
  });
  expect(await fal.estimate(FILM, {})).toMatchObject({ source: "unknown", reason: "no_units" });
});
