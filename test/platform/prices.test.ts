import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, FLUX, failureOf, setup } from "../support/setup.ts";
import { json, type Wire } from "../support/wire.ts";

const HOUR = 3_600_000;
const priced =
  (price: object): Wire =>
  () =>
    json({ prices: [{ endpoint_id: ECHO, ...price }], has_more: false });
const asked = (sent: readonly { url: string }[]) => sent.filter(({ url }) => url.includes("/models/pricing"));

test("a price is asked of the platform's own host, by endpoint, and told in nano-dollars", async () => {
  const { fal, sent, clock } = setup();
  expect(await fal.price(FLUX)).toEqual({
    endpoint: FLUX,
    unit: "megapixels",
    unitPriceNanoUsd: 3_000_000,
    at: clock.now(),
  });
  expect(sent[0]?.url).toBe("https://api.fal.ai/v1/models/pricing?endpoint_id=fal-ai%2Fflux%2Fschnell");
});

test("a price is kept for an hour, for each endpoint, and asked once by those who ask together", async () => {
  const { fal, sent, clock } = setup();
  await Promise.all([fal.price(ECHO), fal.price(ECHO), fal.price(FLUX)]);
  await clock.sleep(HOUR - 1);
  await fal.price(ECHO);
  expect(asked(sent)).toHaveLength(2);
  await clock.sleep(1);
  await fal.price(ECHO);
  expect(asked(sent)).toHaveLength(3);
});

test("a failure is not kept", async () => {
  let broken = true;
  const wire: Wire = (_, forward) => (broken ? json({ detail: "no" }, { status: 403 }) : forward());
  const { fal } = setup({ wire });
  expect(await failureOf(fal.price(ECHO))).toMatchObject({ status: 403 });
  broken = false;
  expect(await fal.price(ECHO)).toMatchObject({ unitPriceNanoUsd: 10_000_000 });
});

test("a price in another currency, or of another endpoint, is none", async () => {
  const euro = setup({ wire: priced({ unit_price: 1, unit: "images", currency: "EUR" }) });
  expect(await euro.fal.price(ECHO)).toBeUndefined();
  const other = setup({ wire: priced({ endpoint_id: "a/b", unit_price: 1, unit: "images" }) });
  expect(await other.fal.price(ECHO)).toBeUndefined();
});

test.each([1e6, 1e300, "1e400", "-0.5"])(
  "a price of %s dollars is none, and a call that it is for is paid all the same",
  async (price) => {
    const wire: Wire = (request, forward) =>
      request.url.includes("/pricing?")
        ? new Response(
            `{"prices":[{"endpoint_id":"a/b"},{"endpoint_id":"${ECHO}","unit_price":${price},"unit":"images"}]}`,
          )
        : forward();
    const { fal } = setup({ wire });
    expect(await fal.price(ECHO)).toBeUndefined();
    await fal.subscribe(ECHO, { input: {} });
    await fal.close();
    expect((await fal.calls.list())[0]?.cost).toEqual({ source: "unknown", reason: "no_price", units: 1 });
  },
);

test("what units and price make is no cost where no request costs it", async () => {
  const { fal } = setup({ emulator: { models: [echo({ price: 1, units: 1_000_000_000 })] } });
  await fal.subscribe(ECHO, { input: {} });
  await fal.close();
  const cost = { source: "unknown", reason: "implausible", units: 1_000_000_000 };
  expect((await fal.calls.list())[0]?.cost).toEqual(cost);
  expect((await fal.costs()).total).toMatchObject({
    nanoUsd: 0,
    unknown: 1,
    unknownBecause: { implausible: 1 },
  });
});

test("a price below nothing is none, so no call is made under a budget for it", async () => {
  const wire: Wire = (request, forward) =>
    request.url.includes("/pricing/estimate")
      ? json({ total_cost: -5 })
      : request.url.includes("/pricing?")
        ? json({ prices: [{ endpoint_id: ECHO, unit_price: -5, unit: "images" }] })
        : forward();
  const { fal, emulator } = setup({ wire, budget: { usd: 0.01 } });
  expect(await failureOf(fal.subscribe(ECHO, { input: {} }))).toMatchObject({ code: "unknown_price" });
  expect(await fal.estimate(ECHO, { num_images: "many" })).toMatchObject({
    source: "unknown",
    reason: "no_price",
  });
  expect(emulator.jobs).toHaveLength(0);
});

test("a unit price is not rounded before it is multiplied: what is measured is what fal bills", async () => {
  const { fal } = setup({ emulator: { models: [echo({ price: 7.5e-9, units: 1_000_000 })] } });
  await fal.subscribe(ECHO, { input: {} });
  await fal.close();
  const cost = { source: "measured", nanoUsd: 7_500_000, unitPriceNanoUsd: 7.5 };
  expect((await fal.calls.list())[0]?.cost).toMatchObject(cost);
  expect(await fal.reconcile()).toMatchObject({ matched: [{}], drift: [] });
});

test.each([
  [0.003, 3_000_000],
  [0.1 + 0.2, 300_000_000],
  [0.00111, 1_110_000],
  [1e-9, 1],
  [7.5e-9, 7.5],
  [4e-10, 0.4],
  [0, 0],
])("a unit price of %d dollars is %d nano-dollars", async (unit_price, nano) => {
  const { fal } = setup({ wire: priced({ unit_price, unit: "images", unknown_field: 1 }) });
  expect((await fal.price(ECHO))?.unitPriceNanoUsd).toBe(nano);
});

test("an unreadable price list is asked again, and then an error that says so", async () => {
  const { fal, sent } = setup({ wire: () => json({ prices: "none" }), retry: { read: { maxRetries: 2 } } });
  expect(await failureOf(fal.price(ECHO))).toMatchObject({ name: "MalformedReplyError", endpoint: ECHO });
  expect(sent).toHaveLength(3);
});
