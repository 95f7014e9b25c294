import { type CallRecord, type CostQuery, createFal, type Fal, memoryStore } from "fal-chain";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chargeOf, product } from "../../src/cli/focus/charge.ts";
import { FOCUS_VERSIONS } from "../../src/cli/focus/columns.ts";
import { focusUnit } from "../../src/cli/focus/units.ts";
import { focusNotes, writeFocus } from "../../src/cli/focus/write.ts";
import { intentOf } from "../support/intents.ts";
import { ENV } from "../support/setup.ts";
import { isProduct, problemsOfHead, problemsOfRow, type Row } from "./focus-rules.ts";

type Cost = NonNullable<CallRecord["cost"]>;

const cells = (line: string): string[] =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );

/** What is printed of calls that cost this. */
async function printed(
  costs: readonly Cost[],
  version: "1.4" | "1.3" = "1.4",
  more: { userTags?: Record<string, string>; step?: string; account?: string } = {},
) {
  const store = memoryStore();
  const at = Date.UTC(2026, 10, 30, 23, 59, 58);
  for (const [n, cost] of costs.entries()) {
    await store.calls.intend(
      intentOf(`c${n}`, { endpoint: "fal-ai/flux/schnell", at: at + n * 700, ...more }),
    );
    await store.calls.completed(
      `c${n}`,
      { data: 1, units: cost.source === "estimated" ? undefined : 1, waitSeconds: 1, runSeconds: 1, cost },
      at + n * 700 + 3_100,
    );
  }
  const { text, left } = await writtenWith(createFal({ env: ENV, store }), {}, version);
  return { head: cells(text.slice(0, text.indexOf("\r\n"))), rows: rowsOf(text), left };
}

async function writtenWith(fal: Fal, query: CostQuery, version: "1.4" | "1.3") {
  let text = "";
  const write = (part: string) => {
    text += part;
    return true;
  };
  const left = await writeFocus(fal, query, { version, billingAccount: "acme" }, { write } as never);
  return { text, left };
}

const written = async (fal: Fal, query: CostQuery = {}) => (await writtenWith(fal, query, "1.4")).text;

function rowsOf(text: string): Row[] {
  const [head = [], ...lines] = text.trimEnd().split("\r\n").map(cells);
  return lines.map((line) => Object.fromEntries(head.map((name, nth) => [name, line[nth] ?? ""])));
}

const measured = (units: number, unitPriceNanoUsd: number, unit = "images"): Cost => ({
  source: "measured",
  nanoUsd: Math.round(units * unitPriceNanoUsd),
  ...{ units, unit, unitPriceNanoUsd },
});

const price = fc.oneof(fc.integer({ min: 0, max: 5e9 }), fc.double({ min: 1e-3, max: 1e8, noNaN: true }));
const units = fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.double({ min: 1e-6, max: 1e4, noNaN: true }));
const unit = fc.constantFrom(
  "image",
  "megapixels",
  "compute seconds",
  "1000 characters",
  "1m tokens",
  "seconds",
  "GB",
  "äh?!",
  "",
);

/** What fal measures and bills: as it is, discounted, of several rows at other prices, and with parts of it missing. */
const anyCost: fc.Arbitrary<Cost> = fc.oneof(
  fc.tuple(units, price, unit).map(([u, p, name]) => measured(u, p, name)),
  fc
    .record({
      rows: fc.array(fc.tuple(units, price), { minLength: 1, maxLength: 3 }),
      discount: fc.integer({ min: 0, max: 100 }),
      unit,
      says: fc.boolean(),
    })
    .map(({ rows, discount, unit, says }): Cost => {
      const subtotal = rows.reduce((sum, [u, p]) => sum + Math.round(u * p), 0);
      return {
        source: "invoiced",
        nanoUsd: Math.round((subtotal * (100 - discount)) / 100),
        units: rows.reduce((sum, [u]) => sum + u, 0),
        unit,
        unitPriceNanoUsd: rows.at(-1)?.[1],
        ...(says && { subtotalNanoUsd: subtotal }),
      };
    }),
  fc.record({ source: fc.constant("estimated" as const), nanoUsd: fc.integer({ min: 0, max: 1e9 }) }),
  fc.record({ source: fc.constant("invoiced" as const), nanoUsd: fc.integer({ min: 0, max: 1e9 }), units }),
  fc.constant({ source: "unknown", reason: "no_price", units: 1 } as const),
);

