import { type BudgetUse, type BudgetUseQuery, type Overrun, TOLD_OVERRUNS } from "../../journal/spend.ts";
import type { KeptCalls } from "./calls.ts";

export function budgetUses({ used, limits }: KeptCalls, query: BudgetUseQuery): BudgetUse[] {
  const { budget, beginsWith = "", window } = query;
  return [...used]
    .map(([key, amounts]) => {
      const end = key.lastIndexOf(" ");
      const window = Number(key.slice(end + 1));
      return { budget: key.slice(0, end), window, ...amounts, limitNanoUsd: limits.get(key) };
    })
    .filter((use) => use.budget.startsWith(beginsWith))
    .filter((use) => budget === undefined || use.budget === budget)
    .filter((use) => window === undefined || use.window === window);
}

export function overruns(
  { byId, forgotten, reservations }: KeptCalls,
  budget: string,
  window: number,
): Overrun[] {
  const found: Overrun[] = [];
  for (const [callId, reserved] of reservations) {
    const call = byId.get(callId) ?? forgotten.get(callId);
    const cost = call?.cost;
    if (!call || !cost || cost.source === "unknown") continue;
    const mine = reserved.find((one) => one.budget === budget && one.window === window);
    if (!mine || cost.nanoUsd <= mine.nanoUsd) continue;
    const { endpoint } = call;
    found.push({ callId, endpoint, reservedNanoUsd: mine.nanoUsd, chargedNanoUsd: cost.nanoUsd });
  }
  const by = ({ chargedNanoUsd, reservedNanoUsd }: Overrun) => chargedNanoUsd - reservedNanoUsd;
  return found.sort((a, b) => by(b) - by(a)).slice(0, TOLD_OVERRUNS);
}
