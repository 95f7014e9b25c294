import { type Cost, formatUsd } from "fal-chain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { measuredCost, totalOf } from "../../src/money/cost.ts";

const price = { unit: "megapixels", unitPriceNanoUsd: 3_000_000 };

test("a cost is units times price, in whole nano-dollars", () => {
  expect(measuredCost(2, price)).toEqual({ source: "measured", nanoUsd: 6_000_000, units: 2, ...price });
  expect(measuredCost(0, price)).toMatchObject({ source: "measured", nanoUsd: 0 });
  expect(measuredCost(1.234567, { unit: "seconds", unitPriceNanoUsd: 1_111 })).toMatchObject({
    nanoUsd: 1_372,
  });
  expect(measuredCost(1_000_000, { unit: "tokens", unitPriceNanoUsd: 0.4 })).toMatchObject({
    nanoUsd: 400_000,
  });
});

test("what is not known is no number, and says why", () => {
  expect(measuredCost(undefined, price)).toEqual({ source: "unknown", reason: "no_units" });
  expect(measuredCost(2, undefined)).toEqual({ source: "unknown", reason: "no_price", units: 2 });
});

test("a total is the exact sum of what is known, and counts what is not", () => {
  const known = fc
    .nat(10 ** 12)
    .map((nanoUsd): Cost => ({ source: "measured", nanoUsd, units: 1, ...price }));
  const unknown = fc.constant<Cost>({ source: "unknown", reason: "no_units" });
  fc.assert(
    fc.property(fc.array(known), fc.array(unknown), (some, others) => {
      const sum = some.reduce((sum, cost) => sum + BigInt("nanoUsd" in cost ? cost.nanoUsd : 0), 0n);
      const { nanoUsd, ...counts } = totalOf([...others, ...some]);
      expect(BigInt(nanoUsd)).toBe(sum);
      expect(counts).toEqual({ calls: some.length + others.length, unknown: others.length });
    }),
  );
});

test.each([
  [0, "$0.00"],
  [1e-7, "$0.0000000000000001"],
  [0.4, "$0.0000000004"],
  [1, "$0.000000001"],
  [7.5, "$0.0000000075"],
  [3_000_000, "$0.003"],
  [10_000_000, "$0.01"],
  [100_000_000, "$0.10"],
  [1_000_000_000, "$1.00"],
  [12_345_678_900, "$12.3456789"],
  [-3_000_000, "-$0.003"],
  [12_345_678_900.5, "$12.3456789005"],
])("%d nano-dollars read %s", (nano, text) => {
  expect(formatUsd(nano)).toBe(text);
});

test("what is formatted can be read back exactly", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (nano) => {
      const [, sign, whole, fraction = ""] = /^(-?)\$(\d+)\.(\d{2,9})$/.exec(formatUsd(nano)) ?? [];
      const read = BigInt(`${whole}${fraction.padEnd(9, "0")}`);
      expect(sign === "-" ? -read : read).toBe(BigInt(nano));
    }),
  );
});
