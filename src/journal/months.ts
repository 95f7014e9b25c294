import type { Cost } from "../money/cost.ts";
import { knownNanoUsd } from "../money/cost.ts";

/** A month of UTC's whose sums do not change any more. */
export interface ClosedMonth {
  /** When it began, in milliseconds since the epoch. */
  readonly month: number;
  readonly closedAt: number;
}

/** What a call cost more, or less, than the closed month has that it was made in. It belongs to the month that it came in. */
export interface Correction {
  readonly callId: string;
  /** The call's month, by when it began. */
  readonly month: number;
  /** When it came. */
  readonly at: number;
  /** Less than nothing where the call cost less. */
  readonly nanoUsd: number;
  /** What is known of its cost since. */
  readonly cost: Cost;
}

export interface CorrectionQuery {
  /** Milliseconds since the epoch: those that came then or later. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Of calls of this month. */
  readonly month?: number | undefined;
}

export interface MonthJournal {
  /** What a call of it is said to cost from then on is a correction. Closing it again changes nothing. @returns when it was closed. */
  close(month: number, at: number): Promise<ClosedMonth>;
  /** The earliest first. */
  closed(): Promise<ClosedMonth[]>;
  /** The earliest first. */
  corrections(query?: CorrectionQuery): Promise<Correction[]>;
}

/** The beginning of the UTC month that a time lies in. */
export function monthOf(at: number): number {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

/** The beginning of the month after. */
export function monthAfter(month: number): number {
  const date = new Date(month);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}

/** Two processes that share a store differ by less in what time it is. */
const LARGEST_SKEW_MS = 3_600_000;

/** Whether the call's month may be over by some clock, so that it may be closed. */
export const mayBeClosed = (intendedAt: number, at: number): boolean =>
  at + LARGEST_SKEW_MS >= monthAfter(monthOf(intendedAt));

/** What a cost says more than the one that was known before. */
export const changeOf = (before: Cost | undefined, after: Cost): number =>
  (knownNanoUsd(after) ?? 0) - (knownNanoUsd(before) ?? 0);
