import { StoreError } from "../../errors/store.ts";
import { type BudgetUse, type BudgetUseQuery, type Overrun, TOLD_OVERRUNS } from "../../journal/spend.ts";
import type { Reservation } from "../../money/cost.ts";
import type { CallFacts } from "../call-changes.ts";
import {
  assertRoom,
  inOrder,
  moved,
  NOTHING_USED,
  shareOf,
  type Used,
  type Window,
  windowOrder,
} from "../reservations.ts";
import { insert, select, update } from "./tables.ts";
import { query, type Row, type Statement, type Work } from "./work.ts";

/** @throws {BudgetExceededError} */
export function* reserve(call: CallFacts, wanted: readonly Reservation[] | undefined): Work<void> {
  for (const reservation of inOrder(wanted)) {
    const { budget, window, nanoUsd } = reservation;
    assertRoom(reservation, yield* lockedWindow(reservation));
    yield* add(reservation, shareOf(call, nanoUsd));
    const limit = { limit_nano: reservation.limitNanoUsd };
    yield* update("budgets", limit, { "budget =": budget, "window_start =": window });
    yield* insert("reservations", { call: call.id, budget, window_start: window, nano: nanoUsd });
  }
}

/** A call has changed, and with it perhaps what it takes of the budgets that it reserved from. */
export function* budgetsFollow(before: CallFacts, after: CallFacts): Work<void> {
  if (isSameShare(shareOf(before, 1), shareOf(after, 1))) return;
  const rows = yield select("budget, window_start, nano", "reservations", { "call =": after.id });
  for (const { nanoUsd, ...window } of rows.map(reservationOf).sort(windowOrder)) {
    yield* add(window, moved(NOTHING_USED, shareOf(before, nanoUsd), shareOf(after, nanoUsd)));
  }
}

const reservationOf = (row: Row) => ({
  budget: row["budget"] as string,
  window: row["window_start"] as number,
  nanoUsd: row["nano"] as number,
});

const isSameShare = (a: Used, b: Used): boolean =>
  a.chargedNanoUsd === b.chargedNanoUsd && a.reservedNanoUsd === b.reservedNanoUsd;

/** The window's running totals, which nobody else changes until the transaction ends. */
function* lockedWindow({ budget, window }: Window): Work<Used> {
  const where = { "budget =": budget, "window_start =": window };
  const look = select("charged, reserved", "budgets", where, "for update");
  let [row] = yield look;
  if (!row) {
    const empty = { budget, window_start: window, charged: 0, reserved: 0 };
    yield* insert("budgets", empty, "on conflict (budget, window_start) do nothing");
    [row] = yield look;
  }
  const { charged, reserved } = row ?? {};
  if (typeof charged !== "number" || typeof reserved !== "number") {
    throw new StoreError(
      `What the store has of the budget ${budget} is no amount: it was changed by something else. Nothing was sent. ` +
        "Correct its row in the table budgets.",
      { isOfValue: true },
    );
  }
  return { chargedNanoUsd: charged, reservedNanoUsd: reserved };
}

const add = ({ budget, window }: Window, { chargedNanoUsd, reservedNanoUsd }: Used) =>
  query(
    "update @budgets set charged = charged + $1, reserved = reserved + $2 where budget = $3 and window_start = $4",
    ...[chargedNanoUsd, reservedNanoUsd, budget, window],
  );

export const usedWhere = ({ budget, beginsWith, window }: BudgetUseQuery): Statement =>
  select("budget, window_start, charged, reserved, limit_nano", "budgets", {
    "budget =": budget,
    [`substr(budget, 1, ${beginsWith?.length ?? 0}) =`]: beginsWith,
    "window_start =": window,
  });

export const overrunsOf = (budget: string, window: number): Statement => ({
  sql: `select r.call, c.endpoint, r.nano, c.cost_nano from @reservations r join @calls c on c.id = r.call where ${[
    "r.budget = $1 and r.window_start = $2 and c.cost_nano > r.nano",
    `order by c.cost_nano - r.nano desc, c.seq limit ${TOLD_OVERRUNS}`,
  ].join(" ")}`,
  params: [budget, window],
});

export const overrunOf = (row: Row): Overrun => ({
  callId: String(row["call"]),
  endpoint: String(row["endpoint"]),
  reservedNanoUsd: Number(row["nano"]),
  chargedNanoUsd: Number(row["cost_nano"]),
});

export function* firstToSay(what: string, at: number): Work<boolean> {
  const rows = yield* insert("told", { what, at }, "on conflict (what) do nothing returning what");
  return rows.length > 0;
}

export const budgetUse = (row: Row): BudgetUse => ({
  budget: row["budget"] as string,
  window: row["window_start"] as number,
  chargedNanoUsd: row["charged"] as number,
  reservedNanoUsd: row["reserved"] as number,
  limitNanoUsd: typeof row["limit_nano"] === "number" ? row["limit_nano"] : undefined,
});
