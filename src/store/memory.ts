import { type Clock, systemClock } from "../base/clock.ts";
import type { Store } from "../journal/store.ts";
import { createCalls } from "./memory/calls.ts";
import { createRuns } from "./memory/runs.ts";
import { createSlots } from "./memory/slots.ts";

/**
 * A store that is forgotten with the process. Calls that have ended are kept up to a bound, oldest out first; calls
 * that go on or are in doubt are always kept. Of the runs that have ended the last thousand are kept, each with its
 * calls, steps and events.
 *
 * @param options.keepEnded Ended calls that are kept, beside those of runs that are kept. @default 100
 * @param options.clock What leases count on. @default the system's
 */
export function memoryStore(options: { keepEnded?: number; clock?: Clock } = {}): Store {
  const { keepEnded = 100, clock = systemClock } = options;
  const runs = createRuns(clock, (run, why) => calls.runForgotten(run, why));
  const calls = createCalls({
    keepEnded,
    assertHeld: runs.assertHeld,
    isRunKept: ({ for: { chain, run } }) => runs.has(chain, run),
  });
  return {
    name: "memory",
    durable: false,
    keep: "all",
    calls: calls.journal,
    runs: {
      ...runs.journal,
      async end(fence, end, at) {
        await runs.journal.end(fence, end, at);
        calls.leftOver(end.leftOver ?? []);
      },
    },
    slots: createSlots(clock),
    spend: calls.spend,
    close: async () => {},
  };
}
