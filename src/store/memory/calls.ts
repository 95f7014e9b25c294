import { RequestClaimedError } from "../../errors/store.ts";
import type { CallJournal, CallQuery, CallRecord, Intent } from "../../journal/call.ts";
import type { Fence, RunRecord } from "../../journal/run.ts";
import { isMeant, spendOf } from "../../journal/spend-of.ts";
import type { Store } from "../../journal/store.ts";
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
  noSuchCall,
  reused,
  SUPERSEDED,
  submitted,
} from "../call-changes.ts";
import type { ShareFacts } from "../reservations.ts";
import { createBudgets } from "./budgets.ts";

/** Forgotten calls that are told from ones that were never there, and whose costs still settle what they had reserved. */
const KNOWN_FORGOTTEN = 10_000;

export interface CallsOptions {
  readonly keepEnded: number;
  /** @throws {LeaseLostError} */
  readonly assertHeld: (fence: Fence) => void;
  /** Whether the run is kept; its calls are then kept with it. */
  readonly isRunKept: (call: CallRecord) => boolean;
}

export interface Calls {
  readonly journal: CallJournal;
  readonly spend: Store["spend"];
  leftOver(ids: readonly string[]): void;
  runForgotten(run: RunRecord, why: "on-request" | "over-bound"): void;
}

export function createCalls({ keepEnded, assertHeld, isRunKept }: CallsOptions): Calls {
  const calls = new Map<string, CallRecord>();
  const byRequest = new Map<string, string>();
  const byKey = new Map<string, string>();
  const ended = new Set<string>();
  const forgotten = new Map<string, ShareFacts>();
  const budgets = createBudgets();

  const read = (id: string): CallRecord => {
    const call = calls.get(id);
    if (!call) throw noSuchCall(id);
    return call;
  };

  const write = (before: CallRecord, change: Change): void => {
    if (!change) return;
    const after = { ...before, ...change };
    calls.set(after.id, after);
    const key = placeOf(before);
    if (key !== undefined && after.key === undefined) byKey.delete(key);
    budgets.changed(before, after);
    bound(after);
  };

  const bound = (call: CallRecord): void => {
    const isOver = call.state === "completed" || call.state === "failed" || call.state === "given-up";
    if (!isOver || isRunKept(call)) ended.delete(call.id);
    else ended.add(call.id);
    for (const oldest of ended) {
      if (ended.size <= keepEnded) break;
      drop(read(oldest));
    }
  };

  const drop = (call: CallRecord): void => {
    ended.delete(call.id);
    calls.delete(call.id);
    const { id, cost, state, error } = call;
    forgotten.set(id, { id, cost, state, error });
    for (const oldest of forgotten.keys()) {
      if (forgotten.size <= KNOWN_FORGOTTEN) break;
      forgotten.delete(oldest);
      budgets.forget(oldest);
    }
    if (call.ticket) byRequest.delete(call.ticket.requestId);
    const key = placeOf(call);
    if (key !== undefined) byKey.delete(key);
  };

  const journal: CallJournal = {
    async intend(intent, { fence, replaces, reserve } = {}) {
      // All that can go wrong goes wrong before anything is changed.
      if (fence) assertHeld(fence);
      if (calls.has(intent.id)) throw callExists(intent.id);
      const replaced = replaces === undefined ? undefined : read(replaces);
      const key = placeOf(intent);
      const holder = key === undefined ? undefined : byKey.get(key);
      if (holder !== undefined && holder !== replaces) throw keyTaken(intent);
      budgets.assertRoom(reserve);

      if (replaced) write(replaced, SUPERSEDED);
      const call = intended(intent);
      calls.set(call.id, call);
      if (key !== undefined) byKey.set(key, call.id);
      budgets.reserve(call, reserve);
    },
    async submitted(id, ticket, at) {
      const call = read(id);
      const owner = byRequest.get(ticket.requestId);
      if (owner !== undefined && owner !== id) throw new RequestClaimedError(ticket.requestId);
      const change = submitted(call, ticket, at);
      byRequest.set(ticket.requestId, id);
      write(call, change);
    },
    ambiguous: async (id, doubt, at) => write(read(id), ambiguous(read(id), doubt, at)),
    completed: async (id, outcome, at) => write(read(id), completed(read(id), outcome, at)),
    failed: async (id, error, at) => write(read(id), failed(read(id), error, at)),
    givenUp: async (id, why, at, error) => write(read(id), givenUp(read(id), why, at, error)),
    async charged(id, cost) {
      // Many calls that end together are forgotten before their prices are there.
      const left = forgotten.get(id);
      if (!left) return write(read(id), charged(read(id), cost));
      const after = { ...left, ...charged(left, cost) };
      forgotten.set(id, after);
      budgets.changed(left, after);
    },
    reused: async (id) => write(read(id), reused(read(id))),
    get: async (id) => calls.get(id),
    list: async (query = {}) =>
      candidates(query)
        .filter(answers(query))
        .sort((a, b) => b.intendedAt - a.intendedAt)
        .slice(0, query.limit ?? 100),
  };

  function candidates({ requestId }: CallQuery): CallRecord[] {
    if (requestId === undefined) return [...calls.values()].reverse();
    const call = calls.get(byRequest.get(requestId) ?? "");
    return call ? [call] : [];
  }

  return {
    journal,
    spend: async (query) => spendOf(calls.values(), query),
    leftOver(ids) {
      for (const id of ids) write(read(id), LEFT_OVER);
    },
    runForgotten({ chain, id }, why) {
      for (const call of [...calls.values()].filter(answers({ chain, run: id }))) {
        write(call, why === "on-request" ? FORGOTTEN : {});
      }
    },
  };
}

/** A call's place in its run. */
const placeOf = ({ for: { chain, run }, key }: Pick<Intent, "for" | "key">): string | undefined =>
  key === undefined ? undefined : JSON.stringify([chain, run, key]);

const answers =
  ({ state, requestId, ...filter }: CallQuery) =>
  (call: CallRecord): boolean =>
    (state === undefined || call.state === state) &&
    (requestId === undefined || call.ticket?.requestId === requestId) &&
    isMeant(call, filter);
