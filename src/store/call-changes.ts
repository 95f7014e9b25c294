import type { SavedError } from "../errors/saved-error.ts";
import { RequestClaimedError, StoreError } from "../errors/store.ts";
import type { CallRecord, Completion, GivenUp, Intent, Ticket } from "../journal/call.ts";
import { runOf } from "../journal/run-name.ts";
import type { Cost } from "../money/cost.ts";

/** What a note makes of a call; undefined where the call knows better already. Every store decides by these. */
export type Change = Partial<CallRecord> | undefined;

/** What decides about a change. */
export type CallFacts = Pick<
  CallRecord,
  "id" | "state" | "ticket" | "error" | "cost" | "reuses" | "intendedAt"
>;

/** @param given What it is given instead of being sent. */
export function intended({ at, ...intent }: Intent, given?: Completion): CallRecord {
  const call: CallRecord = {
    content: undefined,
    reuseOf: undefined,
    kind: undefined,
    ...intent,
    state: "intended",
    ticket: undefined,
    outcome: undefined,
    usage: undefined,
    error: undefined,
    doubt: undefined,
    givenUp: undefined,
    cost: undefined,
    unused: undefined,
    reuses: 0,
    intendedAt: at,
    refusedAt: undefined,
    sentAgainAt: undefined,
    submittedAt: undefined,
    endedAt: undefined,
  };
  return given ? { ...call, ...completed(call, given, at) } : call;
}

export const refused = ({ state, ticket }: CallFacts, refusedAt: number): Change =>
  state === "intended" && !ticket ? { refusedAt } : undefined;

/** What somebody else has decided about stays so. */
export function leaves({ id, state, ticket }: CallFacts, at: number, inDoubt = false): Change {
  if (state === (inDoubt ? "ambiguous" : "intended") && !ticket)
    return { refusedAt: undefined, sentAgainAt: at };
  throw new StoreError(`Call ${id} is ${ticket ? "submitted" : state} by now, and was not sent again.`);
}

/** What it says of a call that it is not given up, or not any more. */
const STANDS = { givenUp: undefined } satisfies Change;

/** The first request id stays. It opens a call again that had failed or was given up: fal has it after all. */
export function submitted({ id, ticket: known, state }: CallFacts, ticket: Ticket, at: number): Change {
  if (known && known.requestId !== ticket.requestId) {
    const problem = `Call ${id} is request ${known.requestId} already, and cannot be ${ticket.requestId} too.`;
    throw new RequestClaimedError(ticket.requestId, problem);
  }
  if (known) return undefined;
  const evidence = { ticket, submittedAt: at };
  return state === "completed"
    ? evidence
    : { ...evidence, ...STANDS, state: "submitted", endedAt: undefined };
}

/** A call whose request is known is in no doubt. */
export const ambiguous = ({ state, ticket }: CallFacts, doubt: string, at: number): Change =>
  state === "completed" || ticket ? undefined : { ...STANDS, doubt, endedAt: at, state: "ambiguous" };

/** A result is final, and takes the place of any other end. */
export function completed(call: CallFacts, { data, cost, ...usage }: Completion, at: number): Change {
  const paid = cost && charged(call, cost);
  if (call.state === "completed") return paid;
  return { ...STANDS, outcome: { data, ...usage }, usage, endedAt: at, state: "completed", ...paid };
}

export const failed = ({ state }: CallFacts, error: SavedError, at: number): Change =>
  state === "completed" || state === "failed"
    ? undefined
    : { ...STANDS, error, endedAt: at, state: "failed" };

export const givenUp = ({ state }: CallFacts, why: GivenUp, at: number, error?: SavedError): Change =>
  state === "completed" || state === "failed" || state === "given-up"
    ? undefined
    : { givenUp: why, error, endedAt: at, state: "given-up" };

const CERTAINTY: readonly Cost["source"][] = ["unknown", "estimated", "measured", "invoiced"];

/** A cost never becomes less certain. */
export const charged = ({ cost: known }: Pick<CallFacts, "cost">, cost: Cost): Change =>
  known && CERTAINTY.indexOf(cost.source) < CERTAINTY.indexOf(known.source) ? undefined : { cost };

/** Whose bill it is on has paid. */
export const paidBy = (call: CallRecord): CallRecord =>
  call.cost?.source === "invoiced" && call.cost.account !== undefined
    ? { ...call, for: { ...call.for, account: call.cost.account } }
    : call;

export const reused = ({ reuses }: CallFacts): Change => ({ reuses: reuses + 1 });

/** Another call has taken its place in the run. */
export const SUPERSEDED = { key: undefined, unused: "superseded" } satisfies Change;
/** Its run completed without it. */
export const LEFT_OVER = { unused: "left-over" } satisfies Change;

/** What stays of a call in the ledger when its run is forgotten. */
export const FORGOTTEN = {
  ...{ key: undefined, body: undefined, outcome: undefined },
  ...{ content: undefined, reuseOf: undefined },
} satisfies Change;

export const noSuchCall = (id: string): StoreError => new StoreError(`The store has no call ${id}.`);

export const callExists = (id: string): StoreError => new StoreError(`The store has a call ${id} already.`);

export const keyTaken = ({ for: whose, key }: Intent): StoreError =>
  new StoreError(
    `The run ${runOf(whose)} has a call with the key ${key} already: two of its steps are the same one.`,
  );
