import { spendOf } from "../journal/spend-of.ts";
import type { CallRecord } from "../journal/store.ts";
import { type CostSum, sumOf } from "./sum.ts";

/** What calls that are at hand took and cost, summed as a report of the store sums them. */
export const costOf = (calls: readonly CallRecord[]): CostSum => sumOf(spendOf(calls, { by: [] }));
