import { RequestClaimedError } from "../../errors/store.ts";
import type {
  CallJournal,
  CallQuery,
  CallRecord,
  Intent,
  IntentTerms,
  PaidCall,
  Ticket,
} from "../../journal/call.ts";
import type { RunRecord } from "../../journal/run.ts";
import { type Folded, fold, isMeant } from "../../journal/spend-of.ts";
import type { Cost, Reservation } from "../../money/cost.ts";
import {
  ambiguous,
  type Change,
  callExists,
  charged,
  completed,
  FORGOTTEN,
  failed,
  givenUp,
  intended,
  keyTaken,
  LEFT_OVER,
  leaves,
  noSuchCall,
  paidBy,
  refused,
  reused,
  SUPERSEDED,
  submitted,
} from "../call-changes.ts";
import {
  assertRoom,
  inOrder,
  moved,
  NOTHING_USED,
  type ShareFacts,
  shareOf,
  type Used,
  windowKey,
} from "../reservations.ts";
import { bookedCall, correct, type KeptMonths, keptMonths } from "./months.ts";
import { learn, type PastCosts, pastCosts } from "./past-costs.ts";
import {
  callIn,
  drop,
  heldRun,
  isKept,
  type KeptRuns,
  resize,
  roughSize,
  type WhyForgotten,
} from "./runs.ts";

/** Forgotten calls that are told from ones that were never there, and whose costs still settle what they had reserved. */
const KNOWN_FORGOTTEN = 10_000;
/** Windows whose calls have all been paid or dropped are kept up to this number, the one used longest ago out first. */
const KEPT_WINDOWS = 100_000;

/** The calls of a store in memory, and what budgets have used. */
export interface KeptCalls {
  readonly runs: KeptRuns;
  readonly keepEnded: number;
  readonly byId: Map<string, CallRecord>;
  readonly byRequest: Map<string, string>;
  readonly byKey: Map<string, string>;
  /** The ids of calls that ask for the same, oldest first. */
  readonly byContent: Map<string, Set<string>>;
  /** Those that go when there are too many, oldest first. */
  readonly ended: Set<string>;
  readonly forgotten: Map<string, CallRecord>;
  /** What those cost that are not known any more, added up. */
  readonly folded: Map<string, Folded>;
  /** By window of a budget. */
  readonly used: Map<string, Used>;
  /** What those who reserved last were held to, by window of a budget. */
  readonly limits: Map<string, number>;
  readonly past: PastCosts;
  readonly months: KeptMonths;
  /** By call. */
  readonly reservations: Map<string, readonly Reservation[]>;
}

export const keptCalls = (runs: KeptRuns, keepEnded: number): KeptCalls => ({
  runs,
  folded: new Map(),
  keepEnded,
  byId: new Map(),
  byRequest: new Map(),
  byKey: new Map(),
  byContent: new Map(),
  ended: new Set(),
  forgotten: new Map(),
  used: new Map(),
  limits: new Map(),
  past: new Map(),
  months: keptMonths(),
  reservations: new Map(),
});

export function callJournal(calls: KeptCalls): CallJournal {
  const change = (id: string, changed: (call: CallRecord) => Change, at?: number): void => {
    const call = read(calls, id);
    write(calls, call, changed(call), at);
    makeRoom(calls);
  };
  return {
    async intend(call, terms) {
      intend(calls, call, terms);
      makeRoom(calls);
    },
    refused: async (id, at) => change(id, (call) => refused(call, at)),
    async leaves(id, at, { fence, inDoubt } = {}) {
      if (fence) heldRun(calls.runs, fence);
      change(id, (call) => leaves(call, at, inDoubt));
    },
    submitted: async (id, ticket, at) => submit(calls, id, ticket, at),
    ambiguous: async (id, doubt, at) => change(id, (call) => ambiguous(call, doubt, at)),
    completed: async (id, outcome, at) => change(id, (call) => completed(call, outcome, at), at),
    failed: async (id, error, at) => change(id, (call) => failed(call, error, at)),
    givenUp: async (id, why, at, error) => change(id, (call) => givenUp(call, why, at, error)),
    charged: async (id, cost, at) => charge(calls, id, cost, at),
    reused: async (id) => change(id, reused),
    pastCosts: async (kind) => pastCosts(calls.past, kind),
    get: async (id) => calls.byId.get(id),
    paidFor: async (content, since) => paidFor(calls, content, since),
    list: async (query = {}) =>
      candidates(calls, query)
        .filter(answers(query))
        .sort((a, b) => b.intendedAt - a.intendedAt)
        .slice(0, query.limit ?? 100),
  };
}

