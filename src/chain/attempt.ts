import { type Attribution, atAttribution, currentAttribution } from "../attribution/context.ts";
import type { Clock } from "../base/clock.ts";
import { type Caller, type CallObserver, type Place, withCaller } from "../calls/caller.ts";
import type { Calls } from "../calls/subscribe.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { LeaseLostError, RunBlockedError, RunStateError } from "../errors/runs.ts";
import type { KeptFiles } from "../files/kept-files.ts";
import type { Fence, RunRecord } from "../journal/runs.ts";
import type { CallRecord, Store } from "../journal/store.ts";
import type { RunBudget } from "../ledger/budget.ts";
import type { Cost } from "../money/cost.ts";
import type { RunCall, RunEvent } from "./events.ts";
import { trackFailures } from "./failures.ts";
import type { LeaseSettings } from "./lease.ts";
import { runStep } from "./memoized-step.ts";
import type { ObserveRun, RunObserver } from "./observer.ts";
import type { OpenRun } from "./open-run.ts";
import { originOf } from "./origin.ts";
import { atPosition, currentPosition } from "./position.ts";
import type { Replay } from "./replay.ts";
import { runFiles } from "./run-files.ts";
import type { Saved } from "./saved.ts";
import { fromJson } from "./saved-json.ts";
import { type Tools, tools } from "./tools.ts";

/** What a chain's function gets besides its input: what AsyncLocalStorage does, said explicitly. */
export interface RunScope extends Tools {
  readonly id: string;
  readonly chain: string;
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
  readonly subscribe: Calls["subscribe"];
}

export interface RunDeps {
  readonly clock: Clock;
  /** The runner that this is. */
  readonly jobId: () => string | undefined;
  readonly calls: Calls;
  readonly store: Store;
  /** The store itself, whatever stands before it: by it clients know each other. */
  readonly keptIn: Store;
  readonly lease: LeaseSettings;
  /** Whether nobody has said where runs are kept. */
  readonly isStoreUnsaid: () => boolean;
  readonly files: KeptFiles;
  /** Uploads a file, and gives its URL. */
  readonly upload: (file: Blob) => Promise<string>;
  readonly report: (what: string, error: unknown) => void;
  readonly observeRun: ObserveRun;
}

export interface AttemptOptions {
  readonly record: RunRecord;
  /** The incoming request that it answers, where it is the one that it was started for. */
  readonly incoming: Attribution["incoming"];
  /** What it may cost, and each run that it was started within. */
  readonly budgets: readonly RunBudget[];
  readonly fence: Fence;
  readonly replay: Replay;
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
  /** Aborts when the run is let go. */
  readonly detached: AbortSignal;
  /** @throws {LeaseLostError} */
  readonly permit: () => Promise<void>;
  /** What each call costs goes here, by its id. */
  readonly costs: Map<string, Promise<Cost | undefined>>;
  readonly onBlocked: (error: RunBlockedError) => void;
  readonly onLeaseLost: (error: LeaseLostError) => void;
  /** What its code is executed in. */
  readonly within: RunObserver["within"];
  readonly push: (event: RunEvent) => void;
}

/** The chain's code, executed once from its beginning, with what it asks for. */
export interface Attempt {
  run(execute: (input: unknown, scope: RunScope) => unknown): Promise<unknown>;
  /** From now on its code, of which some may still be on its way, gets nothing more. */
  close(): void;
  /** Once no call and no step of it is under way here. */
  ended(): Promise<void>;
  /** What has not begun to run need not be paid for; what runs is paid for already and goes on. */
  cancelQueued(): void;
  /** Paid calls of earlier executions that it did not ask for. */
  leftOver(): readonly RunCall[];
  /** The steps that an error came through, however deep it was wrapped; the innermost first. */
  keysOf(error: unknown): readonly string[];
  /** Whether this step's failure is one from an earlier execution. */
  isReplayed(key: string): boolean;
}