describe.each(FOCUS_VERSIONS)("version %s", (version) => {
  test("whatever calls cost, each row keeps to the rules, and what is left out is counted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyCost, { minLength: 1, maxLength: 8 }), async (costs) => {
        const { head, rows, left } = await printed(costs, version);
        expect(problemsOfHead(head, version)).toEqual([]);
        expect(rows.flatMap((row) => problemsOfRow(row, version))).toEqual([]);
        const { free, unknown, unmeasured } = left.calls;
        expect(rows.length + free + unknown + unmeasured).toBe(costs.length);
        const billed = rows.reduce((sum, row) => sum + Math.round(Number(row["BilledCost"]) * 1e9), 0);
        const all = costs.reduce((sum, cost) => sum + (cost.source === "unknown" ? 0 : cost.nanoUsd), 0);
        expect(billed + left.unmeasuredNanoUsd).toBe(all);
        // What is listed is what was before the discount, but for what dividing it by the quantity leaves.
        for (const row of rows)
          expect(Number(row["ListCost"])).toBeGreaterThanOrEqual(
            Number(row["BilledCost"]) * (1 - 1e-12) - 1e-9,
          );
      }),
      { numRuns: 60 },
    );
  });
});

test.each<[string, Cost, object]>([
  [
    "as it is listed",
    measured(1.5, 2_000_000),
    { ListUnitPrice: "0.002", ListCost: "0.003", BilledCost: "0.003" },
  ],
  [
    "a fraction of a nano-dollar",
    measured(0.1, 12.5),
    {
      ListUnitPrice: "0.0000000125",
      PricingQuantity: "0.1",
      ListCost: "0.00000000125",
      BilledCost: "0.000000001",
    },
  ],
  [
    "after a discount",
    {
      source: "invoiced",
      nanoUsd: 8_000_000,
      units: 2,
      unit: "image",
      unitPriceNanoUsd: 5_000_000,
      subtotalNanoUsd: 10_000_000,
    },
    {
      ListUnitPrice: "0.005",
      ListCost: "0.01",
      ContractedCost: "0.01",
      BilledCost: "0.008",
      EffectiveCost: "0.008",
      PricingUnit: "Images",
    },
  ],
  [
    "after the price was raised",
    { source: "invoiced", nanoUsd: 12_000_000, units: 2, unit: "seconds", unitPriceNanoUsd: 5_000_000 },
    { ListUnitPrice: "0.006", ListCost: "0.012", BilledCost: "0.012", PricingUnit: "Seconds" },
  ],
  [
    "of two rows at two prices",
    {
      source: "invoiced",
      nanoUsd: 14_000_000,
      units: 4,
      unit: "seconds",
      unitPriceNanoUsd: 5_000_000,
      subtotalNanoUsd: 14_000_000,
    },
    { ListUnitPrice: "0.0035", PricingQuantity: "4", ListCost: "0.014" },
  ],
])("a charge %s", async (_, cost, row) => {
  const { rows } = await printed([cost]);
  expect(rows[0]).toMatchObject(row);
});

test("what is no charge is said: free, unknown, or of unknown quantity", async () => {
  const costs: Cost[] = [
    measured(1, 5_000_000),
    measured(0, 5_000_000),
    { source: "measured", nanoUsd: 0, units: 0, savedNanoUsd: 5 },
    { source: "unknown", reason: "no_units" },
    { source: "estimated", nanoUsd: 7_000_000 },
  ];
  const { rows, left } = await printed(costs);
  expect(rows).toHaveLength(1);
  expect(focusNotes({ ...left, withoutAccount: 1 })).toEqual([
    "Left out: 1 call of unknown cost.",
    "Left out: 1 call of unknown quantity, which cost $0.007.",
    "Left out: 2 calls that cost nothing.",
    "FOCUS wants a BillingAccountId in each row: name the account with --billing-account.",
  ]);
  expect(focusNotes((await printed([measured(1, 1)])).left)).toEqual([]);
  const unbilled = { cost: undefined, error: { billed: false } } as CallRecord;
  expect(chargeOf(unbilled)).toBe("free");
});

