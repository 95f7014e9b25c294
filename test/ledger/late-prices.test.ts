import { type Cost, memoryStore } from "fal-chain";
import { expect, test } from "vitest";
import { intentOf } from "../support/intents.ts";
import { echo } from "../support/models.ts";
import { ECHO, setup } from "../support/setup.ts";
import { json, type Wire } from "../support/wire.ts";

function pricesLater(platform = { isDown: true }) {
  const store = memoryStore();
  const wire: Wire = (request, forward) =>
    platform.isDown && request.url.includes("/models/pricing")
      ? json({ error: { type: "server_error", message: "no" } }, { status: 500 })
      : forward();
  const emulator = { models: [echo({ units: 3, price: 0.007 })] };
  const world = setup({ store, emulator, wire, retry: { maxRetries: 0 } });
  return { ...world, store, platform };
}

test("a call whose price could not be had is priced by the next one of its endpoint", async () => {
  const { fal, platform } = pricesLater();
  await fal.subscribe(ECHO, { input: {} });
  await fal.close();
  expect((await fal.costs()).total).toMatchObject({ nanoUsd: 0, unknownBecause: { no_price: 1 } });
  platform.isDown = false;
  await fal.subscribe(ECHO, { input: {} });
  await fal.close();
  const [first, second] = await fal.calls.list();
  expect([first?.cost, second?.cost]).toMatchObject([{ nanoUsd: 21_000_000 }, { nanoUsd: 21_000_000 }]);
});

test("a report prices what another process left without a price, with no more than a usual key", async () => {
  const { fal, store, clock, sent } = pricesLater({ isDown: false });
  const ended = async (id: string, units: number | undefined, cost?: Cost) => {
    await store.calls.intend(intentOf(id, { at: clock.now() }));
    const outcome = { data: {}, units, waitSeconds: undefined, runSeconds: undefined, cost };
    await store.calls.completed(id, outcome, clock.now());
  };
  await ended("a", 3, { source: "unknown", reason: "no_price", units: 3 });
  // Its process died before it had looked the price up.
  await ended("b", 1);
  await ended("c", undefined, { source: "unknown", reason: "no_units" });
  expect((await fal.costs()).total).toMatchObject({ nanoUsd: 28_000_000, unknown: 1 });
  expect(sent.map(({ url }) => new URL(url).pathname)).toEqual(["/v1/models/pricing"]);
  expect(await fal.calls.list({ unpriced: true })).toEqual([]);
  expect((await fal.costs()).total.unknownBecause).toEqual({ no_units: 1 });
  expect(sent).toHaveLength(1);
});

test("where no price can be had a report says so, and does not wait for long", async () => {
  const { fal, store, clock } = pricesLater();
  await store.calls.intend(intentOf("a", { at: clock.now() }));
  const cost = { source: "unknown", reason: "no_price", units: 3 } as const;
  await store.calls.charged("a", cost, clock.now());
  await store.calls.completed("a", { data: {}, units: 3, waitSeconds: 0, runSeconds: 0 }, clock.now());
  const before = clock.now();
  expect((await fal.costs()).total.unknownBecause).toEqual({ no_price: 1 });
  expect(clock.now() - before).toBeLessThanOrEqual(1_000);
});
