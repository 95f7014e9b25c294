import { attributionMark, currentAttribution } from "../attribution/context.ts";
import { bound } from "../base/async-context.ts";
import { whenAborted } from "../base/signal.ts";
import type { AdmittedCall, EnclosingRun } from "../calls/enclosing-run.ts";
import { type AskingCall, admit } from "./admitted-call.ts";
import { type Attempt, assertOpen, type Code } from "./attempt.ts";
import type { LiveRun } from "./live-run.ts";
import { ofRun } from "./open-attempt.ts";
import type { StartWith } from "./plan.ts";

/** Code that is executed before its run has begun: what needs the run begins it, and waits for that. */
export interface EarlyCode extends Code {
  attempt: Attempt | undefined;
  readonly enclosing: { -readonly [Name in keyof EnclosingRun]: EnclosingRun[Name] };
  /** Aborts as the run's does, which is not there before it has begun. */
  readonly released: AbortController;
  /** What is to be done in the run, in the order of asking. */
  readonly waiting: Waiting[];
  /** Why its run cannot begin. */
  failure: { readonly error: unknown } | undefined;
  hasEnded: boolean;
}

interface Waiting {
  act(attempt: Attempt): void;
  reject(reason: unknown): void;
}

/** @param begin Called by the first thing that needs the run. */
export function earlyCode(live: LiveRun, { tags, startedFor }: StartWith, begin: () => void): EarlyCode {
  const { chain, id: run } = live.plan;
  const observer = live.services.observeRun({ chain, run, tags });
  live.observer = observer;
  const released = new AbortController();
  // Made for each request, and so without getters: V8 takes an object with them for one of a kind, and keeps the kind.
  const code: EarlyCode = {
    ...{ live, observer, released },
    enclosing: {
      ...{ of: ofRun(live, startedFor), budgets: [], reuse: live.plan.reuse },
      signal: live.cancelled.signal,
      detached: released.signal,
      admit(call) {
        assertOpen(code, `The call to ${call.endpoint}`);
        return code.attempt ? admit(code.attempt, call) : admittedLater(code, call);
      },
    },
    attribution: currentAttribution(),
    mark: attributionMark(),
    counts: new Map(),
    attempt: undefined,
    waiting: [],
    failure: undefined,
    hasEnded: false,
    isClosed: () => code.attempt?.isClosed ?? code.hasEnded,
    withAttempt<R>(fn: (attempt: Attempt) => Promise<R>): Promise<R> {
      const { attempt, failure, waiting } = code;
      if (attempt) return fn(attempt);
      if (failure) return Promise.reject(failure.error);
      const here = bound(fn);
      const done = new Promise<R>((resolve, reject) => {
        waiting.push({ act: (attempt) => resolve(here(attempt)), reject });
      });
      if (waiting.length === 1) begin();
      return done;
    },
  };
  return code;
}

/** Its run has begun, and goes on with it. What has waited for that is done at once, before anything that is asked for later. */
export function takeOver(code: EarlyCode, attempt: Attempt): void {
  const { enclosing, waiting } = code;
  const { released, over } = attempt.execution;
  code.attempt = attempt;
  enclosing.of = attempt.of;
  enclosing.budgets = attempt.budgets;
  whenAborted(released.signal, over.signal, () => code.released.abort(released.signal.reason));
  for (const { act } of waiting.splice(0)) act(attempt);
}

/** Its run cannot begin, now or later: code that is told so may take another way, and pay for what the right one has paid for. */
export function giveUpRun(code: EarlyCode, error: unknown): void {
  code.failure = { error };
  for (const { reject } of code.waiting.splice(0)) reject(error);
}

/** A call of a run that has not begun: it keeps its place among the others, and is let in when it is looked for. */
function admittedLater(code: EarlyCode, call: AskingCall): AdmittedCall {
  let admitted: AdmittedCall | undefined;
  const untold: ((admitted: AdmittedCall) => void)[] = [];
  const admitting = code.withAttempt(async (attempt) => {
    admitted = admit(attempt, call);
    for (const tell of untold) tell(admitted);
    return admitted;
  });
  admitting.catch(() => {});
  const tell = (what: (admitted: AdmittedCall) => void): void => {
    if (admitted) what(admitted);
    else untold.push(what);
  };
  return {
    find: async (input) => (await admitting).find(input),
    identify: (record) => tell((admitted) => admitted.identify(record)),
    startsAnew: () => tell((admitted) => admitted.startsAnew()),
    triesAgain: (id, failed) => tell((admitted) => admitted.triesAgain(id, failed)),
    event: (event) => tell((admitted) => admitted.event(event)),
    failure: (error) => admitted?.failure(error) ?? error,
    ended: (end) => tell((admitted) => admitted.ended(end)),
  };
}
