import type { CallRecord } from "../../journal/call.ts";
import {
  type ClosedMonth,
  type Correction,
  changeOf,
  type MonthJournal,
  mayBeClosed,
  monthAfter,
  monthOf,
} from "../../journal/months.ts";
import type { Corrected } from "../../journal/spend-of.ts";
import type { Cost } from "../../money/cost.ts";

/** Which months are closed, and what came of their calls since. */
export interface KeptMonths {
  readonly closed: Map<number, ClosedMonth>;
  readonly corrections: (Correction & { readonly like: CallRecord })[];
  /** What calls of closed months are booked with, where it is not what is known of their cost. By call. */
  readonly booked: Map<string, Cost | undefined>;
}

export const keptMonths = (): KeptMonths => ({ closed: new Map(), corrections: [], booked: new Map() });

export const monthJournal = ({ closed, corrections }: KeptMonths): MonthJournal => ({
  async close(month, at) {
    const one = closed.get(month) ?? { month, closedAt: at };
    closed.set(month, one);
    return one;
  },
  closed: async () => [...closed.values()].sort((a, b) => a.month - b.month),
  corrections: async ({ since = -Infinity, until = Infinity, month } = {}) =>
    corrections
      .filter((one) => one.at >= since && one.at < until && (month === undefined || one.month === month))
      .map(({ like, ...correction }) => correction)
      .sort((a, b) => a.at - b.at),
});

/** A call is said to cost something else now: what its closed month is booked with stays. */
export function correct(months: KeptMonths, before: CallRecord, after: CallRecord, at: number): void {
  const { closed, corrections, booked } = months;
  const month = monthOf(before.intendedAt);
  if (!after.cost || after.cost === before.cost) return;
  if (!mayBeClosed(before.intendedAt, at) || !closed.has(month)) return;
  if (!booked.has(before.id)) booked.set(before.id, before.cost);
  const nanoUsd = changeOf(before.cost, after.cost);
  if (nanoUsd === 0) return;
  let arrival = Math.max(monthOf(at), monthAfter(month));
  while (closed.has(arrival)) arrival = monthAfter(arrival);
  const like = { ...after, body: undefined, outcome: undefined };
  corrections.push({ callId: before.id, month, at: Math.max(at, arrival), nanoUsd, cost: after.cost, like });
}

/** As its month has it. */
export const bookedCall = ({ booked }: KeptMonths, call: CallRecord): CallRecord =>
  booked.has(call.id) ? { ...call, cost: booked.get(call.id) } : call;

export const correctedCalls = ({ corrections }: KeptMonths): Corrected[] =>
  corrections.map(({ like, at, nanoUsd, cost }) => ({ like, at, nanoUsd, source: cost.source }));
