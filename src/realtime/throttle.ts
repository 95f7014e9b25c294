import type { Clock } from "../base/clock.ts";
import { OVER } from "../base/signal.ts";

export interface Throttle<T> {
  (value: T): void;
  /** Forgets the one that waits. */
  cancel(): void;
}

/** Passes on at most one value in so many milliseconds: the first at once, and of those that follow the newest. */
export function throttled<T>(clock: Clock, ms: number, pass: (value: T) => void): Throttle<T> {
  let next = Number.NEGATIVE_INFINITY;
  let waiting: { value: T } | undefined;
  let over = new AbortController();
  const passNow = (value: T) => {
    next = clock.now() + ms;
    pass(value);
  };
  const later = async (pause: number) => {
    await clock.sleep(pause, over.signal);
    const { value } = waiting as { value: T };
    waiting = undefined;
    passNow(value);
  };
  const throttle = (value: T) => {
    const pause = next - clock.now();
    if (waiting) waiting.value = value;
    else if (ms <= 0 || pause <= 0) passNow(value);
    else {
      waiting = { value };
      later(pause).catch(() => {});
    }
  };
  return Object.assign(throttle, {
    cancel() {
      over.abort(OVER);
      over = new AbortController();
      waiting = undefined;
    },
  });
}
