import type { Clock } from "../base/clock.ts";

/** Tells of `ms` without a `reset`, once. Ends with the signal. */
export function watchdog(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  onSilence: () => void,
): { reset: () => void } {
  let until = clock.now() + ms;
  (async () => {
    for (let left = ms; left > 0; left = until - clock.now()) await clock.sleep(left, signal);
    onSilence();
  })().catch(() => {});
  return {
    reset: () => {
      until = clock.now() + ms;
    },
  };
}
