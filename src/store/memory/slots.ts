import type { Clock } from "../../base/clock.ts";
import type { RunJournal } from "../../journal/runs.ts";

type Slots = Pick<RunJournal, "takeSlot" | "renewSlots" | "freeSlot">;

export function createSlots(clock: Clock): Slots {
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
    async takeSlot({ account, call, holder, max, leaseMs }) {
      if (taken(account) >= max && !slots.has(call)) return false;
      slots.set(call, { account, holder, until: clock.now() + leaseMs });
      return true;
    },
    async renewSlots(holder, leaseMs) {
      for (const [call, slot] of slots) {
        if (slot.holder === holder) slots.set(call, { ...slot, until: clock.now() + leaseMs });
      }
    },
    freeSlot: async (call) => void slots.delete(call),
  };
}
