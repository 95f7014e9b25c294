import { type Clock, systemClock } from "../base/clock.ts";
import type { SlotJournal } from "../journal/slots.ts";
import { spendOf } from "../journal/spend-of.ts";
import type { Store } from "../journal/store.ts";
import { callJournal, keptCalls, markLeftOver, runForgotten } from "./memory/calls.ts";
import { keptRuns, runJournal } from "./memory/runs.ts";

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
  const runs = keptRuns(clock, (run, why) => runForgotten(calls, run, why));
  const calls = keptCalls(runs, keepEnded);
  const journal = runJournal(runs);
  return {
    name: "memory",
    durable: false,
    keep: "all",
    calls: callJournal(calls),
    runs: {
      ...journal,
      async end(fence, end, at) {
        await journal.end(fence, end, at);
        markLeftOver(calls, end.leftOver ?? []);
      },
    },
    slots: slotJournal(clock),
    spend: async (query) => spendOf(calls.byId.values(), query),
    close: async () => {},
  };
}

function slotJournal(clock: Clock): SlotJournal {
  const slots = new Map<string, { account: string; holder: string; until: number }>();

  const taken = (account: string): number => {
    let count = 0;
    for (const [call, slot] of slots) {
      if (slot.until <= clock.now()) slots.delete(call);
      else if (slot.account === account) count++;
    }
    return count;
  };

  return {
    async take({ account, call, holder, max, leaseMs }) {
      if (taken(account) >= max && !slots.has(call)) return false;
      slots.set(call, { account, holder, until: clock.now() + leaseMs });
      return true;
    },
    async renew(holder, leaseMs) {
      for (const [call, slot] of slots) {
        if (slot.holder === holder) slots.set(call, { ...slot, until: clock.now() + leaseMs });
      }
    },
    free: async (call) => void slots.delete(call),
  };
}
