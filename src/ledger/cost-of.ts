import type { CallRecord } from "../base/journal.ts";
import { spendOf } from "../base/spend-of.ts";
import { type CostSum, sumOf } from "./sum.ts";

/** What calls that are at hand took and cost, summed as a report of the store sums them. */
export const costOf = (calls: readonly CallRecord[]): CostSum => sumOf(spendOf(calls, { by: [] }));
