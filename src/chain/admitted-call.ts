import type { AdmittedCall, CallInfo, EnclosingRun, FoundStep } from "../calls/enclosing-run.ts";
import type { CallEvent } from "../calls/events.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { LeaseLostError, RunBlockedError } from "../errors/runs.ts";
import type { CallRecord } from "../journal/call.ts";
import type { Cost } from "../money/cost.ts";
import { type Attempt, forgotten, heedStore, isForgotten, isOver, uniqueLabel } from "./attempt.ts";
import type { RunCall } from "./events.ts";
import { type CallUnderWay, tell } from "./execution.ts";
import { findCall } from "./find-call.ts";
import { currentPosition } from "./position.ts";
import { endTurn, type Turn, takeTurn } from "./replay.ts";
import { noteOldFiles, replacementsOf, uploadOnce } from "./run-files.ts";

/** A call of the run, from its first moment to its end. */
interface CallInRun extends CallUnderWay {
  readonly attempt: Attempt;
  readonly info: CallInfo;
  readonly scope: string;
  readonly turn: Turn;
  /** As which it would be made anew. */
  fresh: RunCall;
  /** As which it is told of: the recorded one where there is one. */
  told: RunCall;
  /** Undefined until it is looked for. */
  key: string | undefined;
  /** What an earlier execution has of it. */
  record: CallRecord | undefined;
}

/** What asks to be let in. */
export type AskingCall = Parameters<EnclosingRun["admit"]>[0];

export function admit(attempt: Attempt, info: AskingCall): AdmittedCall {
  const { id, endpoint, step, asksForRequest, live, cancel } = info;
  const name = step ?? endpoint;
  const fresh = { id, endpoint, step: asksForRequest ? name : uniqueLabel(attempt, name) };
  attempt.told.set(id, fresh);
  const { callsUnderWay } = attempt.execution;
  const { promise, resolve } = Promise.withResolvers<void>();
  const call: CallInRun = {
    ...{ attempt, info, fresh, live, cancel },
    scope: currentPosition()?.scope ?? "",
    turn: takeTurn(attempt.replay.turns),
    told: fresh,
    key: undefined,
    record: undefined,
    isQueued: true,
    ended: promise,
  };
  callsUnderWay.set(id, call);
  return {
    find: ({ content, how }) => find(call, content, how),
    identify(record) {
      call.key = record.key;
      identify(call, record);
    },
    startsAnew: () => forgetRecord(call),
    triesAgain(id, { error, cost }) {
      // An earlier execution has told of a failure that it left behind.
      if (!call.record) noteEnd(call, error, cost);
      call.fresh = { ...call.fresh, id };
      attempt.told.set(id, call.fresh);
      forgetRecord(call);
    },
    event: (event) => noteEvent(call, event),
    failure: (error) => (isForgotten(attempt, error) ? forgotten(attempt, `The call to ${endpoint}`) : error),
    ended({ error, cost }) {
      noteEnd(call, error, cost);
      endTurn(attempt.replay.turns, call.turn);
      callsUnderWay.delete(id);
      if (error !== undefined && !live.isHeard) attempt.execution.unheard.set(id, call);
      resolve();
    },
  };
}

async function find(call: CallInRun, content: string, how: string | undefined): Promise<FoundStep> {
  const { attempt, info, scope, turn } = call;
  const { endpoint, step, onChange } = info;
  const { fence, lease } = attempt.execution;
  const found = await findCall(attempt.replay, turn, { endpoint, content, how, scope, step, onChange });
  const { key, record } = found;
  call.key = key;
  if (record) identify(call, record);
  const mayBeAnew = !record || record.state === "given-up";
  return {
    ...found,
    fence,
    replacements: mayBeAnew ? await replacementsOf(attempt, content) : new Map(),
    upload: (digest, put) => uploadOnce(attempt, digest, put),
    permit: lease.permit,
  };
}

/** It is this one, which an earlier execution has made. */
function identify(call: CallInRun, record: CallRecord): void {
  const { told } = call.attempt;
  call.record = record;
  // One that was submitted here is told of as it was then.
  call.told = told.get(record.id) ?? { ...call.fresh, id: record.id };
  told.set(record.id, call.told);
  // Of a request that exists already nobody here knows whether it runs.
  call.isQueued = false;
}

/** Nothing of it can be had, so that it is submitted anew. */
function forgetRecord(call: CallInRun): void {
  call.record = undefined;
  call.told = call.fresh;
  call.isQueued = true;
}

function noteEvent(call: CallInRun, event: CallEvent): void {
  const { attempt, key, record, told } = call;
  if (event.type === "queued") call.isQueued = true;
  if (event.type === "running") call.isQueued = false;
  tell(attempt.execution, { type: "call", at: event.at, call: told, event });
  if (event.type !== "completed") return;
  const { data } = event.result;
  if (key !== undefined) attempt.replay.urls.produced(key, data);
  if (record?.state === "completed") noteOldFiles(attempt, told.step, data);
}

/** @param cost Undefined where nothing was paid, or nobody here waits for what is. */
function noteEnd(call: CallInRun, error: unknown, cost: Promise<Cost | undefined> | undefined): void {
  const { isClosed, execution } = call.attempt;
  const { released } = execution;
  if (error instanceof LeaseLostError && !isClosed) released.abort(error);
  heedStore(call.attempt, error);
  if (error !== undefined && released.signal.aborted) return;
  const known = costsAsBefore(call, error) ? Promise.resolve(call.record?.cost) : cost;
  if (error !== undefined) noteFailure(call, error);
  if (known) noteCost(call, known);
}

/** What is certain already is not told less certainly; a failure from before costs what it did then. */
function costsAsBefore({ record }: CallInRun, error: unknown): boolean {
  const isCertain = record?.cost !== undefined && record.cost.source !== "unknown";
  return isCertain || (error !== undefined && hasFailed(record));
}

function noteCost({ attempt, told }: CallInRun, found: Promise<Cost | undefined>): void {
  const { execution } = attempt;
  const { clock } = execution.live.services;
  const noted = found.then((cost) => {
    if (cost) tell(execution, { type: "charged", at: clock.now(), call: told, cost });
    return cost;
  });
  execution.costs.set(told.id, noted);
}

function noteFailure({ attempt, key, record, told }: CallInRun, error: unknown): void {
  const { execution } = attempt;
  const { failures, live } = execution;
  const { store, clock } = live.services;
  tell(execution, { type: "call-failed", at: clock.now(), call: told, error });
  if (key !== undefined) failures.from(key, error);
  if (hasFailed(record)) {
    if (key !== undefined) attempt.replayed.add(key);
    return;
  }
  // What is forgotten with the process cannot wait for a person.
  if (!(error instanceof AmbiguousSubmitError) || !store.durable || isOver(attempt)) return;
  attempt.isClosed = true;
  const { chain, run } = execution.fence;
  const { id: callId, step, endpoint } = told;
  const blocked = new RunBlockedError({ chain, run, step, callId, endpoint, cause: error });
  execution.stopped.abort(key === undefined ? blocked : failures.from(key, blocked));
}

const hasFailed = (record: CallRecord | undefined): boolean =>
  record?.state === "failed" || record?.state === "given-up";