export function createAttempt(deps: RunDeps, options: AttemptOptions): Attempt {
  const { store, clock } = deps;
  const { record, fence, replay, push } = options;
  const { chain, id: run } = record;
  const { request, root, job, claimedRoot, within: outer = [] } = originOf(record);
  const open = new Map<string, { queued: boolean; cancel: () => Promise<unknown>; ended: Promise<void> }>();
  const steps = new Set<Promise<unknown>>();
  const labels = new Map<string, number>();
  const failures = trackFailures();
  const replayed = new Set<string>();
  const files = runFiles({ ...deps, fence, memo: (key) => replay.step(key).record });
  let closed = false;
  let blocked = false;

  const itself = { run: `${chain}/${run}`, job: job ?? deps.jobId(), trace: undefined };
  const of = { chain, run, root: root ?? itself, claimedRoot };
  const { signal, detached, budgets } = options;
  const caller: Caller = { signal, detached, of, budgets, admit };
  const home: Attribution = { tags: record.tags, request, incoming: options.incoming };
  const { occurrence, retries } = replay;
  const assertOpen = (what: string) => {
    if (closed || blocked) throw afterTheEnd(what);
  };
  const failedIn = (inner: string, error: unknown, isReplayed: boolean) => {
    failures.from(inner, error);
    if (isReplayed) replayed.add(inner);
  };
  const inside: OpenRun = {
    ...{ chain, run, within: outer, store: deps.keptIn, signal, detached },
    ...{ assertOpen, step, occurrence, retries, failedIn },
  };

  return {
    run: (execute) => within(async () => execute(fromJson(record.input), scope())),
    close() {
      closed = true;
    },
    async ended() {
      await Promise.all([...open.values()].map((call) => call.ended));
      await Promise.allSettled(steps);
    },
    cancelQueued() {
      for (const call of open.values()) if (call.queued) void call.cancel();
    },
    leftOver: () =>
      replay.leftOver().map(({ id, step, endpoint }) => ({ id, step: step ?? endpoint, endpoint })),
    keysOf: failures.keysOf,
    isReplayed: (key) => replayed.has(key),
  };

  function within<R>(fn: () => R): R {
    const known = currentPosition();
    const isHere = known?.inside === inside;
    // Where the context was lost, what is found instead is somebody else's.
    const attribution = isHere ? currentAttribution() : home;
    const position = isHere ? known : { inside, scope: "" };
    const entered = isHere ? fn : () => options.within(fn);
    return atPosition(position, () => withCaller(caller, () => atAttribution(attribution, entered)));
  }

  function scope(): RunScope {
    return {
      id: run,
      chain,
      signal: options.signal,
      subscribe: (endpoint, call) => within(() => deps.calls.subscribe(endpoint, call)),
      step: (name, fn) => within(() => tools.step(name, fn)),
      map: ((items: never, fn: never, how: never) => within(() => tools.map(items, fn, how))) as Tools["map"],
      branch: (name, fn) => within(() => tools.branch(name, fn)),
      fallback: (thunks, how) => within(() => tools.fallback(thunks, how)),
    };
  }

  async function step<T>(scope: string, name: string, fn: () => T | PromiseLike<T>): Promise<Saved<T>> {
    assertOpen(`The step "${name}"`);
    const parts = { store, clock, fence, failures, replayed, push, isOver };
    const running = runStep(parts, replay, { scope, name }, fn);
    steps.add(running);
    return running.finally(() => steps.delete(running));
  }

  /** Whether what fails now may fail because of that. */
  function isOver(): boolean {
    return closed || blocked || options.signal.aborted || options.detached.aborted;
  }

  function admit({ id, endpoint, step, onChange, cancel }: Parameters<Caller["admit"]>[0]): CallObserver {
    assertOpen(`The call to ${endpoint}`);
    const fresh: RunCall = { id, endpoint, step: uniqueLabel(step ?? endpoint) };
    let call = fresh;
    let key: string | undefined;
    let known: CallRecord | undefined;
    const { scope = "" } = currentPosition() ?? {};
    const turn = replay.turn();
    const done = Promise.withResolvers<void>();
    const state = { queued: true, cancel, ended: done.promise };
    open.set(id, state);

    return {
      async place({ content }): Promise<Place> {
        const found = await turn.find({ endpoint, content, scope, step, onChange });
        key = found.key;
        known = found.record;
        if (known) call = { ...fresh, id: known.id };
        // Of a request that exists already nobody here knows whether it runs.
        state.queued = known === undefined;
        const mayBeAnew = !known || known.state === "given-up";
        const replacements = mayBeAnew ? await files.replacementsOf(content) : new Map();
        return { ...found, fence, upload: files.upload, replacements, permit: options.permit, anew };
      },
      event(event) {
        if (event.type === "queued") state.queued = true;
        if (event.type === "running") state.queued = false;
        push({ type: "call", at: event.at, call, event });
        if (event.type !== "completed") return;
        if (key !== undefined) replay.produced(key, event.result.data);
        if (known?.state === "completed") files.remember(call.step, event.result.data);
      },
      ended({ error, cost }) {
        if (error instanceof LeaseLostError && !closed) options.onLeaseLost(error);
        const before = costBefore(error);
        if (error !== undefined) failed(error);
        if (error === undefined || !options.detached.aborted) charge(call, before ?? cost);
        turn.over();
        open.delete(id);
        done.resolve();
      },
    };

    function anew(): void {
      known = undefined;
      call = fresh;
      state.queued = true;
    }

    /** What is certain already is not told less certainly; a failure from before costs what it did then. */
    function costBefore(error: unknown): Promise<Cost | undefined> | undefined {
      const isCertain = known?.cost !== undefined && known.cost.source !== "unknown";
      return isCertain || (error !== undefined && isFailed(known)) ? Promise.resolve(known?.cost) : undefined;
    }

    function failed(error: unknown): void {
      if (options.detached.aborted) return;
      push({ type: "call-failed", at: clock.now(), call, error });
      if (key !== undefined) {
        failures.from(key, error);
        if (isFailed(known)) replayed.add(key);
      }
      // What is forgotten with the process cannot wait for a person.
      if (!(error instanceof AmbiguousSubmitError) || !store.durable || isOver()) return;
      if (isFailed(known)) return;
      blocked = true;
      const { id: callId, step } = call;
      const doubt = new RunBlockedError({ chain, run, step, callId, endpoint, cause: error });
      options.onBlocked(failures.from(key ?? "", doubt));
    }
  }

  function charge(call: RunCall, found: Promise<Cost | undefined> | undefined): void {
    if (!found) return;
    options.costs.set(
      call.id,
      found.then((cost) => {
        if (cost) push({ type: "charged", at: clock.now(), call, cost });
        return cost;
      }),
    );
  }

  function uniqueLabel(name: string): string {
    const nth = (labels.get(name) ?? 0) + 1;
    labels.set(name, nth);
    return nth === 1 ? name : `${name} #${nth}`;
  }

  function afterTheEnd(what: string): RunStateError {
    return new RunStateError(
      "run_ended",
      `${what} was made after its run ${chain}/${run} had ended, so nothing would wait for it. Await every call inside ` +
        "the chain.",
    );
  }
}

const isFailed = (record: CallRecord | undefined): boolean =>
  record?.state === "failed" || record?.state === "given-up";
