import { withAttribution } from "../attribution/context.ts";
import type { Clock } from "../base/clock.ts";
import type { Cost } from "../base/cost.ts";
import { AmbiguousSubmitError, RunAbortedError, RunStateError } from "../base/errors.ts";
import type { CallRecord, Store } from "../base/journal.ts";
import type { Fence, RunEnd, RunRecord } from "../base/run-journal.ts";
import { type Caller, type CallObserver, type Place, withCaller } from "../calls/caller.ts";
import { savedError } from "../calls/saved-error.ts";
import type { Calls } from "../calls/subscribe.ts";
import type { KeptFiles } from "../files/kept-files.ts";
import { RunBlockedError } from "./errors.ts";
import { eventWriter } from "./event-writer.ts";
import type { RunCall, RunEvent } from "./events.ts";
import { trackFailures } from "./failures.ts";
import type { RunInside } from "./inside.ts";
import { keepLease, type LeaseSettings } from "./lease.ts";
import { runStep } from "./memoized-step.ts";
import { atPosition, currentPosition } from "./position.ts";
import { openReplay } from "./replay.ts";
import { runFiles } from "./run-files.ts";
import type { Saved } from "./saved.ts";
import { fromJson, toJson } from "./saved-json.ts";
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
  readonly calls: Calls;
  readonly store: Store;
  readonly lease: LeaseSettings;
  readonly files: KeptFiles;
  /** Uploads a file, and gives its URL. */
  readonly upload: (file: Blob) => Promise<string>;
  readonly report: (what: string, error: unknown) => void;
}

export interface ExecutionOptions {
  readonly record: RunRecord;
  /** When the claim was sent off. */
  readonly claimedAt: number;
  readonly first: RunEvent;
  readonly execute: (input: unknown, scope: RunScope) => unknown;
  readonly onDiverge: "throw" | "pay";
  /**
   * What becomes of a failed run that is taken up again: its failure is replayed, the step that it failed with is tried
   * again, or every such step in turn, until there is a fresh failure or none.
   */
  readonly onFailed: "replay" | "retry-last" | "retry";
  /** Whether the output is handed over as it is, and not kept. */
  readonly passThrough: boolean;
  /** Aborts when the run is cancelled, with what it rejects with. */
  readonly signal: AbortSignal;
  /** Aborts when the run is let go, with what it rejects with. */
  readonly detached: AbortSignal;
  readonly onCancel: (reason: string) => void;
  readonly push: (event: RunEvent) => void;
}

export interface Execution {
  /** The output. Rejects with what the run fails with. */
  readonly outcome: Promise<unknown>;
  /** Once no call of it is under way here: what each cost. */
  readonly costs: Promise<readonly Cost[]>;
}

