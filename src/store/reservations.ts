import { BudgetExceededError } from "../errors/money.ts";
import type { Reservation } from "../money/cost.ts";
import type { CallFacts } from "./call-changes.ts";

export type Window = Pick<Reservation, "budget" | "window">;

/** What a budget's window has used, in nano-USD. */
export interface Used {
  readonly chargedNanoUsd: number;
  readonly reservedNanoUsd: number;
}

export const NOTHING_USED: Used = { chargedNanoUsd: 0, reservedNanoUsd: 0 };

/** What decides about a call's share of the budgets that it reserved from. */
export type ShareFacts = Pick<CallFacts, "id" | "cost" | "state" | "error">;

/** What a call that reserved `nanoUsd` takes of a budget: its cost once that is known, nothing if it was not billed. */
export function shareOf({ cost, state, error }: ShareFacts, nanoUsd: number): Used {
  if (cost && cost.source !== "unknown") return { chargedNanoUsd: cost.nanoUsd, reservedNanoUsd: 0 };
  if (state === "failed" && error?.billed === false) return NOTHING_USED;
  return { chargedNanoUsd: 0, reservedNanoUsd: nanoUsd };
}

/** @throws {BudgetExceededError} */
export function assertRoom(reservation: Reservation, used: Used): void {
  const { chargedNanoUsd, reservedNanoUsd } = used;
  if (chargedNanoUsd + reservedNanoUsd + reservation.nanoUsd > reservation.limitNanoUsd) {
    throw new BudgetExceededError(reservation, used);
  }
}

/** `used` after a call's share of it went from one to another. */
export const moved = (used: Used, from: Used, to: Used): Used => ({
  chargedNanoUsd: used.chargedNanoUsd + to.chargedNanoUsd - from.chargedNanoUsd,
  reservedNanoUsd: used.reservedNanoUsd + to.reservedNanoUsd - from.reservedNanoUsd,
});

/**
 * One reservation for each window of a budget, always in the same order: who locks budgets in an order of their own
 * may wait for each other for ever.
 */
export function inOrder(reservations: readonly Reservation[] = []): Reservation[] {
  const byWindow = new Map<string, Reservation>();
  for (const reservation of reservations) {
    const key = windowKey(reservation);
    const same = byWindow.get(key);
    byWindow.set(
      key,
      same
        ? {
            ...reservation,
            nanoUsd: reservation.nanoUsd + same.nanoUsd,
            limitNanoUsd: Math.min(reservation.limitNanoUsd, same.limitNanoUsd),
          }
        : reservation,
    );
  }
  return [...byWindow.values()].sort(windowOrder);
}

/** The one order in which windows are locked. A database's own depends on its collation. */
export const windowOrder = (a: Window, b: Window): number => (windowKey(a) < windowKey(b) ? -1 : 1);

export const windowKey = ({ budget, window }: Window): string => `${budget} ${window}`;
