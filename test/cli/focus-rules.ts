/**
 * What FOCUS asks of a Cost and Usage dataset, as far as usage in one currency goes: by column, and between columns. Written
 * from the specification (https://focus.finops.org), not from what we print.
 */

export type Row = Readonly<Record<string, string>>;
export type Version = "1.4" | "1.3";

interface Column {
  readonly is: RegExp;
  readonly mayBeNull?: true;
}

const ANY = /^.+$/s;
const DECIMAL = /^-?\d+(\.\d+)?$/;
const NOT_NEGATIVE = /^\d+(\.\d+)?$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const MIDNIGHT_OF_FIRST = /^\d{4}-\d\d-01T00:00:00Z$/;

/** Mandatory in both versions. */
const MANDATORY: Readonly<Record<string, Column>> = {
  BilledCost: { is: DECIMAL },
  BillingAccountId: { is: ANY },
  BillingAccountName: { is: ANY, mayBeNull: true },
  BillingCurrency: { is: /^[A-Z]{3}$/ },
  BillingPeriodEnd: { is: MIDNIGHT_OF_FIRST },
  BillingPeriodStart: { is: MIDNIGHT_OF_FIRST },
  ChargeCategory: { is: /^(Usage|Purchase|Tax|Credit|Adjustment)$/ },
  ChargeClass: { is: /^Correction$/, mayBeNull: true },
  ChargeDescription: { is: ANY, mayBeNull: true },
  ChargePeriodEnd: { is: TIME },
  ChargePeriodStart: { is: TIME },
  ContractedCost: { is: DECIMAL },
  EffectiveCost: { is: DECIMAL },
  HostProviderName: { is: ANY },
  InvoiceIssuerName: { is: ANY },
  ListCost: { is: DECIMAL },
  PricingQuantity: { is: DECIMAL, mayBeNull: true },
  PricingUnit: { is: ANY, mayBeNull: true },
  ServiceCategory: { is: /^AI and Machine Learning$/ },
  ServiceName: { is: ANY },
  ServiceProviderName: { is: ANY },
};

/** Recommended, or mandatory where there are units with prices, their measurement, and tags, as with fal. */
const CONDITIONAL: Readonly<Record<string, Column>> = {
  ChargeFrequency: { is: /^(One-Time|Recurring|Usage-Based)$/ },
  ConsumedQuantity: { is: DECIMAL, mayBeNull: true },
  ConsumedUnit: { is: ANY, mayBeNull: true },
  ListUnitPrice: { is: NOT_NEGATIVE, mayBeNull: true },
  ServiceSubcategory: {
    is: /^(AI Platforms|Bots|Generative AI|Machine Learning|Natural Language Processing|Other \(AI and Machine Learning\))$/,
  },
  SkuId: { is: ANY, mayBeNull: true },
  SkuMeter: { is: ANY, mayBeNull: true },
  SkuPriceDetails: { is: /^\{.*\}$/, mayBeNull: true },
  SkuPriceId: { is: ANY, mayBeNull: true },
  Tags: { is: /^\{.*\}$/, mayBeNull: true },
};

const OF_1_3: Readonly<Record<string, Column>> = { ProviderName: { is: ANY }, PublisherName: { is: ANY } };
const GONE_SINCE_1_4 = Object.keys(OF_1_3);

const TIME_UNITS = ["Year", "Month", "Day", "Hour", "Minute", "Second", "Millisecond", "Microsecond"];
const DATA = /^(b|B|[KMGTPE]i?[bB])$/;

/** `<quantity> <Units>`, in which several base units are joined by hyphens. */
function isUnit(text: string): boolean {
  const [, , names = ""] = /^([1-9]\d* )?(\S+)$/.exec(text) ?? [];
  const bases = names.split("-");
  return names !== "" && bases.every((base, n) => isBase(base, n === bases.length - 1));
}

function isBase(base: string, isLast: boolean): boolean {
  if (DATA.test(base)) return true;
  if (!/^[\p{Lu}\p{N}]/u.test(base)) return false;
  const asTime = TIME_UNITS.find((unit) => base.toLowerCase().replace(/s$/, "") === unit.toLowerCase());
  if (asTime) return base === (isLast ? `${asTime}s` : asTime);
  return !isLast || /s$|\P{L}$/u.test(base);
}

interface Rule {
  readonly says: string;
  readonly holds: (row: Row) => boolean;
}

const is = (row: Row, name: string): boolean => (row[name] ?? "") !== "";
const isUsage = ({ ChargeCategory, ChargeClass }: Row) =>
  ChargeCategory === "Usage" && ChargeClass !== "Correction";

