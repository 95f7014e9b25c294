import { currentAttribution } from "../attribution/context.ts";
import { eventLog } from "../base/event-log.ts";
import { OVER, whenAborted } from "../base/signal.ts";
import type { CallEvent } from "../calls/events.ts";
import {
  LeaseLostError,
  RunAbortedError,
  RunDetachedError,
  RunInputMismatchError,
  RunStateError,
} from "../errors/runs.ts";
import { restoredError } from "../errors/saved-error.ts";
import { StoreError } from "../errors/store.ts";
import type { RunRecord, RunState } from "../journal/runs.ts";
import { isSameStore } from "../journal/store.ts";
import { type Total, totalOf } from "../ledger/cost.ts";
import { costOf } from "../ledger/cost-of.ts";
import type { RunDeps, RunScope } from "./attempt.ts";
import { type RunEvent, restoredEvent } from "./events.ts";
import { type Execution, execute } from "./execution.ts";
import type { OpenRun } from "./open-run.ts";
import { isDead, thisProcess } from "./process-identity.ts";
import { fromJson } from "./saved-json.ts";

/**
 * One execution of a chain: a promise of its output, and a loop over its events. It never raises an unhandled
 * rejection. A loop throws what `await` throws, after the last event.
 */
export interface Run<O> extends PromiseLike<O>, AsyncIterable<RunEvent<O>> {
  readonly id: string;
  readonly chain: string;
  /** The sum of its calls, once all of them have ended. Never rejects. */
  readonly total: Promise<Total>;
  /** From the first event, or from the one with this number. */
  events(options?: { from?: number }): AsyncIterable<RunEvent<O>>;
  /**
   * Cancels its calls, upstream too, and rejects with an `AbortError`; whichever process executes it. Resolves when
   * nothing of it is left here.
   */
  cancel(reason?: unknown): Promise<void>;
  /** Lets it go: whoever starts or resumes its id next goes on with it. Rejects with a `RunDetachedError`. */
  detach(): Promise<void>;
  catch<R = never>(onRejected?: ((reason: unknown) => R | PromiseLike<R>) | null): Promise<O | R>;
  finally(onFinally?: (() => void) | null): Promise<O>;
}

export interface RunPlan {
  readonly chain: string;
  readonly id: string;
  /** What to start it with; without it the run must exist. */
  readonly start:
    | {
        readonly input: string | undefined;
        readonly tags: Readonly<Record<string, string>>;
        /** JSON. */
        readonly origin: string;
      }
    | undefined;
  /** Executes it again each time that it is started, and hands its output over as it is. */
  readonly always?: boolean;
  /** Goes on from its failure, though it is started. */
  readonly retry?: boolean | undefined;
  readonly onDiverge: "throw" | "pay";
  /** Each of them cancels it. */
  readonly abortSignals: readonly AbortSignal[];
  /** Lets the run go with the one that it is a part of. */
  readonly detachSignal?: AbortSignal | undefined;
  /** The run that it is a part of, having no id of its own. */
  readonly outer?: Pick<OpenRun, "chain" | "run" | "store"> | undefined;
  /** What of an earlier execution here has still to end. */
  readonly after?: Promise<unknown> | undefined;
  /** JSON. */
  readonly budget?: string | undefined;
  readonly execute: (input: unknown, scope: RunScope) => unknown;
}

/** Log lines of all calls that are kept for readers who come late or are slow. */
const KEPT_LOGS = 5_000;
/** How often a run that another process executes is looked at, in milliseconds. */
const OBSERVE_MS = 500;

/** A run, and whether its code was executed here. */
export interface StartedRun<O> {
  readonly run: Run<O>;
  isExecutedHere(): boolean;
}

