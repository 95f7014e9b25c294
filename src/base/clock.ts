import { abortable, OVER } from "./signal.ts";

/** Time as a parameter: everything that waits or stamps asks one of these, so tests never sleep. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with `signal.reason` as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Milliseconds since any moment, on a clock that nobody sets. @default none: that `now` is set is not noticed */
  elapsed?(): number;
}

/** When this was, by the clock as it is when that is asked: somebody may have set it meanwhile. */
export function moment(clock: Clock): () => number {
  const at = clock.now();
  const elapsed = clock.elapsed?.();
  return () => (elapsed === undefined ? at : clock.now() - ((clock.elapsed?.() ?? elapsed) - elapsed));
}

/** What `act` gives, if it does so within `ms`. After that its signal aborts, and whoever waits gets `late`. */
export async function inTime<T>(
  clock: Clock,
  ms: number,
  late: unknown,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  clock.sleep(ms, controller.signal).then(
    () => controller.abort(late),
    () => {},
  );
  try {
    return await abortable(act(controller.signal), controller.signal);
  } finally {
    controller.abort(OVER);
  }
}

/** The longest delay that `setTimeout` can hold; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  async sleep(ms, signal) {
    for (let left = ms; left > 0; left -= LONGEST_TIMER_MS) {
      await timer(Math.min(left, LONGEST_TIMER_MS), signal);
    }
    signal?.throwIfAborted();
  },
};

function timer(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(handle);
      reject(signal?.reason);
    };
    const handle = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
