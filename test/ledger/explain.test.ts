import type { CallRecord } from "fal-chain";
import { expect, test } from "vitest";
import { explained } from "../../src/ledger/explain.ts";
import { intentOf } from "../support/intents.ts";

const AT = Date.UTC(2026, 10, 30, 23, 59, 59);

/** A completed call. */
const call = (cost: CallRecord["cost"], more: Partial<CallRecord> = {}): CallRecord =>
  ({
    ...intentOf("c", { endpoint: "acme/video", body: "{}" }),
    ...{ state: "completed", usage: { units: 5 }, intendedAt: AT, cost, reuses: 0 },
    ...more,
  }) as CallRecord;

const invoiced = (facts: object) => call({ source: "invoiced", nanoUsd: 0, unit: "seconds", ...facts });

test("what agrees is not said to differ", () => {
  const measured = call({
    source: "measured",
    nanoUsd: 250,
    units: 5,
    unit: "seconds",
    unitPriceNanoUsd: 50,
    pricedAt: 7,
  });
  expect(explained(measured)).toMatchObject({
    window: { at: AT, day: "2026-11-30", month: "2026-11" },
    units: { said: 5, charged: 5, unit: "seconds" },
    unitPrice: { readNanoUsd: 50, readAt: 7, chargedNanoUsd: 50 },
    ...{ measuredNanoUsd: 250, invoicedNanoUsd: undefined, nanoUsd: 250, differs: [], unknown: undefined },
  });
  const same = { nanoUsd: 250, units: 5, unitPriceNanoUsd: 50, measuredNanoUsd: 250 };
  expect(explained(invoiced(same))).toMatchObject({ invoicedNanoUsd: 250, differs: [] });
  // A price with a fraction of a nano-dollar is rounded when it is charged.
  expect(
    explained(invoiced({ nanoUsd: 3, units: 5, unitPriceNanoUsd: 0.5, measuredNanoUsd: 3 })).differs,
  ).toEqual([]);
});

test.each<[string, object, string[]]>([
  [
    "units",
    { nanoUsd: 400, units: 8, unitPriceNanoUsd: 50, measuredNanoUsd: 250 },
    ["The bill counts 8 seconds, and the result said 5 seconds."],
  ],
  [
    "the price",
    { nanoUsd: 5e9, units: 5, unitPriceNanoUsd: 1e9, measuredNanoUsd: 10e9 },
    ["A unit was billed at $1.00, and its price was read as $2.00."],
  ],
  [
    "a discount",
    { nanoUsd: 8e9, units: 5, unitPriceNanoUsd: 2e9, measuredNanoUsd: 10e9, subtotalNanoUsd: 10e9 },
    ["A discount took $2.00 off."],
  ],
  [
    "a discount that is only a percentage",
    { nanoUsd: 8e9, units: 5, unitPriceNanoUsd: 2e9, measuredNanoUsd: 10e9, percentDiscount: 20 },
    ["A discount of 20 % took $2.00 off."],
  ],
  [
    "all of them",
    { nanoUsd: 6e9, units: 8, unitPriceNanoUsd: 1e9, measuredNanoUsd: 10e9, subtotalNanoUsd: 8e9 },
    [
      "The bill counts 8 seconds, and the result said 5 seconds.",
      "A unit was billed at $1.00, and its price was read as $2.00.",
      "A discount took $2.00 off.",
    ],
  ],
  [
    "two parts at two prices",
    { nanoUsd: 7e9, units: 5, unitPriceNanoUsd: 1e9, measuredNanoUsd: 5e9, subtotalNanoUsd: 7e9 },
    ["A unit was billed at $1.40, and its price was read as $1.00."],
  ],
  [
    "nobody knows what",
    { nanoUsd: 8e9, units: 5, unitPriceNanoUsd: 2e9, measuredNanoUsd: 10e9 },
    ["The bill says $8.00, and units times price make $10.00: it does not say why."],
  ],
])("where the bill is another one: %s", (_, facts, differs) => {
  expect(explained(invoiced(facts)).differs).toEqual(differs);
});

test("of an input it is told what it costs by: numbers, choices and switches, and whether there is a file", () => {
  const body = JSON.stringify({
    prompt: "a fox in the snow",
    image_url: "https://v3.fal.media/a.png",
    duration: "5",
    resolution: "1080p",
    generate_audio: true,
    image_size: { width: 64, height: 32 },
    loras: [{ path: "a" }, { path: "b" }],
    seed: 7,
    text: "spoken by nobody",
  });
  expect(explained(call(undefined, { body })).input).toEqual({
    ...{ duration: "5", resolution: "1080p", generate_audio: true },
    ...{ "image_size.width": 64, "image_size.height": 32, "loras[]": 2, image_url: "file" },
  });
  for (const body of [undefined, "no JSON"])
    expect(explained(call(undefined, { body })).input).toBeUndefined();
});

test.each<[string, Partial<CallRecord>, string]>([
  ["no_units", { cost: { source: "unknown", reason: "no_units" } }, "did not say how many units"],
  ["no_price", { cost: { source: "unknown", reason: "no_price", units: 1 } }, "No price"],
  ["pending", {}, "has not been looked up"],
  ["under-way", { state: "submitted" }, "has not ended"],
  ["ambiguous", { state: "ambiguous" }, "calls settle"],
  ["failed", { state: "given-up" }, "may bill it"],
])("why a cost is unknown, in plain words: %s", (reason, more, words) => {
  const { unknown, nanoUsd } = explained(call(undefined, more));
  expect(unknown).toMatchObject({ reason, why: expect.stringContaining(words) });
  expect(nanoUsd).toBeUndefined();
});

test("a call that was given another one's result says so", () => {
  const reuseOf = { call: "origin", requestId: "r" };
  const given = call(
    { source: "measured", nanoUsd: 0, units: 0, savedNanoUsd: 9 },
    { reuseOf, usage: { units: 0 } as never },
  );
  expect(explained(given)).toMatchObject({ reuseOf, savedNanoUsd: 9, nanoUsd: 0, unknown: undefined });
});

test("what came after its month was closed is said", () => {
  const of = (callId: string) => ({
    callId,
    month: 0,
    at: 9,
    nanoUsd: -5,
    cost: { source: "invoiced", nanoUsd: 1 } as const,
  });
  expect(explained(call(undefined), [of("c"), of("other")]).corrections).toEqual([{ at: 9, nanoUsd: -5 }]);
});
