import type { Clock } from "../../base/clock.ts";
import { StoreError } from "../../errors/store.ts";
import type { Driver } from "./work.ts";

export interface Patience {
  readonly clock: Clock;
  /** How long after the first failure it is tried again, in milliseconds. */
  readonly patienceMs: number;
  /** The first pause and the longest one, in milliseconds. */
  readonly pauses: readonly [number, number];
}

/** Does something once more where it failed by what can pass by itself, and says whether it is not the first time. */
export type UntilDone = <T>(act: (again: boolean) => Promise<T>) => Promise<T>;

/**
 * Tries for a while what a database fails with and may get over: its `StoreError` is `retryable` then.
 *
 * @param closing Ends the pauses.
 */
export function untilDone({ clock, patienceMs, pauses }: Patience, closing: AbortSignal): UntilDone {
  const [first, longest] = pauses;
  return async (act) => {
    let until = Number.POSITIVE_INFINITY;
    for (let attempt = 0; ; attempt++) {
      try {
        return await act(attempt > 0);
      } catch (error) {
        if (!(error instanceof StoreError && error.retryable)) throw error;
        // Whoever found a lock comes back at another time than the others who did.
        const pause = Math.min(longest, first * 2 ** attempt) * (0.5 + Math.random() / 2);
        until = Math.min(until, clock.now() + patienceMs);
        if (clock.now() + pause > until) throw error;
        await clock.sleep(pause, closing).catch(() => {
          throw error;
        });
      }
    }
  };
}

/** The same database, with patience. */
export function patient(driver: Driver, patience: Patience): Driver {
  const closing = new AbortController();
  const done = untilDone(patience, closing.signal);
  return {
    write: (work) => done((again) => driver.write(() => work(again))),
    read: (statement) => done(() => driver.read(statement)),
    close() {
      closing.abort(new StoreError("The store is being closed."));
      return driver.close();
    },
  };
}
