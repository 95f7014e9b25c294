import type { Clock } from "../base/clock.ts";

/** Shared by everything that a client repeats. It only slows: a call that is paid for is never given up by it. */
export interface RetryBucket {
  /** Takes one repeat, and says in how many milliseconds it may be made. */
  take(): number;
}

/** How many repeats may come at once, and how many a second after that: an outage is not answered with a storm. */
const BURST = 50;
const PER_SECOND = 10;

/** A token bucket, kept as the moment at which it would be full again. */
export function retryBucket(clock: Clock): RetryBucket {
  const tokenMs = 1_000 / PER_SECOND;
  let fullAt = 0;
  return {
    take() {
      fullAt = Math.max(fullAt, clock.now()) + tokenMs;
      return Math.max(0, fullAt - clock.now() - BURST * tokenMs);
    },
  };
}
