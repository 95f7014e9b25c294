import type { Clock } from "../base/clock.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { monthAfter } from "../journal/months.ts";
import type { Store } from "../journal/store.ts";
import { type CostSum, sumOf } from "./sum.ts";

/** A month of UTC's that is closed. */
export interface ClosedMonthCosts {
  /** `2026-10` */
  readonly month: string;
  /** Milliseconds since the epoch. */
  readonly closedAt: number;
  /** What it has been closed with: it never changes. */
  readonly sum: CostSum;
  /** What came of its calls since. It belongs to the months that it came in. */
  readonly correctedSince: { readonly count: number; readonly nanoUsd: number };
}

type ClosingStore = Pick<Store, "spend" | "months">;

/**
 * Closes a month: what its calls are said to cost from then on is a correction in the month that it comes in. Closing it again
 * changes nothing, whoever does.
 *
 * @param name `2026-10`: UTC's, as fal's own months are.
 * @throws {InvalidArgumentError} for what is no month, or one that is not over.
 */
export async function closeMonth(store: ClosingStore, clock: Clock, name: string): Promise<ClosedMonthCosts> {
  const month = monthNamed(name);
  const now = clock.now();
  if (monthAfter(month) > now) {
    throw new InvalidArgumentError(
      `${name} is not over: it ends on ${new Date(monthAfter(month)).toISOString().replace(".000Z", "Z")}. Close it then, best ` +
        "after a last reconcile.",
    );
  }
  const { closedAt } = await store.months.close(month, now);
  return costsOf(store, month, closedAt);
}

/** Those that are closed, the earliest first. */
export async function closedMonths(store: ClosingStore): Promise<readonly ClosedMonthCosts[]> {
  const months: ClosedMonthCosts[] = [];
  for (const { month, closedAt } of await store.months.closed()) {
    months.push(await costsOf(store, month, closedAt));
  }
  return months;
}

async function costsOf(store: ClosingStore, month: number, closedAt: number): Promise<ClosedMonthCosts> {
  const corrections = await store.months.corrections({ month });
  return {
    month: monthText(month),
    closedAt,
    sum: sumOf(await store.spend({ by: [], since: month, until: monthAfter(month) })),
    correctedSince: {
      count: corrections.length,
      nanoUsd: corrections.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0),
    },
  };
}

/** `2026-10` */
export const monthText = (month: number): string => new Date(month).toISOString().slice(0, 7);

/** @throws {InvalidArgumentError} */
export function monthNamed(name: string): number {
  const month = /^\d{4}-\d\d$/.test(name) ? Date.parse(`${name}-01T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(month)) return month;
  throw new InvalidArgumentError(`${JSON.stringify(name)} is not a month. It reads 2026-10.`);
}
