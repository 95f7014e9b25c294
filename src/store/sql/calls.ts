import { RequestClaimedError } from "../../errors/store.ts";
import {
  type CallFilter,
  type CallQuery,
  type CallRecord,
  FOUND_BY,
  type Intent,
  type IntentTerms,
  type Ticket,
} from "../../journal/call.ts";
import { type PastCost, TOLD_OF_A_KIND } from "../../journal/kind.ts";
import {
  type CallFacts,
  type Change,
  callExists,
  FORGOTTEN,
  intended,
  keyTaken,
  noSuchCall,
  SUPERSEDED,
  submitted,
} from "../call-changes.ts";
import { budgetsFollow, reserve } from "./budgets.ts";
import { callColumns, FACTS, FOR, FOR_COLUMNS, factsOf, withoutBooked } from "./columns.ts";
import { correct } from "./months.ts";
import { assertHeld } from "./runs.ts";
import { type Conditions, insert, select, update } from "./tables.ts";
import { type Row, rowLimit, type Statement, type Work } from "./work.ts";

/** What is kept of a call: everything, or all but the payloads. */
export type Kept = <C extends Partial<CallRecord>>(call: C) => C;

export function* intend(intent: Intent, terms: IntentTerms, kept: Kept, again: boolean): Work<void> {
  const { fence, replaces, reserve: reservations } = terms;
  if (fence) yield* assertHeld(fence);
  if (replaces !== undefined) yield* change(replaces, () => SUPERSEDED, kept);
  const call = intended(intent, terms.given);
  const [made] = yield* insert("calls", callColumns(kept(call)), "on conflict do nothing returning id");
  if (!made) {
    const [same] = yield callById(intent.id);
    // No other intent has its id, so it is this one, and its answer was lost.
    if (same && again) return;
    throw same ? callExists(intent.id) : keyTaken(intent);
  }
  yield* reserve(call, reservations);
}

export function* claimRequest(id: string, ticket: Ticket, at: number, kept: Kept): Work<void> {
  const [owner] = yield select("id", "calls", { "request_id =": ticket.requestId });
  if (owner && owner["id"] !== id) {
    yield* locked(id);
    throw new RequestClaimedError(ticket.requestId);
  }
  yield* change(id, (call) => submitted(call, ticket, at), kept);
}

/** @param at When it is noted, of what may say a cost: in a closed month that is a correction. */
export function* change(
  id: string,
  decide: (call: CallFacts) => Change,
  kept: Kept,
  at?: number,
): Work<void> {
  const before = yield* locked(id);
  const decided = decide(before);
  if (!decided) return;
  const isLate = decided.cost && at !== undefined && (yield* correct(before, decided.cost, at));
  const columns = callColumns(kept(decided));
  yield* update("calls", isLate ? withoutBooked(columns) : columns, { "id =": id });
  yield* budgetsFollow(before, { ...before, ...decided });
}

export const forgetCallsOf = (chain: string, run: string): Work<void> =>
  update("calls", callColumns(FORGOTTEN), { "chain =": chain, "run =": run });

/** @param at The column of the time that is meant. */
export const meant = ({ endpoint, since, until, ...whose }: CallFilter, at = "intended_at"): Conditions => ({
  [`${at} >=`]: since,
  [`${at} <`]: until,
  "endpoint =": endpoint,
  ...Object.fromEntries(FOUND_BY.map((name) => [`${FOR[name].column} =`, whose[name]])),
});

/** The booked cost of a closed month may be older than what is known of the call: that is looked at too. */
const IS_UNPRICED =
  "case when cost_reason = 'no_price' and cost like '%no_price%' or state = 'completed' and cost is null then 1 else 0 end";

export const callsWhere = ({ state, requestId, unpriced, limit = 100, ...filter }: CallQuery): Statement =>
  select(
    "*",
    "calls",
    {
      "state =": state,
      "request_id =": requestId,
      [`${IS_UNPRICED} =`]: unpriced ? 1 : undefined,
      ...meant(filter),
    },
    `order by intended_at desc, seq desc limit ${rowLimit(limit)}`,
  );

/** Those of one content are found by an index, and their payloads are left where they are. */
export const paidFor = (content: string, since: number): Statement =>
  select(
    `id, ${FOR_COLUMNS}`,
    "calls",
    { "content =": content, "state =": "completed", "ended_at >=": since },
    `and data is not null and reuse_of is null order by ended_at desc, seq desc limit ${MOST_PAID}`,
  );
const MOST_PAID = 10_000;

/** Costs that are not there yet, and what failed, are read over; not for ever. */
const MOST_READ = 10 * TOLD_OF_A_KIND;

/** Its conditions are those of the index. */
export const pastCostsOf = (kind: string): Statement => ({
  sql: `select cost_nano, amount, characters from (${[
    "select seq, state, cost_nano, amount, characters from @calls",
    `where kind = $1 and cost_nano is not null order by seq desc limit ${MOST_READ}`,
  ].join(" ")}) newest where state = 'completed' order by seq desc limit ${TOLD_OF_A_KIND}`,
  params: [kind],
});

export const pastCostOf = (row: Row): PastCost => ({
  nanoUsd: Number(row["cost_nano"]),
  amount: Number(row["amount"] ?? 1),
  characters: Number(row["characters"] ?? 0),
});

export const callById = (id: string): Statement => select("*", "calls", { "id =": id });

/** Nobody else changes the call until the transaction ends. */
function* locked(id: string): Work<CallFacts> {
  const [row] = yield select(FACTS, "calls", { "id =": id }, "for update");
  if (!row) throw noSuchCall(id);
  return factsOf(row);
}