export function startRun<O>(deps: RunDeps, plan: RunPlan): StartedRun<O> {
  const { store, clock } = deps;
  const { chain, id } = plan;
  const controller = new AbortController();
  const letGo = new AbortController();
  const executions: Execution[] = [];
  let ended = false;
  let executing = false;
  /** How many of the store's events are in the log. */
  let pulled = 0;
  /** The execution whose events were pushed from here; undefined while others tell them. */
  let toldUntil: number | undefined;

  const log = eventLog<RunEvent<O>>({
    keep: KEPT_LOGS,
    droppable: (event) => event.type === "call" && event.event.type === "log",
    withDropped: (event, dropped) =>
      event.type === "call" ? { ...event, event: { ...event.event, dropped } as CallEvent } : event,
  });
  const push = (event: RunEvent) => log.push(event as RunEvent<O>);

  const outcome = live();
  outcome.catch(() => {});
  const total = settle();
  const run: Run<O> = {
    id,
    chain,
    total,
    // biome-ignore lint/suspicious/noThenProperty: a run is there to be awaited
    then: (onFulfilled, onRejected) => outcome.then(onFulfilled, onRejected),
    catch: (onRejected) => outcome.catch(onRejected),
    finally: (onFinally) => outcome.finally(onFinally),
    events: ({ from = 0 } = {}) => log.read(from),
    [Symbol.asyncIterator]: () => log.read(),
    async cancel(reason) {
      cancel(reason);
      await total;
    },
    async detach() {
      detach();
      await total;
    },
  };
  return { run, isExecutedHere: () => executions.length > 0 };

  async function live(): Promise<O> {
    const { abortSignals, detachSignal } = plan;
    const over = new AbortController();
    for (const signal of abortSignals) whenAborted(signal, over.signal, () => cancel(signal.reason));
    if (detachSignal) whenAborted(detachSignal, over.signal, detach);
    try {
      return (await untilEnded()) as O;
    } catch (error) {
      if (!controller.signal.aborted || error === controller.signal.reason) throw error;
      // What the other process says of a cancelled run is told with the reason that was given here.
      throw error instanceof RunAbortedError ? controller.signal.reason : error;
    } finally {
      ended = true;
      over.abort(OVER);
    }
  }

  /** Executes the run if it is ours to execute, else observes it; and takes it over when its owner is gone. */
  async function untilEnded(): Promise<unknown> {
    await plan.after;
    controller.signal.throwIfAborted();
    await assertKeptTogether();
    const start = plan.start ?? (await recorded());
    const owner = thisProcess();
    const keepsInput = store.keep === "all";
    const reopenable: readonly RunState[] = plan.always
      ? ["blocked", "failed", "cancelled", "completed"]
      : plan.start && !plan.retry
        ? ["blocked"]
        : ["blocked", "failed"];
    // A store that keeps ids only does not know what it gave: its calls are replayed for it.
    const forgotten: readonly RunState[] = keepsInput ? [] : ["completed"];
    let reopen: readonly RunState[] = [...reopenable, ...forgotten];
    let evict: number | undefined;
    for (let round = 0; ; round++) {
      // Else a claim would make a run anew that has ended and was forgotten while this one looked away.
      if (round > 0 && !(await store.run(chain, id))) throw unknown();
      const claimedAt = clock.now();
      const { leaseMs } = deps.lease;
      const claim = {
        chain,
        id,
        ...start,
        budget: plan.budget,
        owner,
        leaseMs,
        evict,
        reopen,
        at: claimedAt,
      };
      const { run: record, owned } = await store.claimRun(claim);
      // A store that keeps ids only cannot tell, and the code is given the input that it was started with.
      if (keepsInput && record.input !== start.input) {
        if (owned) await store.releaseRun({ chain, run: id, epoch: record.epoch });
        throw new RunInputMismatchError(chain, id);
      }
      if (owned) {
        try {
          return await own({ ...record, input: start.input }, claimedAt);
        } catch (error) {
          // Somebody else has it now, and will say how it ends.
          if (!(error instanceof LeaseLostError)) throw error;
        }
      }
      await pullEvents(record);
      if (!owned && record.state !== "running") return outcomeOf(record);
      if (!plan.always) reopen = forgotten;
      evict = record.owner && isDead(record.owner) ? record.epoch : undefined;
      if (evict === undefined) await pause();
    }
  }

  async function own(record: RunRecord, claimedAt: number): Promise<unknown> {
    await pullEvents(record);
    const { epoch } = record;
    toldUntil = epoch;
    const first = { type: "started", at: clock.now(), chain, run: id } as const;
    executing = true;
    const witness = deps.observeRun({ chain, run: id, epoch, tags: record.tags });
    // Who goes on with a run answers another request than the one that it was started for, or none. What answers a request
    // is named by it, and fal may send that to another runner.
    const isAsked = plan.always || plan.start?.origin === record.origin;
    const execution = execute(deps, {
      record,
      incoming: isAsked ? currentAttribution().incoming : undefined,
      claimedAt,
      first: epoch === 1 ? first : { ...first, type: "resumed", epoch },
      execute: plan.execute,
      onDiverge: plan.onDiverge,
      onFailed: plan.always ? "retry-last" : plan.start && !plan.retry ? "replay" : "retry",
      passThrough: plan.always ?? false,
      signal: controller.signal,
      detached: letGo.signal,
      onCancel: (reason) => cancel(reason),
      within: witness.within,
      push,
    });
    executions.push(execution);
    const { outcome, costs } = execution;
    outcome.then(
      () => witness.ended({ costs }),
      (error: unknown) => witness.ended({ error, costs }),
    );
    try {
      return await execution.outcome;
    } finally {
      executing = false;
    }
  }

  async function recorded(): Promise<RunRecord> {
    if (store.keep === "ids") {
      throw new StoreError(
        `The store (${store.name}) keeps ids only, so the input of ${chain}/${id} is not known. Start the same id with its ` +
          "input instead: what is paid for is not paid again.",
      );
    }
    const record = await store.run(chain, id);
    if (record) return record;
    throw unknown();
  }

  /** What is found again by its place in another run must be where that run is. */
  async function assertKeptTogether(): Promise<void> {
    const { outer } = plan;
    if (!outer || isSameStore(outer.store, deps.keptIn) || (await store.run(outer.chain, outer.run))) return;
    throw new RunStateError(
      "run_elsewhere",
      `The run ${chain}/${id} was started within ${outer.chain}/${outer.run} by another client, whose store (${store.name}) ` +
        "does not have that run: it could not be found again. Nothing was sent. Give both clients the same store, or this " +
        "run an id of its own.",
    );
  }

  function detach(): void {
    letGo.abort(new RunDetachedError(chain, id));
  }

  function unknown(): RunStateError {
    return new RunStateError(
      "run_unknown",
      `The store (${store.name}) has no run ${chain}/${id}. Start it with its input, or check the id and the store.`,
    );
  }

  /** What other executions have told so far. */
  async function pullEvents(record: RunRecord): Promise<void> {
    const payloads = { call: store.call, output: () => fromJson(record.output) };
    for (;;) {
      const more = await store.events(chain, id, pulled);
      for (const { seq, event } of more) {
        const told = await restoredEvent(event, payloads);
        // What was pushed here already was written from here, until somebody else took the run over.
        if (told.type === "resumed" && told.epoch > (toldUntil ?? 0)) toldUntil = undefined;
        if (toldUntil === undefined) push(told);
        pulled = seq + 1;
      }
      if (more.length === 0) return;
    }
  }

  function outcomeOf(record: RunRecord): unknown {
    const at = record.endedAt ?? clock.now();
    if (record.state === "completed") {
      const output = fromJson<O>(record.output);
      push({ type: "completed", at, output });
      return output;
    }
    const error =
      record.state === "cancelled"
        ? new RunAbortedError(chain, id, { cause: record.cancelReason })
        : record.error
          ? restoredError(record.error)
          : new Error(`The run ${chain}/${id} ${record.state} without a reason.`);
    push({ type: "failed", at, error });
    throw error;
  }

  async function pause(): Promise<void> {
    const signal = letGo.signal;
    await clock.sleep(OBSERVE_MS, signal);
  }

  /** Waits for the last call and the last price, then closes the stream. */
  async function settle(): Promise<Total> {
    const error = await outcome.then(
      () => undefined,
      (reason: unknown) => ({ reason }),
    );
    const costs = await Promise.all(executions.map((execution) => execution.costs));
    const own = totalOf(costs.flat());
    const total = await recordedTotal(own).catch(() => own);
    log.push({ type: "settled", at: clock.now(), total });
    if (error) log.fail(error.reason);
    else log.end();
    return total;
  }

  /**
   * Of all that the run ever called, whichever execution and process did. A store in memory may have let the run and its
   * calls go before their prices were there: then it is what was called from here.
   */
  async function recordedTotal(own: Total): Promise<Total> {
    const { nanoUsd, calls, unknown } = costOf(await store.calls({ chain, run: id, limit: 1_000_000 }));
    if (calls < own.calls && !(await store.run(chain, id))) return own;
    return { nanoUsd, calls, unknown };
  }

  function cancel(reason: unknown): void {
    if (ended || controller.signal.aborted) return;
    controller.abort(new RunAbortedError(chain, id, { cause: reason }));
    if (executing) return;
    const said = reason instanceof Error ? reason.message : String(reason ?? "cancelled");
    store
      .cancelRun(chain, id, said, clock.now())
      .catch((error: unknown) => deps.report(`The store could not cancel run ${chain}/${id}`, error));
  }
}
