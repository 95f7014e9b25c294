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

/** The same database, asked again for a while where what failed can pass by itself: its error is `retryable` then. */
export function patient(driver: Driver, { clock, patienceMs, pauses }: Patience): Driver {
  const closing = new AbortController();
  const [first, longest] = pauses;

  async function untilDone<T>(act: (again: boolean) => Promise<T>): Promise<T> {
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
        await clock.sleep(pause, closing.signal).catch(() => {
          throw error;
        });
      }
    }
  }

  return {
    write: (work) => untilDone((again) => driver.write(() => work(again))),
    read: (statement) => untilDone(() => driver.read(statement)),
    close() {
      closing.abort(new StoreError("The store is being closed."));
      return driver.close();
    },
  };
}
