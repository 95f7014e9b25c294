import { describe } from "vitest";
import { budgetsConform } from "./conformance/budgets.ts";
import { callsConform } from "./conformance/calls.ts";
import { monthsConform } from "./conformance/months.ts";
import { namesConform } from "./conformance/names.ts";
import { pastCostsConform } from "./conformance/past-costs.ts";
import { runsConform } from "./conformance/runs.ts";
import { slotsConform } from "./conformance/slots.ts";
import { spendConforms } from "./conformance/spend.ts";
import type { Fresh } from "./fresh.ts";

/** What every store keeps to. */
export function conforms(name: string, fresh: Fresh): void {
  describe(name, () => {
    callsConform(fresh);
    namesConform(fresh);
    budgetsConform(fresh);
    pastCostsConform(fresh);
    runsConform(fresh);
    slotsConform(fresh);
    spendConforms(fresh);
    monthsConform(fresh);
  });
}
