import type { Reservation } from "../../base/cost.ts";
import type { CallFacts } from "../call-changes.ts";
import { assertRoom, inOrder, moved, NOTHING_USED, shareOf, type Used } from "../reservations.ts";
import { insert, select } from "./tables.ts";
import { query, type Work } from "./work.ts";

type Window = Pick<Reservation, "budget" | "window">;

/** @throws {BudgetExceededError} */
export function* reserve(call: CallFacts, wanted: readonly Reservation[] | undefined): Work<void> {
  for (const reservation of inOrder(wanted)) {
    const { budget, window, nanoUsd } = reservation;
    assertRoom(reservation, yield* lockedWindow(reservation));
    yield* add(reservation, shareOf(call, nanoUsd));
    yield* insert("reservations", { call: call.id, budget, window_start: window, nano: nanoUsd });
  }
}

/** A call has changed, and with it perhaps what it takes of the budgets that it reserved from. */
export function* budgetsFollow(before: CallFacts, after: CallFacts): Work<void> {
  if (isSameShare(shareOf(before, 1), shareOf(after, 1))) return;
  const where = { "call =": after.id };
  const reservations = yield select(
    "budget, window_start, nano",
    "reservations",
    where,
    "order by budget, window_start",
  );
  for (const row of reservations) {
    const nano = row["nano"] as number;
    const difference = moved(NOTHING_USED, shareOf(before, nano), shareOf(after, nano));
    yield* add({ budget: row["budget"] as string, window: row["window_start"] as number }, difference);
  }
}

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
  return {
    chargedNanoUsd: row?.["charged"] as number,
    reservedNanoUsd: row?.["reserved"] as number,
  };
}

const add = ({ budget, window }: Window, { chargedNanoUsd, reservedNanoUsd }: Used) =>
  query(
    "update @budgets set charged = charged + $1, reserved = reserved + $2 where budget = $3 and window_start = $4",
    ...[chargedNanoUsd, reservedNanoUsd, budget, window],
  );
