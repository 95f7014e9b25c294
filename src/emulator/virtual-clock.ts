import type { Clock } from "../base/clock.ts";

export interface VirtualClock extends Clock {
  /** Moves time forward by `ms`, waking every sleeper whose time has come, in order. */
  advance(ms: number): Promise<void>;
  /** Waits for what takes real time, such as a database, and does not move until it is there. */
  hold<T>(work: PromiseLike<T>): Promise<T>;
  /** How many sleeps are pending: zero when nothing is left behind. */
  readonly sleepers: number;
}

/**
 * A clock that stands still until someone waits, then jumps to the earliest waker. Everything else that can run,
 * runs first, so a story of minutes takes milliseconds and always unfolds in the same order.
 *
 * @param options.start Milliseconds since the epoch. Default: 2026-01-01T00:00:00Z.
 * @param options.auto `false` holds time still until `advance` is called. Default: true.
 */
export function virtualClock(options: { start?: number; auto?: boolean } = {}): VirtualClock {
  const auto = options.auto ?? true;
  let now = options.start ?? Date.UTC(2026, 0, 1);
  let order = 0;
  let scheduled = false;
  let holds = 0;
  /** In the order in which they wake, the next one last. */
  const sleepers: Sleeper[] = [];

  const next = () => sleepers.at(-1);

  const wakeNext = () => {
    const first = sleepers.pop();
    if (!first) return;
    now = Math.max(now, first.at);
    first.wake();
  };

  const jumpWhenIdle = async () => {
    if (scheduled || holds > 0) return;
    scheduled = true;
    await idle();
    scheduled = false;
    if (holds > 0) return;
    wakeNext();
    if (sleepers.length > 0) void jumpWhenIdle();
  };

  return {
    now: () => now,
    get sleepers() {
      return sleepers.length;
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          sleepers.splice(placeOf(sleeper, sleepers), 1);
          reject(signal?.reason);
        };
        const sleeper = {
          at: now + Math.max(0, Math.ceil(ms)),
          order: order++,
          wake: () => {
            signal?.removeEventListener("abort", onAbort);
            resolve();
          },
        };
        sleepers.splice(placeOf(sleeper, sleepers), 0, sleeper);
        signal?.addEventListener("abort", onAbort, { once: true });
        if (auto) void jumpWhenIdle();
      }),
    async hold(work) {
      holds += 1;
      try {
        return await work;
      } finally {
        holds -= 1;
        if (auto && sleepers.length > 0) void jumpWhenIdle();
      }
    },
    async advance(ms) {
      const until = now + ms;
      await idle();
      for (let first = next(); first && first.at <= until; first = next()) {
        wakeNext();
        await idle();
      }
      now = until;
    },
  };
}

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Where a sleeper is, or belongs: thousands may sleep at once, so it is not looked for one by one. */
function placeOf({ at, order }: Sleeper, sleepers: readonly Sleeper[]): number {
  let from = 0;
  let to = sleepers.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const other = sleepers[middle];
    if (other && (other.at > at || (other.at === at && other.order > order))) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Lets every pending microtask and a few turns of the event loop run: streams and bodies need more than one. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}
