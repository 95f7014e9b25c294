import type { CallJournal } from "./call.ts";
import type { MonthJournal } from "./months.ts";
import type { RunJournal } from "./run.ts";
import type { SlotJournal } from "./slots.ts";
import type { BudgetUse, BudgetUseQuery, Overrun, Spend, SpendQuery } from "./spend.ts";

/**
 * Where calls and runs are kept; journal and ledger in one. Its functions need no `this`, so that a decorator can spread
 * what it does not change.
 */
export interface Store {
  /** `memory`, or where it is kept: for messages. Holds no password. */
  readonly name: string;
  /** Whether it outlives the process. */
  readonly durable: boolean;
  /** `ids`: no payload is kept, so neither a call's body and outcome nor a run's input, output, steps and events. */
  readonly keep: "all" | "ids";
  readonly calls: CallJournal;
  readonly runs: RunJournal;
  readonly slots: SlotJournal;
  readonly months: MonthJournal;
  /**
   * What the calls that match took and cost, grouped, in no order: those of a closed month as it was closed, and beside them
   * the corrections that came in the time that is asked for.
   */
  spend(query: SpendQuery): Promise<Spend[]>;
  /** What budgets have used, in no order. */
  used(query: BudgetUseQuery): Promise<BudgetUse[]>;
  /** The calls that took a window of a budget farthest beyond what they had reserved, those first; five at most. */
  overruns(budget: string, window: number): Promise<Overrun[]>;
  /** Whether nobody has said so before, in whichever process: who asks first is told yes, and everybody else no. */
  isFirst(what: string, at: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Whether what one of them keeps is what the other one keeps: a store in memory is itself only. */
export const isSameStore = (a: Store, b: Store): boolean =>
  a === b || (a.durable && b.durable && a.name === b.name);
