import {
  type ClosedMonth,
  type Correction,
  type CorrectionQuery,
  changeOf,
  mayBeClosed,
  monthAfter,
  monthOf,
} from "../../journal/months.ts";
import type { Cost } from "../../money/cost.ts";
import type { CallFacts } from "../call-changes.ts";
import { correctionCost } from "./columns.ts";
import { insert, select, update } from "./tables.ts";
import type { Row, Statement, Work } from "./work.ts";

/** @returns when it was closed: now, or before. */
export function* closeMonth(month: number, at: number): Work<ClosedMonth> {
  const closed = yield* lockedMonth(month);
  if (closed === undefined) yield* update("months", { closed_at: at }, { "month =": month });
  return { month, closedAt: closed ?? at };
}

/**
 * A call is said to cost something else now. In a closed month what it is booked with stays, and the difference is noted where
 * it comes in: in the first month from then on that is open. Calls of months that nobody can have closed take no look.
 *
 * @returns whether its month is closed.
 */
export function* correct(before: CallFacts, cost: Cost, at: number): Work<boolean> {
  if (!mayBeClosed(before.intendedAt, at)) return false;
  const month = monthOf(before.intendedAt);
  if ((yield* lockedMonth(month)) === undefined) return false;
  const nanoUsd = changeOf(before.cost, cost);
  if (nanoUsd === 0) return true;
  let arrival = Math.max(monthOf(at), monthAfter(month));
  // Always the earlier one first, so that nobody waits for each other for ever.
  while ((yield* lockedMonth(arrival)) !== undefined) arrival = monthAfter(arrival);
  yield* insert("corrections", {
    call: before.id,
    call_month: month,
    arrived_at: Math.max(at, arrival),
    delta_nano: nanoUsd,
    delta_source: cost.source,
    delta_cost: JSON.stringify(cost),
  });
  return true;
}

/** When it was closed; nobody closes it until the transaction ends. */
function* lockedMonth(month: number): Work<number | undefined> {
  const look = select("closed_at", "months", { "month =": month }, "for update");
  let [row] = yield look;
  if (!row) {
    yield* insert("months", { month, closed_at: null }, "on conflict (month) do nothing");
    [row] = yield look;
  }
  return typeof row?.["closed_at"] === "number" ? row["closed_at"] : undefined;
}

export const closedMonths = (): Statement =>
  select("month, closed_at", "months", { "closed_at >=": 0 }, "order by month");

export const closedMonth = (row: Row): ClosedMonth => ({
  month: Number(row["month"]),
  closedAt: Number(row["closed_at"]),
});

export const correctionsWhere = ({ since, until, month }: CorrectionQuery): Statement =>
  select(
    "call, call_month, arrived_at, delta_nano, delta_cost as cost",
    "corrections",
    { "arrived_at >=": since, "arrived_at <": until, "call_month =": month },
    "order by arrived_at, number",
  );

export const correctionOf = (row: Row): Correction => ({
  callId: String(row["call"]),
  month: Number(row["call_month"]),
  at: Number(row["arrived_at"]),
  nanoUsd: Number(row["delta_nano"]),
  cost: correctionCost(row),
});
