import type { CallRecord } from "../journal/call.ts";
import { givenUpText } from "../journal/given-up.ts";
import type { Total } from "../ledger/cost.ts";
import { type Cost, formatUsd } from "../money/cost.ts";

/** `2026-11-24 12:50:25`, in UTC: the days of a bill are UTC's. */
export const timeText = (at: number): string => new Date(at).toISOString().slice(0, 19).replace("T", " ");

const REASONS = { no_units: "units unknown", no_price: "price unknown", failed: "may be billed" };

export const costText = (cost: Cost): string =>
  cost.source === "unknown" ? REASONS[cost.reason] : formatUsd(cost.nanoUsd);

/** The sum of what calls cost, and of how many the cost is not known. */
export const totalText = ({ nanoUsd, unknown }: Total): string =>
  unknown === 0 ? formatUsd(nanoUsd) : `${formatUsd(nanoUsd)} + ${unknown} unknown`;

/** Why a call is ambiguous or given up. */
export function whyText({ state, doubt, givenUp }: CallRecord): string | undefined {
  if (givenUp !== undefined) return givenUpText(givenUp);
  return state === "ambiguous" ? doubt : undefined;
}
