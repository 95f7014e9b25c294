import type { Time } from "../base/time.ts";
import type { Cost } from "../money/cost.ts";
import type { BilledRequest, UnreadableRow } from "./bill.ts";

export interface ReconcileOptions {
  /** Calls that were intended, and requests that were billed, then or later: as in `costs`. @default "7d" */
  readonly since?: Time;
  /** How many calls at most are looked for on the bill, newest first. @default 10000 */
  readonly limit?: number;
  /** How old a completed call is, in milliseconds since its end, before it is missing and not just late. @default a day */
  readonly missingAfterMs?: number;
  /** Only calls with these tags of yours, all of them. fal has tags later than the rest. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Only what was paid with these keys, by their ids. */
  readonly keyIds?: readonly string[];
  readonly abortSignal?: AbortSignal;
}

/** A call of the ledger, without its payloads. */
export interface LedgerCall {
  readonly callId: string;
  readonly requestId: string;
  readonly endpoint: string;
  readonly chain: string | undefined;
  readonly run: string | undefined;
}

export interface MatchedCall extends LedgerCall {
  readonly invoicedNanoUsd: number;
  /** What this client had made of units and price; undefined where it could not. */
  readonly measuredNanoUsd: number | undefined;
  /** What the bill said before, where it says something else now. */
  readonly invoicedBeforeNanoUsd?: number;
}

export interface UnbilledCall extends LedgerCall {
  /** Milliseconds since its end. */
  readonly ageMs: number;
  readonly cost: Cost | undefined;
  /** The key that it was sent with, where that is known. */
  readonly keyId: string | undefined;
}

/** The ledger and the bill, side by side. */
export interface Reconciliation {
  /** Whose bill it is; undefined where fal did not say. */
  readonly account: string | undefined;
  /** On both; their costs are noted as invoiced. */
  readonly matched: readonly MatchedCall[];
  /** Those of `matched` whose bill is not what was measured, as after a discount or a change of price. */
  readonly drift: readonly (MatchedCall & { readonly measuredNanoUsd: number })[];
  /** Those of `matched` that the bill said something else of before, as after a late row or a refund. */
  readonly revised: readonly (MatchedCall & { readonly invoicedBeforeNanoUsd: number })[];
  /** Completed, and not on the bill yet: the bill is late by hours. Oldest first. */
  readonly late: readonly UnbilledCall[];
  /** Completed so long ago that it should be on the bill. Oldest first. */
  readonly missing: readonly UnbilledCall[];
  /** Failed or given up so long ago that it would be on the bill if it cost anything; noted as costing nothing. */
  readonly free: readonly UnbilledCall[];
  /** Completed with keys that are not this account's, as far as is known: another bill has them. */
  readonly elsewhere: readonly UnbilledCall[];
  /** On the bill, and not in this ledger: another program's, or of a ledger that was lost. */
  readonly unseen: readonly BilledRequest[];
  /**
   * Rows of the bill that say no amount that could be booked, and requests whose rows come to less than nothing or to more than
   * any costs. What else is on it is booked all the same.
   */
  readonly unreadable: readonly UnreadableRow[];
  /** Whether the bill said that there is more, and not where: what else is on it nobody can tell, and `unseen` lacks it. */
  readonly isIncomplete: boolean;
  /** Whether there are more calls than `limit`: of older ones it is not told which are late or missing. */
  readonly isCut: boolean;
}