/** Without floating point: both as whole numbers of the same fraction. */
export function isProduct(product = "", a = "", b = ""): boolean {
  const places = [product, a, b].map((text) => text.split(".")[1]?.length ?? 0);
  const [p, x, y] = [product, a, b].map((text) => BigInt(text.replace(".", ""))) as [bigint, bigint, bigint];
  const [forP = 0, forX = 0, forY = 0] = places;
  return p * 10n ** BigInt(forX + forY) === x * y * 10n ** BigInt(forP);
}

const RULES: readonly Rule[] = [
  {
    says: "usage has a SKU, its price, a quantity and units",
    holds: (row) =>
      !isUsage(row) ||
      [
        "SkuId",
        "SkuPriceId",
        "ListUnitPrice",
        "PricingQuantity",
        "PricingUnit",
        "ConsumedQuantity",
        "ConsumedUnit",
      ].every((name) => is(row, name)),
  },
  {
    says: "what belongs to a SKU is null without one",
    holds: (row) => is(row, "SkuId") || (!is(row, "SkuMeter") && !is(row, "SkuPriceId")),
  },
  {
    says: "what belongs to a SKU's price is null without one",
    holds: (row) =>
      is(row, "SkuPriceId") ||
      ["PricingQuantity", "PricingUnit", "ListUnitPrice", "ConsumedQuantity", "SkuPriceDetails"].every(
        (name) => !is(row, name),
      ),
  },
  {
    says: "a unit goes with its quantity",
    holds: (row) =>
      is(row, "PricingUnit") === is(row, "PricingQuantity") &&
      is(row, "ConsumedUnit") === is(row, "ConsumedQuantity"),
  },
  {
    says: "units are written in the unit format",
    holds: ({ PricingUnit = "", ConsumedUnit = "" }) =>
      [PricingUnit, ConsumedUnit].every((unit) => unit === "" || isUnit(unit)),
  },
  {
    says: "ListCost is ListUnitPrice times PricingQuantity",
    holds: (row) =>
      !is(row, "ListUnitPrice") ||
      !is(row, "PricingQuantity") ||
      isProduct(row["ListCost"], row["ListUnitPrice"], row["PricingQuantity"]),
  },
  {
    says: "ContractedCost is ListCost where no price was negotiated",
    holds: (row) => "ContractedUnitPrice" in row || row["ContractedCost"] === row["ListCost"],
  },
  {
    says: "periods end after they begin, and a charge lies in its billing period or is a correction",
    holds: (row) => {
      const at = (name: string) => Date.parse(row[name] ?? "");
      const isWithin =
        at("ChargePeriodStart") >= at("BillingPeriodStart") &&
        at("ChargePeriodStart") < at("BillingPeriodEnd");
      const isOrdered =
        at("ChargePeriodEnd") > at("ChargePeriodStart") && at("BillingPeriodEnd") > at("BillingPeriodStart");
      return isOrdered && isWithin === (row["ChargeClass"] !== "Correction");
    },
  },
  {
    says: "JSON is an object of plain values; keys of a price's details are custom ones, in PascalCase",
    holds: ({ Tags = "", SkuPriceDetails = "" }) => {
      const plain = (text: string) =>
        text === "" ||
        Object.values(JSON.parse(text) as object).every(
          (value) => typeof value !== "object" || value === null,
        );
      const keys = SkuPriceDetails === "" ? [] : Object.keys(JSON.parse(SkuPriceDetails) as object);
      return plain(Tags) && plain(SkuPriceDetails) && keys.every((key) => /^x_[A-Z][A-Za-z]*$/.test(key));
    },
  },
];

/** What of the head is wrong: columns that are missing, gone, or in the wrong place. */
export function problemsOfHead(head: readonly string[], version: Version): string[] {
  const wanted = Object.keys({ ...MANDATORY, ...CONDITIONAL, ...(version === "1.3" && OF_1_3) });
  const known = new Set(wanted);
  const custom = head.findIndex((name) => name.startsWith("x_"));
  return [
    ...wanted.filter((name) => !head.includes(name)).map((name) => `${name} is missing`),
    ...(version === "1.4"
      ? GONE_SINCE_1_4.filter((name) => head.includes(name)).map((name) => `${name} is gone`)
      : []),
    ...head
      .filter((name) => !known.has(name) && !/^x_[A-Z]/.test(name))
      .map((name) => `${name} is no column`),
    ...head
      .slice(custom)
      .filter((name) => !name.startsWith("x_"))
      .map((name) => `${name} is after custom ones`),
  ];
}

export function problemsOfRow(row: Row, version: Version): string[] {
  const columns = { ...MANDATORY, ...CONDITIONAL, ...(version === "1.3" && OF_1_3) };
  return [
    ...Object.entries(columns).flatMap(([name, { is, mayBeNull }]) => {
      const value = row[name] ?? "";
      if (value === "") return mayBeNull ? [] : [`${name} is null`];
      return is.test(value) ? [] : [`${name} is ${value}`];
    }),
    ...RULES.filter(({ holds }) => !holds(row)).map(({ says }) => says),
  ];
}
