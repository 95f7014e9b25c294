import type { CallRecord } from "../../index.ts";
import { type Correction, monthOf } from "../../journal/months.ts";
import { beforeDiscount, decimal, formatUsd, knownNanoUsd } from "../../money/cost.ts";

/** What FOCUS calls a charge: a call with what was counted, and what one of it costs. */
export interface Charge {
  readonly call: CallRecord;
  /** When the month began that it is billed in. */
  readonly month: number;
  readonly billedNanoUsd: number;
  /** What all of it costs by the list, in dollars, as a decimal. */
  readonly listCost: string;
  /** How much of it there is. Undefined of a correction: what it corrects may be any of that. */
  readonly counted:
    | {
        /** In units of the endpoint's own kind, as a decimal. */
        readonly quantity: string;
        readonly unit: string | undefined;
        /** What one unit costs by the list: times the quantity it is the list cost, to the last digit. */
        readonly unitPrice: string;
      }
    | undefined;
}

/** Why a call is no charge: nothing was paid for it, nobody knows what, or nobody knows for how much of what. */
export type NoCharge = "free" | "unknown" | "unmeasured";

/** What a closed month did not know of a call is a charge of the month that it came in. */
export const correctionOf = (call: CallRecord, { at, nanoUsd }: Correction): Charge => ({
  ...{ call, month: monthOf(at), billedNanoUsd: nanoUsd, listCost: usdText(nanoUsd), counted: undefined },
});

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
  const counted = { quantity, unit, unitPrice };
  return {
    call,
    month: monthOf(call.intendedAt),
    billedNanoUsd,
    listCost: product(unitPrice, quantity),
    counted,
  };
}

/** What a closed month has of a call, without what came later: of how it came to that, only the units that the result said are known any more. */
export function bookedCost(
  { cost, usage }: CallRecord,
  corrections: readonly Correction[],
): CallRecord["cost"] {
  if (corrections.length === 0 || !cost || cost.source === "unknown") return cost;
  const nanoUsd = cost.nanoUsd - corrections.reduce((sum, one) => sum + one.nanoUsd, 0);
  // Nothing was known of it then.
  if (nanoUsd === 0) return undefined;
  return { source: "measured", nanoUsd, units: usage?.units ?? cost.units, unit: cost.unit };
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