export function markLeftOver(calls: KeptCalls, ids: readonly string[]): void {
  for (const id of ids) write(calls, read(calls, id), LEFT_OVER);
}

/** Its calls are kept for themselves from now on, without keys and payloads where its user wanted it forgotten. */
export function runForgotten(calls: KeptCalls, { chain, id }: RunRecord, why: WhyForgotten): void {
  const changes = { "on-request": FORGOTTEN, "over-bound": {}, "over-bytes": WITHOUT_PAYLOAD };
  for (const call of [...calls.byId.values()].filter(answers({ chain, run: id }))) {
    write(calls, call, changes[why]);
  }
}

/** While payloads take too much, those go that have ended, oldest first: of a run it and all that it has. */
export function makeRoom(calls: KeptCalls): void {
  const { room } = calls.runs;
  for (const what of room.ended) {
    if (room.bytes <= room.limit) return;
    room.ended.delete(what);
    const name = what.slice(what.indexOf(" ") + 1);
    const call = calls.byId.get(name);
    if (what === callIn(name)) {
      if (call) write(calls, call, WITHOUT_PAYLOAD);
    } else {
      drop(calls.runs, name, "over-bytes");
    }
  }
}

const WITHOUT_PAYLOAD = { body: undefined, outcome: undefined } satisfies Change;

function paidFor({ byId, byContent }: KeptCalls, content: string, since: number): PaidCall[] {
  return [...(byContent.get(content) ?? [])]
    .flatMap((id) => byId.get(id) ?? [])
    .filter(
      ({ outcome, reuseOf, endedAt = 0 }) => outcome?.data !== undefined && !reuseOf && endedAt >= since,
    )
    .reverse()
    .sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
}

function intend(calls: KeptCalls, intent: Intent, terms: IntentTerms = {}): void {
  const { fence, replaces, reserve, given } = terms;
  const { byId, byKey } = calls;
  // All that can go wrong goes wrong before anything is changed.
  if (fence) heldRun(calls.runs, fence);
  if (byId.has(intent.id)) throw callExists(intent.id);
  const replaced = replaces === undefined ? undefined : read(calls, replaces);
  const key = placeOf(intent);
  const holder = key === undefined ? undefined : byKey.get(key);
  if (holder !== undefined && holder !== replaces) throw keyTaken(intent);
  const wanted = inOrder(reserve);
  for (const reservation of wanted) {
    assertRoom(reservation, calls.used.get(windowKey(reservation)) ?? NOTHING_USED);
  }

  if (replaced) write(calls, replaced, SUPERSEDED);
  const call = intended(intent, given);
  byId.set(call.id, call);
  if (call.content !== undefined) sameContent(calls, call.content).add(call.id);
  resize(calls.runs.room, callIn(call.id), sizeOf(call));
  if (key !== undefined) byKey.set(key, call.id);
  if (wanted.length > 0) calls.reservations.set(call.id, wanted);
  for (const reservation of wanted) {
    calls.limits.set(windowKey(reservation), reservation.limitNanoUsd);
    moveShare(calls, reservation, NOTHING_USED, shareOf(call, reservation.nanoUsd));
  }
  if (given) dropOldest(calls, call);
}

function sameContent({ byContent }: KeptCalls, content: string): Set<string> {
  const known = byContent.get(content) ?? new Set();
  byContent.set(content, known);
  return known;
}

function dropContent(calls: KeptCalls, { id, content }: CallRecord): void {
  if (content === undefined) return;
  const known = sameContent(calls, content);
  known.delete(id);
  if (known.size === 0) calls.byContent.delete(content);
}

function submit(calls: KeptCalls, id: string, ticket: Ticket, at: number): void {
  const call = read(calls, id);
  const owner = calls.byRequest.get(ticket.requestId);
  if (owner !== undefined && owner !== id) throw new RequestClaimedError(ticket.requestId);
  const change = submitted(call, ticket, at);
  calls.byRequest.set(ticket.requestId, id);
  write(calls, call, change);
}

function charge(calls: KeptCalls, id: string, cost: Cost, at: number): void {
  // Many calls that end together are forgotten before their prices are there.
  const left = calls.forgotten.get(id);
  if (left) {
    const after = paidBy({ ...left, ...charged(left, cost) });
    calls.forgotten.set(id, after);
    correct(calls.months, left, after, at);
    learn(calls.past, after);
    updateShares(calls, left, after);
  } else {
    const call = read(calls, id);
    write(calls, call, charged(call, cost), at);
  }
}

