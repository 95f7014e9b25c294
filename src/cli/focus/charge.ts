import type { CallRecord } from "../../index.ts";
import { beforeDiscount, decimal, formatUsd, knownNanoUsd } from "../../money/cost.ts";

/** What FOCUS calls a charge: a call with what was counted, and what one of it costs. */
export interface Charge {
  readonly call: CallRecord;
  readonly billedNanoUsd: number;
  /** In units of the endpoint's own kind, as a decimal. */
  readonly quantity: string;
  readonly unit: string | undefined;
  /** What one unit costs by the list, and what all of them do: exactly the product. In dollars, as decimals. */
  readonly unitPrice: string;
  readonly listCost: string;
}

/** Why a call is no charge: nothing was paid for it, nobody knows what, or nobody knows for how much of what. */
export type NoCharge = "free" | "unknown" | "unmeasured";

/** FOCUS takes a charge only with its quantity and the price of one. */
export function chargeOf(call: CallRecord): Charge | NoCharge {
  const { cost, error } = call;
  const billedNanoUsd = knownNanoUsd(cost);
  if (!cost || cost.source === "unknown" || billedNanoUsd === undefined)
    return error?.billed === false ? "free" : "unknown";
  // A bill that counts nothing has an amount for what the result said.
  const { units = call.usage?.units ?? 0, unit } = cost;
  const listed = listNanoUsd(cost);
  if (listed === 0 && billedNanoUsd === 0) return "free";
  if (!(units > 0)) return "unmeasured";
  const unitPrice = usdText(unitPriceFor(listed, units, cost.unitPriceNanoUsd));
  const quantity = decimal(units);
  return { call, billedNanoUsd, quantity, unit, unitPrice, listCost: product(unitPrice, quantity) };
}

type Known = Exclude<CallRecord["cost"], undefined | { source: "unknown" }>;

/** Before discounts. A bill that does not say it is taken at its word, or at the price that it was made with where that is more. */
function listNanoUsd(cost: Known): number {
  const { nanoUsd, units = 0, unitPriceNanoUsd = 0 } = cost;
  return beforeDiscount(cost) ?? Math.max(nanoUsd, Math.round(units * unitPriceNanoUsd));
}

/** The price as it was read; where several were charged at different ones, what a unit of it cost on the whole. */
function unitPriceFor(listed: number, units: number, unitPriceNanoUsd: number | undefined): number {
  const isListed = unitPriceNanoUsd !== undefined && Math.abs(units * unitPriceNanoUsd - listed) < 1;
  return isListed ? unitPriceNanoUsd : Number((listed / units).toPrecision(15));
}

/** `0.003`: exact. */
const usdText = (nanoUsd: number): string => formatUsd(nanoUsd).replace("$", "");

/** Of two decimals, to the last digit. */
export function product(a: string, b: string): string {
  const [x, y] = [a, b].map((text) => ({ digits: BigInt(text.replace(".", "")), places: placesOf(text) }));
  if (!x || !y) return "0";
  const places = x.places + y.places;
  const digits = String(x.digits * y.digits).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  return `${whole}.${fraction.padEnd(2, "0")}`;
}

const placesOf = (text: string): number => text.split(".")[1]?.length ?? 0;
