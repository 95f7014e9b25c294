/** Money is an integer of nano-dollars (USD × 10⁻⁹), and not knowing is a value. */
export type Cost =
  | {
      /** Billed units times the price of a unit. */
      readonly source: "measured";
      readonly nanoUsd: number;
      readonly units: number;
      readonly unit: string;
      readonly unitPriceNanoUsd: number;
    }
  | {
      readonly source: "unknown";
      /** `no_units`: fal did not say how much it bills. `no_price`: no price could be read. `failed`: it may be billed. */
      readonly reason: "no_units" | "no_price" | "failed";
      readonly units?: number;
    };

export interface UnitPrice {
  readonly unit: string;
  readonly unitPriceNanoUsd: number;
}

export function measuredCost(units: number | undefined, price: UnitPrice | undefined): Cost {
  if (units === undefined) return { source: "unknown", reason: "no_units" };
  if (!price) return { source: "unknown", reason: "no_price", units };
  const { unit, unitPriceNanoUsd } = price;
  return { source: "measured", nanoUsd: Math.round(units * unitPriceNanoUsd), units, unit, unitPriceNanoUsd };
}

/** A sum that says what it leaves out. */
export interface Total {
  readonly nanoUsd: number;
  readonly calls: number;
  /** Calls whose cost is not known, and so is not in the sum. */
  readonly unknown: number;
}

export const totalOf = (costs: readonly Cost[]): Total => ({
  nanoUsd: costs.reduce((sum, cost) => sum + (cost.source === "measured" ? cost.nanoUsd : 0), 0),
  calls: costs.length,
  unknown: costs.filter((cost) => cost.source === "unknown").length,
});

/** `$0.003`, exact to the nano-dollar and without trailing zeros; at least cents. */
export function formatUsd(nanoUsd: number): string {
  const digits = Math.abs(nanoUsd).toString().padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "").padEnd(2, "0");
  return `${nanoUsd < 0 ? "-" : ""}$${digits.slice(0, -9)}.${fraction}`;
}
