import type { CallRecord } from "../../journal/call.ts";
import type { Reservation } from "../../money/cost.ts";
import {
  assertRoom,
  inOrder,
  moved,
  NOTHING_USED,
  type ShareFacts,
  shareOf,
  type Used,
  windowKey,
} from "../reservations.ts";

/** Windows whose calls have all been paid or dropped are kept up to this number, the one used longest ago out first. */
const KEPT_WINDOWS = 100_000;

/** What budgets have used, and what each call has reserved of them. */
export interface Budgets {
  /** @throws {BudgetExceededError} */
  assertRoom(reservations: readonly Reservation[] | undefined): void;
  reserve(call: CallRecord, reservations: readonly Reservation[] | undefined): void;
  /** A call has changed, and with it perhaps what it takes. */
  changed(before: ShareFacts, after: ShareFacts): void;
  /** Whatever it takes now, it takes from now on. */
  forget(call: string): void;
}

export function createBudgets(): Budgets {
  const used = new Map<string, Used>();
  const reservations = new Map<string, readonly Reservation[]>();

  const move = (reservation: Reservation, from: Used, to: Used): void => {
    const key = windowKey(reservation);
    const now = moved(used.get(key) ?? NOTHING_USED, from, to);
    used.delete(key);
    used.set(key, now);
    for (const [oldest, { reservedNanoUsd }] of used) {
      if (used.size <= KEPT_WINDOWS) break;
      if (reservedNanoUsd === 0) used.delete(oldest);
    }
  };

  return {
    assertRoom(wanted) {
      for (const reservation of inOrder(wanted)) {
        assertRoom(reservation, used.get(windowKey(reservation)) ?? NOTHING_USED);
      }
    },
    reserve(call, wanted) {
      if (!wanted?.length) return;
      reservations.set(call.id, inOrder(wanted));
      for (const reservation of inOrder(wanted)) {
        move(reservation, NOTHING_USED, shareOf(call, reservation.nanoUsd));
      }
    },
    changed(before, after) {
      for (const reservation of reservations.get(after.id) ?? []) {
        move(reservation, shareOf(before, reservation.nanoUsd), shareOf(after, reservation.nanoUsd));
      }
    },
    forget: (call) => void reservations.delete(call),
  };
}
