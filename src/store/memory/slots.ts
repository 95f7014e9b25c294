import type { Clock } from "../../base/clock.ts";
import type { SlotJournal } from "../../journal/slots.ts";

export function createSlots(clock: Clock): SlotJournal {
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
