import { AdminKeyRequiredError, InvalidArgumentError } from "fal-chain";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, setup } from "../support/setup.ts";

const DAY_MS = 24 * 3_600_000;

/** An app that called a model once, and the two kinds of runners that it lived on, one of them for three days. */
async function world() {
  const found = setup({ emulator: { models: [echo({ units: 1, price: 0.01 })] } });
  const { runners } = found.emulator;
  runners.started({ app: "ads", usdPerSecond: 0.0001 });
  runners.started({ app: "router", machineType: "M", usdPerSecond: 0.0002 });
  await found.fal.subscribe(ECHO, { input: {} });
  await found.clock.sleep(3 * DAY_MS);
  const asked = () => found.sent.filter(({ url }) => url.includes("/serverless/usage")).length;
  return { ...found, asked };
}

test("runners are a part of the bill by themselves, and in no sum of calls", async () => {
  const { fal } = await world();
  const { total, rows, runners } = await fal.costs({ since: "2d", runners: true, by: [] });
  expect([total.nanoUsd, rows]).toEqual([0, []]);
  expect(runners?.seconds).toBeCloseTo(2 * 2 * 86_400, 3);
  expect(runners?.rows).toEqual([
    expect.objectContaining({ app: "router", machineType: "M", isSurge: false, environment: undefined }),
    expect.objectContaining({ app: "ads", machineType: "S", nanoUsd: 17_280_000_000 }),
  ]);
  expect(runners?.nanoUsd).toBe(3 * 17_280_000_000);
  expect((await fal.costs({ since: "7d", runners: true })).total.nanoUsd).toBe(10_000_000);
});

test("they are asked for only where that is said, by time and by app", async () => {
  const { fal, asked } = await world();
  expect((await fal.costs({ since: "7d" })).runners).toBeUndefined();
  expect(asked()).toBe(0);
  const { runners } = await fal.costs({ since: "1d", runners: true, app: "acme/ads" });
  expect(runners?.rows.map(({ app }) => app)).toEqual(["ads"]);
});

test.each([
  [{}, "say since"],
  [{ since: "1d", run: "x" }, "leave run out"],
  [{ since: "1d", tags: { customer: "acme" }, chain: "c" }, "leave tags, chain out"],
])("%j cannot be asked of runners", async (query, said) => {
  const { fal, asked } = await world();
  const failure = fal.costs({ ...query, runners: true });
  await expect(failure).rejects.toThrow(InvalidArgumentError);
  await expect(failure).rejects.toThrow(said);
  expect(asked()).toBe(0);
});

test("a key without the ADMIN scope is told so", async () => {
  const { fal, emulator } = await world();
  emulator.billing.forbidden = true;
  await expect(fal.costs({ since: "1d", runners: true })).rejects.toThrow(AdminKeyRequiredError);
});
