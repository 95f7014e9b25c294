import { type Cost, formatUsd, type Total } from "../money/cost.ts";

/** `2026-11-24 12:50:25`, in UTC: the days of a bill are UTC's. */
export const timeText = (at: number): string => new Date(at).toISOString().slice(0, 19).replace("T", " ");

const REASONS = {
  no_units: "units unknown",
  no_price: "price unknown",
  failed: "may be billed",
  implausible: "cannot be meant",
};

export const costText = (cost: Cost): string =>
  cost.source === "unknown" ? REASONS[cost.reason] : formatUsd(cost.nanoUsd);

/** The sum of what calls cost, and of how many the cost is not known. */
export const totalText = ({ nanoUsd, unknown }: Total): string =>
  unknown === 0 ? formatUsd(nanoUsd) : `${formatUsd(nanoUsd)} + ${unknown} unknown`;
