import type { Attribution } from "../attribution/context.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { LeaseLostError, RunAbortedError, RunBlockedError } from "../errors/runs.ts";
import { savedError } from "../errors/saved-error.ts";
import type { Fence, RunEnd, RunRecord } from "../journal/runs.ts";
import type { Store } from "../journal/store.ts";
import type { Budget, RunBudget } from "../ledger/budget.ts";
import type { Cost } from "../money/cost.ts";
import { type Attempt, createAttempt, type RunDeps, type RunScope } from "./attempt.ts";
import { eventWriter } from "./event-writer.ts";
import type { RunEvent } from "./events.ts";
import { keepLease } from "./lease.ts";
import type { RunObserver } from "./observer.ts";
import { originOf } from "./origin.ts";
import { openReplay } from "./replay.ts";
import { fromJson, toJson } from "./saved-json.ts";

export interface ExecutionOptions {
  readonly record: RunRecord;
  /** The incoming request that it answers, where it is the one that it was started for. */
  readonly incoming: Attribution["incoming"];
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
  /** What the chain's function is executed in. */
  readonly within: RunObserver["within"];
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
  /** By call: one that is asked for again after a failure is one call. */
  const costs = new Map<string, Promise<Cost | undefined>>();
  let attempt: Attempt | undefined;
  let ended = false;

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
  const outcome = live();
  outcome.catch(() => {});
  return { outcome, costs: settle() };

  async function live(): Promise<unknown> {
    push(options.first);
    try {
      const { output, leftOver } = await attempts();
      await writer.flush();
      const json = options.passThrough ? undefined : toJson(output, "the output of the chain");
      await store.endRun(fence, { state: "completed", output: json, leftOver }, clock.now());
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
  async function attempts(): Promise<{ output: unknown; leftOver: readonly string[] }> {
    const first = options.onFailed === "replay" ? [] : (record.failedKey?.split("\n") ?? []);
    const retry = new Set(first);
    const retried = new Set(first);
    for (;;) {
      attempt = await begin(retry);
      try {
        const output = await raceEnds(attempt);
        return { output, leftOver: tellLeftOver(attempt) };
      } catch (error) {
        const { isReplayed } = attempt;
        const through = attempt.keysOf(error);
        const again = through.filter((key) => isReplayed(key) && !retried.has(key));
        if (options.onFailed !== "retry" || again.length === 0) throw error;
        if (options.signal.aborted || letGo.signal.aborted) throw error;
        for (const key of again) retried.add(key);
        // A step around it has failed anew with it.
        for (const key of through) retry.add(key);
      } finally {
        attempt.close();
      }
      // Else its calls would be asked for by two attempts at once.
      await attempt.ended();
    }
  }

  async function begin(retry: Set<string>): Promise<Attempt> {
    const { onDiverge, signal } = options;
    const replay = await openReplay({ store, chain, run, onDiverge, retry, now: clock.now });
    return createAttempt(deps, {
      record,
      incoming: options.incoming,
      budgets: await budgetsOf(store, record),
      fence,
      replay,
      signal,
      detached: letGo.signal,
      permit: lease.permit,
      costs,
      onBlocked: blocked.reject,
      onLeaseLost: (error) => letGo.abort(error),
      within: options.within,
      push,
    });
  }

  async function raceEnds(attempt: Attempt): Promise<unknown> {
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    stopped.catch(() => {});
    const signals = [options.signal, letGo.signal];
    for (const signal of signals) signal.throwIfAborted();
    const watched = signals.map((signal) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      return () => signal.removeEventListener("abort", onAbort);
    });
    try {
      return await Promise.race([attempt.run(options.execute), stopped, blocked.promise]);
    } finally {
      for (const unwatch of watched) unwatch();
    }
  }

  /** The end as the store keeps it. A run that was let go has none: whoever has it next goes on. */
  async function end(error: unknown): Promise<void> {
    if (error instanceof LeaseLostError) letGo.abort(error);
    if (letGo.signal.aborted) {
      // Whoever has it next finds noted what became of each submit.
      await attempt?.ended();
      await store
        .releaseRun(fence)
        .catch((cause: unknown) => deps.report(`The store could not let run ${chain}/${run} go`, cause));
      return;
    }
    options.push({ type: "failed", at: clock.now(), error });
    if (!(error instanceof RunBlockedError)) attempt?.cancelQueued();
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
    const failedKey = attempt?.keysOf(error).join("\n") || undefined;
    if (!(error instanceof RunBlockedError)) return { state, error: saved, failedKey };
    const { step, callId, cause } = error;
    const candidates = cause instanceof AmbiguousSubmitError ? cause.candidates : [];
    return { state, error: { ...saved, facts: { chain, run, step, callId, candidates } }, failedKey };
  }

  async function settle(): Promise<readonly Cost[]> {
    await outcome.catch(() => {});
    await attempt?.ended();
    return (await Promise.all(costs.values())).filter((cost) => cost !== undefined);
  }

  function tellLeftOver(attempt: Attempt): string[] {
    const calls = attempt.leftOver();
    if (calls.length > 0) push({ type: "left-over", at: clock.now(), calls });
    return calls.map(({ id }) => id);
  }

  function push(event: RunEvent): void {
    options.push(event);
    if (!ended) writer.push(event);
  }
}

/** As they stand now: an outer run may have been given another one since. */
async function budgetsOf(store: Store, record: RunRecord): Promise<RunBudget[]> {
  const outer = (originOf(record).within ?? []).map(([chain, id]) => store.run(chain, id));
  return [...(await Promise.all(outer)), record].flatMap((run) =>
    run?.budget === undefined
      ? []
      : [
          {
            chain: run.chain,
            run: run.id,
            startedAt: run.startedAt,
            budget: fromJson<Budget>(run.budget) as Budget,
          },
        ],
  );
}
