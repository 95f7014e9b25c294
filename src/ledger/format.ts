import { type Cost, formatUsd, type Total } from "../money/cost.ts";

/** `1 megapixel`, `2.5 seconds`: what fal billed, in its own unit where that is known. */
export function formatUnits(units: number, cost: Cost | undefined): string {
  const unit = (cost && cost.source !== "unknown" && cost.unit) || "units";
  return `${Number(units.toPrecision(12))} ${units === 1 ? unit.replace(/s$/, "") : unit}`;
}

/** The same in a column beside others: `2.5 compute s`. */
export const formatUnitsShort = (units: number, cost: Cost | undefined): string =>
  formatUnits(units, cost).replace(/ seconds?$/, " s");

/** What calls cost; `unknown` where that is known of none, since $0.00 would read as free. */
export const formatSum = ({ nanoUsd, calls, unknown }: Total): string =>
  calls > 0 && unknown === calls ? "unknown" : formatUsd(nanoUsd);

/** `12 %`; empty where there is nothing to have a share of. */
export function formatShare(part: number, whole: number): string {
  if (part <= 0 || whole <= 0) return "";
  const percent = (part / whole) * 100;
  return percent < 0.5 ? "< 1 %" : `${percent.toFixed(0)} %`;
}

/** `1.7 s`, `12.0 min`, `3.4 h` */
export function formatDuration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
