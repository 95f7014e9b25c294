import { type Cost, isPlausible, type UnitPrice } from "../money/cost.ts";

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
