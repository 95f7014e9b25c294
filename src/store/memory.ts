import { type Clock, systemClock } from "../base/clock.ts";
import { aClock, checkOptions, count, limit, type OptionsOf } from "../base/options.ts";
import type { SlotJournal } from "../journal/slots.ts";
import { spendOf } from "../journal/spend-of.ts";
import type { Store } from "../journal/store.ts";
import { budgetUses, overruns } from "./memory/budgets.ts";
import { callJournal, keptCalls, makeRoom, markLeftOver, runForgotten } from "./memory/calls.ts";
import { bookedCall, correctedCalls, monthJournal } from "./memory/months.ts";
import { keptRuns, runJournal } from "./memory/runs.ts";

export interface MemoryOptions {
  /** Ended calls that are kept, beside those of runs that are kept. @default 100 */
  readonly keepEnded?: number;
  /**
   * Bytes that inputs, results, steps and events may take, roughly. Beyond that the payloads of calls and whole runs go
   * that have ended, oldest first; what goes on always stays, and so does what all of it cost. @default 67_108_864
   */
  readonly keepBytes?: number;
  /** What leases count on. @default the system's */
  readonly clock?: Clock;
}

const OPTIONS: OptionsOf<MemoryOptions> = { keepEnded: count(0), keepBytes: limit(0), clock: aClock };

/**
 * A store that is forgotten with the process. Calls that have ended are kept up to a bound, oldest out first; calls
 * that go on or are in doubt are always kept. Of the runs that have ended the last thousand are kept, each with its
 * calls, steps and events; and of all of it only so much as `keepBytes` allows.
 *
 * @throws {InvalidArgumentError} for an option that cannot be meant.
 */
export function memoryStore(options: MemoryOptions = {}): Store {
  checkOptions(options, OPTIONS, { of: "memoryStore" });
  const { keepEnded = 100, keepBytes = 64 * 2 ** 20, clock = systemClock } = options;
  const runs = keptRuns(clock, keepBytes, (run, why) => runForgotten(calls, run, why));
  const calls = keptCalls(runs, keepEnded);
  const journal = runJournal(runs);
  const told = new Set<string>();
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
        makeRoom(calls);
      },
    },
    slots: slotJournal(clock),
    months: monthJournal(calls.months),
    spend: async (query) => {
      const known = [...calls.byId.values(), ...calls.forgotten.values()];
      return spendOf(
        known.map((call) => bookedCall(calls.months, call)),
        query,
        { folded: calls.folded.values(), corrected: correctedCalls(calls.months) },
      );
    },
    used: async (query) => budgetUses(calls, query),
    overruns: async (...of) => overruns(calls, ...of),
    isFirst: async (what) => isFirst(told, what),
    close: async () => {},
  };
}

/** What was said once for all, the oldest of it forgotten first. */
const MOST_TOLD = 100_000;

function isFirst(told: Set<string>, what: string): boolean {
  if (told.has(what)) return false;
  told.add(what);
  for (const oldest of told) {
    if (told.size <= MOST_TOLD) break;
    told.delete(oldest);
  }
  return true;
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
