import { type Attribution, attributionMark, currentAttribution } from "../attribution/context.ts";
import { bound } from "../base/async-context.ts";
import { whenAborted } from "../base/signal.ts";
import type { AdmittedCall, EnclosingRun } from "../calls/enclosing-run.ts";
import { type AskingCall, admit } from "./admitted-call.ts";
import { type Attempt, assertOpen, type Code } from "./attempt.ts";
import type { LiveRun } from "./live-run.ts";
import type { RunObserver } from "./observer.ts";
import { ofRun } from "./open-attempt.ts";
import type { StartWith } from "./plan.ts";

/**
 * Code that is executed before its run has begun: what needs the run begins it, and waits for that. It is made for each
 * request, so what only a call needs is made when there is one.
 */
export class EarlyCode implements Code {
  readonly live: LiveRun;
  readonly observer: RunObserver;
  readonly attribution: Attribution = currentAttribution();
  readonly mark: number = attributionMark();
  attempt: Attempt | undefined;
  /** Why its run cannot begin. */
  failure: { readonly error: unknown } | undefined;
  hasEnded = false;
  readonly #begin: () => void;
  /** What is to be done in the run, in the order of asking. */
  #waiting: Waiting[] | undefined;
  #enclosing: Writable<EnclosingRun> | undefined;
  #released: AbortController | undefined;
  #counts: Map<string, number> | undefined;

  /** @param begin Called by the first thing that needs the run. */
  constructor(live: LiveRun, tags: StartWith["tags"], begin: () => void) {
    this.live = live;
    this.observer = live.services.observeRun({ chain: live.plan.chain, run: live.plan.id, tags });
    this.#begin = begin;
    live.observer = this.observer;
  }

  get enclosing(): EnclosingRun {
    this.#enclosing ??= this.#enclosed();
    return this.#enclosing;
  }

  #enclosed(): Writable<EnclosingRun> {
    const { plan, cancelled } = this.live;
    return {
      ...{ of: ofRun(this.live, plan.startWith?.startedFor), budgets: [], reuse: plan.reuse },
      signal: cancelled.signal,
      detached: this.released.signal,
      admit: (call) => {
        assertOpen(this, `The call to ${call.endpoint}`);
        return this.attempt ? admit(this.attempt, call) : admittedLater(this, call);
      },
    };
  }

  /** Aborts as the run's does, which is not there before it has begun. */
  get released(): AbortController {
    this.#released ??= new AbortController();
    return this.#released;
  }

  get counts(): Map<string, number> {
    this.#counts ??= new Map();
    return this.#counts;
  }

  isClosed(): boolean {
    return this.attempt?.isClosed ?? this.hasEnded;
  }

  withAttempt<R>(fn: (attempt: Attempt) => Promise<R>): Promise<R> {
    if (this.attempt) return fn(this.attempt);
    if (this.failure) return Promise.reject(this.failure.error);
    const here = bound(fn);
    return new Promise<R>((resolve, reject) => {
      this.#waiting ??= [];
      this.#waiting.push({ act: (attempt) => resolve(here(attempt)), reject });
      if (this.#waiting.length === 1) this.#begin();
    });
  }

  /**
   * Its run has begun, and goes on with it. What has waited for that is done at once, before anything that is asked for
   * later.
   */
  takeOver(attempt: Attempt): void {
    const { released, over } = attempt.execution;
    this.attempt = attempt;
    this.#enclosing ??= this.#enclosed();
    this.#enclosing.of = attempt.of;
    this.#enclosing.budgets = attempt.budgets;
    whenAborted(released.signal, over.signal, () => this.released.abort(released.signal.reason));
    for (const { act } of this.#waiting?.splice(0) ?? []) act(attempt);
  }

  /**
   * Its run cannot begin, now or later: code that is told so may take another way, and pay for what the right one has paid
   * for.
   */
  giveUpRun(error: unknown): void {
    this.failure = { error };
    for (const { reject } of this.#waiting?.splice(0) ?? []) reject(error);
  }
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

interface Waiting {
  act(attempt: Attempt): void;
  reject(reason: unknown): void;
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
