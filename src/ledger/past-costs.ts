import type { Kind, PastCost } from "../journal/kind.ts";
import { formatUsd } from "../money/cost.ts";

export interface HowCounted {
  /** Whether the price grows with the text and not with the number or length of what is made. */
  readonly isByText: boolean;
  /** Whether the same input costs more or less each time. */
  readonly isVariable: boolean;
}

export interface FromPast {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
  readonly count: number;
  readonly why: string;
}

/** So many calls of what varies say how far it does. */
const ENOUGH = 5;
/** How far it may, before that. */
const MARGIN = 1.5;

/**
 * What calls of a kind have cost tells what one more costs: the same where as much is asked for, else in proportion to that of
 * the nearest.
 *
 * @param past The newest first. @returns undefined where there are none.
 */
export function fromPast(past: readonly PastCost[], kind: Kind, how: HowCounted): FromPast | undefined {
  const sizeOf = (of: Pick<Kind, "amount" | "characters">) => (how.isByText ? of.characters : of.amount);
  const size = sizeOf(kind);
  const same = past.filter((call) => sizeOf(call) === size);
  if (same.length > 0) return widened(spreadOf(same), how);
  const sized = past.filter((call) => sizeOf(call) > 0);
  if (size <= 0 || sized.length === 0) return undefined;
  if (how.isByText) {
    const scaled = sized.map((call) => ({ ...call, nanoUsd: (call.nanoUsd / sizeOf(call)) * size }));
    return widened(spreadOf(scaled, "by the length of their texts"), how);
  }
  const distance = (call: PastCost) => Math.abs(Math.log(sizeOf(call) / size));
  const least = Math.min(...sized.map(distance));
  const nearest = sized.filter((call) => distance(call) === least);
  const { low, likely, high, count } = spreadOf(nearest);
  const factor = size / sizeOf(nearest[0] as PastCost);
  // Some prices do not grow with what is asked for.
  return widened(
    {
      low: capped(Math.min(low, low * factor)),
      likely: capped(likely * factor),
      high: capped(Math.max(high, high * factor)),
      count,
      why: `${calls(count)} in this ledger that asked for ${trimmed(1 / factor)} times as much cost ${amounts(low, high)}`,
    },
    how,
  );
}

function spreadOf(past: readonly PastCost[], scaled = ""): FromPast {
  const costs = past.map(({ nanoUsd }) => nanoUsd);
  const sorted = [...costs].sort((a, b) => a - b);
  const [low, high] = [capped(sorted[0] ?? 0), capped(sorted.at(-1) ?? 0)];
  // A price that has changed shows in the newest.
  const newest = costs.slice(0, ENOUGH).sort((a, b) => a - b);
  return {
    low,
    likely: capped(newest[Math.floor((newest.length - 1) / 2)] ?? 0),
    high,
    count: past.length,
    why: `${calls(past.length)} in this ledger cost ${amounts(low, high)}${scaled && `, ${scaled}`}`,
  };
}

function widened(known: FromPast, { isVariable }: HowCounted): FromPast {
  if (!isVariable || known.count >= ENOUGH || known.high === 0) return known;
  return {
    ...known,
    low: Math.floor(known.low / MARGIN),
    high: capped(known.high * MARGIN),
    why: `${known.why}, and ${known.count === 1 ? "one is" : "so few are"} not enough to say how far that varies`,
  };
}

const capped = (nanoUsd: number): number => Math.min(Math.round(nanoUsd), Number.MAX_SAFE_INTEGER);
const calls = (count: number): string => (count === 1 ? "one such call" : `${count} such calls`);
const amounts = (low: number, high: number): string =>
  low === high ? formatUsd(low) : `${formatUsd(low)} to ${formatUsd(high)}`;
const trimmed = (factor: number): string => String(Number(factor.toPrecision(3)));