describe("a closed month", () => {
  const OCT = Date.UTC(2026, 9, 1);
  const NOV = Date.UTC(2026, 10, 1);
  const AT = Date.UTC(2026, 10, 27);

  /** Three calls of October: one that is charged less since, one whose cost comes late, and one that stays. */
  async function closed() {
    const store = memoryStore();
    const ended = { data: 1, units: 2, waitSeconds: 1, runSeconds: 1 };
    for (const id of ["less", "late", "same"]) {
      await store.calls.intend(
        intentOf(id, { at: OCT + 5, endpoint: "acme/echo", userTags: { customer: id } }),
      );
      await store.calls.completed(
        id,
        { ...ended, ...(id !== "late" && { cost: measured(2, 5_000_000) }) },
        OCT + 9,
      );
    }
    await store.months.close(OCT, NOV);
    const bill = (nanoUsd: number) => ({ source: "invoiced", nanoUsd, units: 4, unit: "images" }) as const;
    await store.calls.charged("less", bill(8_000_000), AT);
    await store.calls.charged("late", bill(3_000_000), AT);
    return { store, fal: createFal({ env: ENV, store }) };
  }

  test("keeps its rows, and what came since is a correction of the month that it came in", async () => {
    const { fal } = await closed();
    const rows = rowsOf(await written(fal));
    expect(rows.flatMap((row) => problemsOfRow(row, "1.4"))).toEqual([]);
    const told = rows.map((row) => [
      ...[
        row["x_CallId"],
        row["ChargeClass"],
        row["BillingPeriodStart"]?.slice(0, 7),
        row["BilledCost"],
        row["PricingQuantity"],
      ],
    ]);
    expect(told.sort()).toEqual([
      ["late", "Correction", "2026-11", "0.003", ""],
      ["less", "", "2026-10", "0.01", "2"],
      ["less", "Correction", "2026-11", "-0.002", ""],
      ["same", "", "2026-10", "0.01", "2"],
    ]);
  });

  test("adds up to its report, as the month of its corrections does", async () => {
    const { fal } = await closed();
    for (const [since, until] of [
      ["2026-10", "2026-11"],
      ["2026-11", "2026-12"],
    ] as const) {
      const rows = rowsOf(await written(fal, { since, until }));
      const billed = rows.reduce((sum, row) => sum + Math.round(Number(row["BilledCost"]) * 1e9), 0);
      expect(billed).toBe((await fal.costs({ since, until })).total.nanoUsd);
    }
    const acme = rowsOf(await written(fal, { tags: { customer: "late" } }));
    expect(acme.map((row) => row["x_CallId"])).toEqual(["late"]);
  });
});

test("the account that was billed is the call's where that is known; units that the bill does not count are the result's", async () => {
  const cost = { source: "invoiced", nanoUsd: 5_000_000, percentDiscount: 50, unit: "images" } as const;
  const { rows, left } = await printed([cost], "1.4", { account: "studio" });
  expect(rows[0]).toMatchObject({
    BillingAccountId: "studio",
    PricingQuantity: "1",
    ListCost: "0.01",
    BilledCost: "0.005",
  });
  expect(left.withoutAccount).toBe(0);
});

test("what a spreadsheet would take for a formula is a text in it, and tags are JSON", async () => {
  const userTags = { customer: '=HYPERLINK("https://evil")', other: 'a "b", c\n' };
  const { rows } = await printed([measured(1, 1_000_000)], "1.4", { userTags, step: "=1+1" });
  expect(rows[0]?.["x_Step"]).toBe("'=1+1");
  expect(JSON.parse(rows[0]?.["Tags"] ?? "")).toMatchObject(userTags);
});

test.each([
  ["seconds", "Seconds"],
  ["second", "Seconds"],
  ["compute seconds", "Compute-Seconds"],
  ["image", "Images"],
  ["megapixels", "Megapixels"],
  ["1000 characters", "1000 Characters"],
  ["1m tokens", "1000000 Tokens"],
  ["1 request", "Requests"],
  ["GB", "GB"],
  ["video/second", "Video-Seconds"],
  ["", "Units"],
  [undefined, "Units"],
  ["<b>=x</b>", "Bx-b"],
])("%j is written %s", (unit, written) => expect(focusUnit(unit)).toBe(written));

test("a product has all its digits", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.bigInt({ min: 0n, max: 10n ** 20n }), (x, y) => {
      const [a, b] = [`${x}.${y}`, `${y}.${x}`];
      expect(isProduct(product(a, b), a, b)).toBe(true);
    }),
  );
});
