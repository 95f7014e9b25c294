import type { Cost } from "../money/cost.ts";
import type { CallFilter, CallState, FoundBy, Unused } from "./call.ts";

/**
 * What calls can be grouped by. `day` and `hour` are the starts of UTC days and hours, by the time of the intent; of a
 * correction by when it came.
 */
export type SpendGroup = FoundBy | "endpoint" | "userTags" | "markup" | "day" | "hour";

export interface SpendQuery extends CallFilter {
  readonly by: readonly SpendGroup[];
}

/** What decides whether, and how well, it is known what a call cost. */
export interface MoneyFacts {
  readonly state: CallState;
  /** Undefined until something is known of its cost. */
  readonly source: Cost["source"] | undefined;
  /** Why its cost is unknown. */
  readonly reason: Extract<Cost, { source: "unknown" }>["reason"] | undefined;
  /** Whether its failure was billed. */
  readonly billed: boolean | "unknown" | undefined;
  readonly unused: Unused | undefined;
}

/** Calls that agree in what they are grouped by and in what decides about their money, added up. */
export interface Spend extends MoneyFacts {
  /** By the names that were asked for; `day` and `hour` are milliseconds since the epoch. */
  readonly group: Readonly<Partial<Record<SpendGroup, string | number | undefined>>>;
  /** 0 of corrections. */
  readonly calls: number;
  /** How many corrections of closed months are added up; 0 where it is calls. */
  readonly corrections: number;
  /** The sum of the costs that are known, to the last nano-dollar however large it is. */
  readonly nanoUsd: bigint;
  /** What it would have cost to pay for the reused results again. */
  readonly savedNanoUsd: bigint;
  readonly reuses: number;
  /** Milliseconds in fal's queue. */
  readonly waitMs: number;
  /** Milliseconds that models ran. */
  readonly runMs: number;
  /** Milliseconds from the intent to the end, of calls that a runner made. */
  readonly runnerMs: number;
}

/** What a window of a budget has used, in nano-USD. */
export interface BudgetUse {
  /** As a reservation names it. */
  readonly budget: string;
  readonly window: number;
  readonly chargedNanoUsd: number;
  readonly reservedNanoUsd: number;
  /** What the call that reserved last was held to; undefined where that was not noted. */
  readonly limitNanoUsd: number | undefined;
}

/** A call that was charged more than it had reserved of a budget. In nano-USD. */
export interface Overrun {
  readonly callId: string;
  readonly endpoint: string;
  /** What it was estimated to cost at most, or what the budget assumes of unknown ones. */
  readonly reservedNanoUsd: number;
  readonly chargedNanoUsd: number;
}

/** How many of them are told of a window. */
export const TOLD_OVERRUNS = 5;

/** Which windows are meant; those that nothing was reserved from are not there. */
export interface BudgetUseQuery {
  readonly budget?: string;
  /** What the budget's name begins with. */
  readonly beginsWith?: string;
  readonly window?: number;
}
