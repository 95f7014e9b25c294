import type { Reservation } from "../../base/cost.ts";
import type { CallFacts } from "../call-changes.ts";
import { assertRoom, inOrder, moved, NOTHING_USED, shareOf, type Used } from "../reservations.ts";
import { insert, select, update } from "./tables.ts";
import type { Work } from "./work.ts";

type Window = Pick<Reservation, "budget" | "window">;

/** @throws {BudgetExceededError} */
export function* reserve(call: CallFacts, wanted: readonly Reservation[] | undefined): Work<void> {
  for (const reservation of inOrder(wanted)) {
    const { budget, window, nanoUsd } = reservation;
    const used = yield* lockedWindow(reservation);
    assertRoom(reservation, used);
    yield* write(reservation, moved(used, NOTHING_USED, shareOf(call, nanoUsd)));
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
    const window = { budget: row["budget"] as string, window: row["window_start"] as number };
    const nano = row["nano"] as number;
    const used = yield* lockedWindow(window);
    yield* write(window, moved(used, shareOf(before, nano), shareOf(after, nano)));
  }
}

const isSameShare = (a: Used, b: Used): boolean =>
  a.chargedNanoUsd === b.chargedNanoUsd && a.reservedNanoUsd === b.reservedNanoUsd;

/** The window's running totals, which nobody else changes until the transaction ends. */
function* lockedWindow({ budget, window }: Window): Work<Used> {
  yield* insert(
    "budgets",
    { budget, window_start: window, charged: 0, reserved: 0 },
    "on conflict (budget, window_start) do nothing",
  );
  const where = { "budget =": budget, "window_start =": window };
  const [row] = yield select("charged, reserved", "budgets", where, "for update");
  return {
    chargedNanoUsd: row?.["charged"] as number,
    reservedNanoUsd: row?.["reserved"] as number,
  };
}

const write = ({ budget, window }: Window, used: Used): Work<void> =>
  update(
    "budgets",
    { charged: used.chargedNanoUsd, reserved: used.reservedNanoUsd },
    { "budget =": budget, "window_start =": window },
  );
