import type { Clock } from "../base/clock.ts";

/** Shared by everything that a client repeats. */
export interface RetryBudget {
  /** Resolves when one more repeat may be made. It only slows: a call that is paid for is never given up by it. */
  take(signal?: AbortSignal): Promise<void>;
}

/** How many repeats may come at once, and how many a second after that: an outage is not answered with a storm. */
const BURST = 50;
const PER_SECOND = 10;

/** A token bucket, kept as the moment at which it would be full again. */
export function retryBudget(clock: Clock): RetryBudget {
  const tokenMs = 1_000 / PER_SECOND;
  let fullAt = 0;
  return {
    async take(signal) {
      fullAt = Math.max(fullAt, clock.now()) + tokenMs;
      const wait = fullAt - clock.now() - BURST * tokenMs;
      if (wait > 0) await clock.sleep(wait, signal);
    },
  };
}
