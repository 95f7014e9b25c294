/** What fal asks for one unit. A unit may be an image, a megapixel, a second: never take it for a price per output. */
export interface UnitPrice {
  readonly unit: string;
  /** As exact as fal tells it, so it may be a fraction of a nano-dollar: only what is to be paid is whole. */
  readonly unitPriceNanoUsd: number;
  /** When it was read, in milliseconds since the epoch. */
  readonly at?: number | undefined;
}

/** Money is an integer of nano-dollars (USD × 10⁻⁹), and not knowing is a value. */
export type Cost =
  | {
      /**
       * `estimated`: expected before it ran. `measured`: the units that fal billed times the price of a unit.
       * `invoiced`: what fal's billing says.
       */
      readonly source: "estimated" | "measured" | "invoiced";
      readonly nanoUsd: number;
      readonly units?: number | undefined;
      readonly unit?: string | undefined;
      /** May be a fraction of a nano-dollar. */
      readonly unitPriceNanoUsd?: number | undefined;
      /** When the price was read, in milliseconds since the epoch. */
      readonly pricedAt?: number | undefined;
      /** Of an invoiced cost: what had been measured before the bill said so. */
      readonly measuredNanoUsd?: number | undefined;
      /** Of an invoiced cost: before discounts. */
      readonly subtotalNanoUsd?: number | undefined;
      /**
       * Of a call that was given another one's result and cost nothing: what that one had cost; 0 where it is not known. Absent
       * for every other call.
       */
      readonly savedNanoUsd?: number | undefined;
      /** Of an invoiced cost: what was taken off, of a hundred. */
      readonly percentDiscount?: number | undefined;
      /** Of an invoiced cost: whose bill it is on, where that could be had. */
      readonly account?: string | undefined;
    }
  | {
      readonly source: "unknown";
      /**
       * `no_units`: fal did not say how much it bills. `no_price`: no price could be read. `failed`: it may be billed.
       * `implausible`: its units and their price make more than 100,000 dollars.
       */
      readonly reason: "no_units" | "no_price" | "failed" | "implausible";
      readonly units?: number | undefined;
    };

/** More than a request costs: $100,000. An answer that makes more of it is a mistake, or made to break a ledger. */
export const MOST_NANO_USD = 1e14;

/** Whether a request can have cost so much. */
export const isPlausible = (nanoUsd: unknown): nanoUsd is number =>
  typeof nanoUsd === "number" && nanoUsd >= 0 && nanoUsd <= MOST_NANO_USD;

/** What a call cost, where that is known. */
export const knownNanoUsd = (cost: Cost | undefined): number | undefined =>
  cost && cost.source !== "unknown" ? cost.nanoUsd : undefined;

/** What an invoiced cost was before its discount; undefined where the bill does not tell. */
export function beforeDiscount(cost: Exclude<Cost, { readonly source: "unknown" }>): number | undefined {
  const { nanoUsd, subtotalNanoUsd, percentDiscount = 0 } = cost;
  if (subtotalNanoUsd !== undefined) return subtotalNanoUsd;
  return percentDiscount > 0 && percentDiscount < 100
    ? Math.round((nanoUsd * 100) / (100 - percentDiscount))
    : undefined;
}

/** What a call saved that was given another one's result; undefined for any other. */
export const savedNanoUsd = (cost: Cost | undefined): number | undefined =>
  cost && cost.source !== "unknown" ? cost.savedNanoUsd : undefined;

/** A part of a budget that is set aside before a submit. */
export interface Reservation {
  /** What is limited, such as `run:poster/order-1042` or `tag:customer=acme`. */
  readonly budget: string;
  /** The start of the window that it counts in, in milliseconds since the epoch; 0 where there is only one. */
  readonly window: number;
  readonly limitNanoUsd: number;
  readonly nanoUsd: number;
}

/** `0.0000001`, never `1e-7`. */
export const decimal = (number: number): string =>
  String(number).includes("e") ? number.toFixed(20).replace(/\.?0+$/, "") : String(number);

/** A price in dollars, without what makes 0.00111 dollars 1110000.0000000002 nano-dollars. */
export const priceInNanoUsd = (usd: number): number => Number((usd * 1e9).toPrecision(15));

/** `$0.003`, exact and without trailing zeros; at least cents. */
export function formatUsd(nanoUsd: number | bigint): string {
  const amount = nanoUsd < 0 ? -nanoUsd : nanoUsd;
  const [whole = "", part = ""] = (typeof amount === "bigint" ? String(amount) : decimal(amount)).split(".");
  const digits = whole.padStart(10, "0");
  const fraction = `${digits.slice(-9)}${part}`.replace(/0+$/, "").padEnd(2, "0");
  return `${nanoUsd < 0 ? "-" : ""}$${digits.slice(0, -9)}.${fraction}`;
}

/** What the units that fal billed cost. */
export function measuredCost(units: number | undefined, price: UnitPrice | undefined): Cost {
  if (units === undefined) return { source: "unknown", reason: "no_units" };
  if (!price) return { source: "unknown", reason: "no_price", units };
  const { unit, unitPriceNanoUsd, at } = price;
  const nanoUsd = Math.round(units * unitPriceNanoUsd);
  if (!isPlausible(nanoUsd)) return { source: "unknown", reason: "implausible", units };
  return {
    source: "measured",
    nanoUsd,
    units,
    unit,
    unitPriceNanoUsd,
    ...(at !== undefined && { pricedAt: at }),
  };
}

/** A sum that says what it leaves out. */
export interface Total {
  readonly nanoUsd: number;
  readonly calls: number;
  /** Calls whose cost is not known, and so is not in the sum. */
  readonly unknown: number;
}

export const totalOf = (costs: readonly Cost[]): Total => ({
  nanoUsd: costs.reduce((sum, cost) => sum + (cost.source === "unknown" ? 0 : cost.nanoUsd), 0),
  calls: costs.length,
  unknown: costs.filter((cost) => cost.source === "unknown").length,
});

/** More than a request can have, whatever its unit is. */
const MOST_UNITS = 1e12;

const HEADER = "x-fal-billable-units";

/**
 * What fal bills, in the endpoint's priced unit; undefined where it does not say, or says no amount
 * that can be meant.
 * Source: https://fal.ai/docs/documentation/model-apis/common-parameters
 */
export function billableUnits(headers: Headers | undefined): number | undefined {
  const said = headers?.get(HEADER)?.trim();
  const units = said ? Number(said) : Number.NaN;
  return units >= 0 && units <= MOST_UNITS ? units : undefined;
}
