import type { CallRecord } from "../journal/call.ts";
import type { MoneyFacts, Spend } from "../journal/spend.ts";
import { spendOf } from "../journal/spend-of.ts";
import { formatUsd, type Total } from "../money/cost.ts";

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
  /**
   * The same amounts, and those below, in dollars and to the last nano-dollar however large they are: `"9007199.254740993"`.
   * The numbers beside them are exact up to 9 million dollars.
   */
  readonly usd: Readonly<Record<Amount, string>>;
  /** `usd.total` in another currency, where a report was asked for one. */
  readonly converted?: string;
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
  /** What of the sum corrects months that had been closed. */
  readonly corrections: { readonly count: number; readonly nanoUsd: number };
}

/** The amounts of a sum. */
export type Amount =
  | "total"
  | "estimated"
  | "measured"
  | "invoiced"
  | "wasted"
  | "failed"
  | "unused"
  | "saved"
  | "corrections";

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
  const nano = {
    estimated: 0n,
    measured: 0n,
    invoiced: 0n,
    failed: 0n,
    unused: 0n,
    saved: 0n,
    corrections: 0n,
  };
  const unknownBecause: Partial<Record<UnknownReason, number>> = {};
  const counts = { calls: 0, unknown: 0, doubtful: 0, reuses: 0, corrections: 0 };
  const ms = { wait: 0, run: 0, runner: 0 };
  for (const spend of spends) {
    const { source, nanoUsd } = spend;
    counts.calls += spend.calls;
    counts.corrections += spend.corrections;
    counts.reuses += spend.reuses;
    ms.wait += spend.waitMs;
    ms.run += spend.runMs;
    ms.runner += spend.runnerMs;
    nano.saved += spend.savedNanoUsd;
    if (source && source !== "unknown") nano[source] += nanoUsd;
    if (spend.corrections > 0) nano.corrections += nanoUsd;
    const reason = spend.calls > 0 ? unknownReason(spend) : undefined;
    if (reason) {
      counts.unknown += spend.calls;
      unknownBecause[reason] = (unknownBecause[reason] ?? 0) + spend.calls;
      if (reason === "ambiguous" || reason === "failed") counts.doubtful += spend.calls;
    }
    if (spend.state === "failed" || spend.state === "given-up") nano.failed += nanoUsd;
    else if (spend.unused) nano.unused += nanoUsd;
  }
  const { estimated, measured, invoiced, failed, unused, saved, corrections } = nano;
  const all = { total: estimated + measured + invoiced, wasted: failed + unused, ...nano };
  const wasted = {
    nanoUsd: Number(all.wasted),
    failedNanoUsd: Number(failed),
    unusedNanoUsd: Number(unused),
  };
  return {
    nanoUsd: Number(all.total),
    calls: counts.calls,
    unknown: counts.unknown,
    bySource: { estimated: Number(estimated), measured: Number(measured), invoiced: Number(invoiced) },
    usd: inDollars(all),
    unknownBecause,
    waitSeconds: ms.wait / 1000,
    runSeconds: ms.run / 1000,
    runnerSeconds: ms.runner / 1000,
    waste: { ...wasted, doubtful: counts.doubtful },
    reuse: { times: counts.reuses, savedNanoUsd: Number(saved) },
    corrections: { count: counts.corrections, nanoUsd: Number(corrections) },
  };
}

const inDollars = (nano: Readonly<Record<Amount, bigint>>): Record<Amount, string> =>
  Object.fromEntries(
    Object.entries(nano).map(([name, amount]) => [name, formatUsd(amount).replace("$", "")]),
  ) as Record<Amount, string>;

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