function read({ byId }: KeptCalls, id: string): CallRecord {
  const call = byId.get(id);
  if (!call) throw noSuchCall(id);
  return call;
}

/** @param at When it is noted, of what may say a cost. */
function write(calls: KeptCalls, before: CallRecord, change: Change, at?: number): void {
  if (!change) return;
  const after = paidBy({ ...before, ...change });
  calls.byId.set(after.id, after);
  if (at !== undefined) correct(calls.months, before, after, at);
  if (after.body !== before.body || after.outcome !== before.outcome || after.error !== before.error) {
    resize(calls.runs.room, callIn(after.id), sizeOf(after));
  }
  const key = placeOf(before);
  if (key !== undefined && after.key === undefined) calls.byKey.delete(key);
  if (after.content !== before.content) dropContent(calls, before);
  updateShares(calls, before, after);
  if (after.cost !== before.cost || after.state !== before.state) learn(calls.past, after);
  dropOldest(calls, after);
}

/** The call has changed, and with it perhaps whether it is kept. */
function dropOldest(calls: KeptCalls, call: CallRecord): void {
  const { ended } = calls;
  const { room } = calls.runs;
  const isOver = call.state === "completed" || call.state === "failed" || call.state === "given-up";
  if (!isOver || isKept(calls.runs, call.for)) {
    ended.delete(call.id);
    room.ended.delete(callIn(call.id));
  } else {
    ended.add(call.id);
    if (call.body !== undefined || call.outcome) room.ended.add(callIn(call.id));
  }
  for (const oldest of ended) {
    if (ended.size <= calls.keepEnded) break;
    forget(calls, read(calls, oldest));
  }
}

/** What it cost is not forgotten. */
function forget(calls: KeptCalls, call: CallRecord): void {
  const { runs, byId, byRequest, byKey, ended, forgotten, folded, reservations } = calls;
  const { id, error } = call;
  ended.delete(id);
  byId.delete(id);
  dropContent(calls, call);
  runs.room.ended.delete(callIn(id));
  resize(runs.room, callIn(id), 0);
  forgotten.set(id, { ...call, ...WITHOUT_PAYLOAD, error: error && { ...error, message: "", facts: {} } });
  for (const [oldest, known] of forgotten) {
    if (forgotten.size <= KNOWN_FORGOTTEN) break;
    forgotten.delete(oldest);
    fold(folded, bookedCall(calls.months, known));
    calls.months.booked.delete(oldest);
    // Whatever it takes of its budgets now, it takes from now on.
    reservations.delete(oldest);
  }
  if (call.ticket) byRequest.delete(call.ticket.requestId);
  const key = placeOf(call);
  if (key !== undefined) byKey.delete(key);
}

/** A call has changed, and with it perhaps what it takes of its budgets. */
function updateShares(calls: KeptCalls, before: ShareFacts, after: ShareFacts): void {
  for (const reservation of calls.reservations.get(after.id) ?? []) {
    moveShare(calls, reservation, shareOf(before, reservation.nanoUsd), shareOf(after, reservation.nanoUsd));
  }
}

function moveShare({ used, limits }: KeptCalls, reservation: Reservation, from: Used, to: Used): void {
  const key = windowKey(reservation);
  const now = moved(used.get(key) ?? NOTHING_USED, from, to);
  used.delete(key);
  used.set(key, now);
  for (const [oldest, { reservedNanoUsd }] of used) {
    if (used.size <= KEPT_WINDOWS) break;
    if (reservedNanoUsd > 0) continue;
    used.delete(oldest);
    limits.delete(oldest);
  }
}

function candidates({ byId, byRequest }: KeptCalls, { requestId }: CallQuery): CallRecord[] {
  if (requestId === undefined) return [...byId.values()].reverse();
  const call = byId.get(byRequest.get(requestId) ?? "");
  return call ? [call] : [];
}

const sizeOf = ({ body, outcome, error }: CallRecord): number => roughSize([body, outcome, error]);

/** A call's place in its run. */
const placeOf = ({ for: { chain, run }, key }: Pick<Intent, "for" | "key">): string | undefined =>
  key === undefined ? undefined : JSON.stringify([chain, run, key]);

const isUnpriced = ({ state, cost }: CallRecord): boolean =>
  cost ? cost.source === "unknown" && cost.reason === "no_price" : state === "completed";

const answers =
  ({ state, requestId, unpriced, ...filter }: CallQuery) =>
  (call: CallRecord): boolean =>
    (!unpriced || isUnpriced(call)) &&
    (state === undefined || call.state === state) &&
    (requestId === undefined || call.ticket?.requestId === requestId) &&
    isMeant(call, filter);
