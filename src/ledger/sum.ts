import type { CallRecord } from "../journal/call.ts";
import type { MoneyFacts, Spend } from "../journal/spend.ts";
import { spendOf } from "../journal/spend-of.ts";
import type { Total } from "../money/cost.ts";

/**
 * Why it is not known what a call cost. `no_units`: fal did not say how much it bills. `no_price`: no price could be
 * read. `failed`: it failed or was given up, and may be billed. `ambiguous`: it may have been accepted. `under-way`: it
 * has not ended. `pending`: its price has not been looked up. `implausible`: what is said that it cost cannot be meant.
 */
export type UnknownReason =
  | "no_units"
  | "no_price"
  | "failed"
  | "ambiguous"
  | "under-way"
  | "pending"
  | "implausible";

/** What calls cost. Money is in nano-USD; sums are of known costs only, and say how many are missing. */
export interface CostSum extends Total {
  /** How certain the sum is: what each part of it rests on. */
  readonly bySource: Readonly<Record<"estimated" | "measured" | "invoiced", number>>;
  /** How many calls of unknown cost there are for each reason. */
  readonly unknownBecause: Readonly<Partial<Record<UnknownReason, number>>>;
  /** Seconds in fal's queue. */
  readonly waitSeconds: number;
  /** Seconds that models ran. */
  readonly runSeconds: number;
  /** Seconds that runners waited for their calls, each call by itself: two at the same time count twice. */
  readonly runnerSeconds: number;
  readonly waste: Waste;
  /** How often a result was given again, and what it would have cost to pay for it each time. */
  readonly reuse: { readonly times: number; readonly savedNanoUsd: number };
}

/** What was paid for nothing, and is in the sum all the same. */
export interface Waste {
  readonly nanoUsd: number;
  /** Calls that failed or were given up, and were billed. */
  readonly failedNanoUsd: number;
  /** Results that nobody used: left over, or superseded by another call. */
  readonly unusedNanoUsd: number;
  /** Calls that may have been billed for nothing: ambiguous, failed or given up, at unknown cost. */
  readonly doubtful: number;
}

/** What the calls at hand took and cost, summed as a report of the store sums them. */
export const sumOfCalls = (calls: readonly CallRecord[]): CostSum => sumOf(spendOf(calls, { by: [] }));

export function sumOf(spends: Iterable<Spend>): CostSum {
  const bySource = { estimated: 0, measured: 0, invoiced: 0 };
  const unknownBecause: Partial<Record<UnknownReason, number>> = {};
  const ms = { wait: 0, run: 0, runner: 0 };
  const reuse = { times: 0, savedNanoUsd: 0 };
  let calls = 0;
  let unknown = 0;
  let failedNanoUsd = 0;
  let unusedNanoUsd = 0;
  let doubtful = 0;
  for (const spend of spends) {
    const { source, nanoUsd } = spend;
    calls += spend.calls;
    ms.wait += spend.waitMs;
    ms.run += spend.runMs;
    ms.runner += spend.runnerMs;
    reuse.times += spend.reuses;
    reuse.savedNanoUsd += spend.savedNanoUsd;
    if (source && source !== "unknown") bySource[source] += nanoUsd;
    const reason = unknownReason(spend);
    if (reason) {
      unknown += spend.calls;
      unknownBecause[reason] = (unknownBecause[reason] ?? 0) + spend.calls;
      if (reason === "ambiguous" || reason === "failed") doubtful += spend.calls;
    }
    if (spend.state === "failed" || spend.state === "given-up") failedNanoUsd += nanoUsd;
    else if (spend.unused) unusedNanoUsd += nanoUsd;
  }
  return {
    nanoUsd: bySource.estimated + bySource.measured + bySource.invoiced,
    calls,
    unknown,
    bySource,
    unknownBecause,
    waitSeconds: ms.wait / 1000,
    runSeconds: ms.run / 1000,
    runnerSeconds: ms.runner / 1000,
    waste: { nanoUsd: failedNanoUsd + unusedNanoUsd, failedNanoUsd, unusedNanoUsd, doubtful },
    reuse,
  };
}

/** Undefined where it is known, which it also is for a call that was not billed. */
function unknownReason({ state, source, reason, billed }: MoneyFacts): UnknownReason | undefined {
  if (source !== undefined && source !== "unknown") return undefined;
  switch (state) {
    case "ambiguous":
      return "ambiguous";
    case "intended":
    case "submitted":
      return "under-way";
    case "completed":
      return reason ?? "pending";
    case "failed":
      return billed === false ? undefined : (reason ?? "failed");
    case "given-up":
      return reason ?? "failed";
  }
}