/** One execution of a run that is ours, from the claim to the end that the store has. */
export function execute(deps: RunDeps, options: ExecutionOptions): Execution {
  const { store, clock } = deps;
  const { record } = options;
  const { chain, id: run } = record;
  const fence: Fence = { chain, run, epoch: record.epoch };
  const letGo = new AbortController();
  const blocked = Promise.withResolvers<never>();
  blocked.promise.catch(() => {});
  const open = new Map<string, { queued: boolean; cancel: () => Promise<unknown>; ended: Promise<void> }>();
  /** By call: one that is asked for again after a failure is one call. */
  const costs = new Map<string, Promise<Cost | undefined>>();
  const labels = new Map<string, number>();
  const failures = trackFailures();
  const replayed = new Set<string>();
  const retry = new Set<string>(options.onFailed !== "replay" && record.failedKey ? [record.failedKey] : []);
  let ended = false;
  let replay: Awaited<ReturnType<typeof openReplay>>;

  const onDetach = () => letGo.abort(options.detached.reason);
  if (options.detached.aborted) onDetach();
  else options.detached.addEventListener("abort", onDetach, { once: true });

  const lease = keepLease({
    store,
    clock,
    fence,
    settings: deps.lease,
    since: options.claimedAt,
    onLost: (error) => letGo.abort(error),
    onCancel: options.onCancel,
    report: deps.report,
  });
  const writer = eventWriter(store, fence, deps.report);
  const files = runFiles({ ...deps, fence, memo: (key) => replay.step(key) });
  const caller: Caller = { signal: options.signal, detached: letGo.signal, admit };
  const inside: RunInside = { run, signal: options.signal, step, occurrence: (of) => replay.occurrence(of) };
  const outcome = live();
  outcome.catch(() => {});
  return { outcome, costs: settle() };

  async function live(): Promise<unknown> {
    push(options.first);
    try {
      const output = await attempts();
      await writer.flush();
      const json = options.passThrough ? undefined : toJson(output, "the output of the chain");
      await store.endRun(fence, { state: "completed", output: json }, clock.now());
      const seen = options.passThrough ? output : fromJson(json);
      options.push({ type: "completed", at: clock.now(), output: seen });
      return seen;
    } catch (error) {
      await end(error);
      throw error;
    } finally {
      ended = true;
      lease.stop();
      options.detached.removeEventListener("abort", onDetach);
      await writer.flush();
    }
  }

  /**
   * Executes the chain. A resumed run that fails with a failure from before retries that step: it is thrown away and the
   * rest is replayed, until it is a fresh failure, or none.
   */
  async function attempts(): Promise<unknown> {
    for (;;) {
      const { onDiverge } = options;
      replay = await openReplay({ store, chain, run, onDiverge, retry, now: clock.now });
      labels.clear();
      replayed.clear();
      try {
        const output = await within(() => raceEnds(fromJson(record.input)));
        tellLeftOver();
        return output;
      } catch (error) {
        const key = failures.keyOf(error);
        const again =
          options.onFailed === "retry" && key !== undefined && replayed.has(key) && !retry.has(key);
        if (!again || options.signal.aborted || letGo.signal.aborted) throw error;
        retry.add(key);
        await Promise.all([...open.values()].map((call) => call.ended));
      }
    }
  }

  async function raceEnds(input: unknown): Promise<unknown> {
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    stopped.catch(() => {});
    const watched = [options.signal, letGo.signal].map((signal) => {
      const onAbort = () => reject(signal.reason);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      return () => signal.removeEventListener("abort", onAbort);
    });
    try {
      return await Promise.race([(async () => options.execute(input, scope()))(), stopped, blocked.promise]);
    } finally {
      for (const unwatch of watched) unwatch();
    }
  }

  /** The end as the store keeps it. A run that was let go has none: whoever has it next goes on. */
  async function end(error: unknown): Promise<void> {
    if (letGo.signal.aborted) {
      await store
        .releaseRun(fence)
        .catch((cause: unknown) => deps.report(`The store could not let run ${chain}/${run} go`, cause));
      return;
    }
    options.push({ type: "failed", at: clock.now(), error });
    if (!(error instanceof RunBlockedError)) {
      // What has not begun to run need not be paid for; what runs is paid for already and goes on.
      for (const call of open.values()) if (call.queued) void call.cancel();
    }
    await writer.flush();
    await store
      .endRun(fence, endOf(error), clock.now())
      .catch((cause: unknown) =>
        deps.report(`The store could not note the end of run ${chain}/${run}`, cause),
      );
  }

  function endOf(error: unknown): RunEnd {
    const state =
      error instanceof RunBlockedError
        ? "blocked"
        : error instanceof RunAbortedError && options.signal.aborted
          ? "cancelled"
          : "failed";
    const saved = savedError(error);
    const failedKey = failures.keyOf(error);
    if (!(error instanceof RunBlockedError)) return { state, error: saved, failedKey };
    const { step, callId, cause } = error;
    const candidates = cause instanceof AmbiguousSubmitError ? cause.candidates : [];
    return { state, error: { ...saved, facts: { step, callId, candidates } }, failedKey };
  }

  async function settle(): Promise<readonly Cost[]> {
    await outcome.catch(() => {});
    await Promise.all([...open.values()].map((call) => call.ended));
    return (await Promise.all(costs.values())).filter((cost) => cost !== undefined);
  }

  function tellLeftOver(): void {
    const calls = replay
      .leftOver()
      .map(({ id, step, endpoint }) => ({ id, step: step ?? endpoint, endpoint }));
    if (calls.length > 0) push({ type: "left-over", at: clock.now(), calls });
  }

  function within<R>(fn: () => R): R {
    const known = currentPosition();
    const position = known?.inside === inside ? known : { inside, scope: "" };
    const { tags } = record;
    return atPosition(position, () => withCaller(caller, () => withAttribution({ chain, run, tags }, fn)));
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
    if (ended) throw afterTheEnd(`The step "${name}"`);
    const parts = { store, clock, fence, failures, retry, replayed, push, isOver };
    return runStep(parts, replay, { scope, name }, fn);
  }

  function isOver(): boolean {
    return ended || options.signal.aborted || letGo.signal.aborted;
  }

  function admit({ id, endpoint, step, onChange, cancel }: Parameters<Caller["admit"]>[0]): CallObserver {
    if (ended) throw afterTheEnd(`The call to ${endpoint}`);
    let call: RunCall = { id, endpoint, step: uniqueLabel(step ?? endpoint) };
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
        if (known) call = { ...call, id: known.id };
        const replacements = known ? new Map() : await files.replacementsOf(content);
        return { ...found, fence, upload: files.upload, replacements, permit: lease.permit };
      },
      event(event) {
        if (event.type === "running") state.queued = false;
        push({ type: "call", at: event.at, call, event });
        if (event.type !== "completed") return;
        if (key !== undefined) replay.produced(key, event.result.data);
        if (known?.state === "completed") files.remember(call.step, event.result.data);
      },
      ended({ error, cost }) {
        if (error !== undefined) failed(error);
        const before = error === undefined ? undefined : known?.cost;
        if (error === undefined || !letGo.signal.aborted) {
          charge(call, before ? Promise.resolve(before) : (cost ?? Promise.resolve(undefined)));
        }
        turn.over();
        open.delete(id);
        done.resolve();
      },
    };

    function failed(error: unknown): void {
      if (letGo.signal.aborted) return;
      push({ type: "call-failed", at: clock.now(), call, error });
      if (key !== undefined) {
        failures.from(key, error);
        if (known?.state === "failed" || known?.state === "given-up") replayed.add(key);
      }
      // What is forgotten with the process cannot wait for a person.
      if (!(error instanceof AmbiguousSubmitError) || !store.durable || isOver()) return;
      if (known?.state === "failed" || known?.state === "given-up") return;
      const { id: callId, step } = call;
      blocked.reject(
        failures.from(key ?? "", new RunBlockedError({ chain, run, step, callId, endpoint, cause: error })),
      );
    }
  }

  function charge(call: RunCall, found: Promise<Cost | undefined>): void {
    costs.set(
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

  function push(event: RunEvent): void {
    options.push(event);
    if (!ended) writer.push(event);
  }

  function afterTheEnd(what: string): RunStateError {
    return new RunStateError(
      "run_ended",
      `${what} was made after its run ${chain}/${run} had ended, so nothing would wait for it. Await every call inside ` +
        "the chain.",
    );
  }
}
