import { type Attribution, withAttribution } from "../attribution/context.ts";
import type { Clock } from "../base/clock.ts";
import type { Cost } from "../base/cost.ts";
import { RunAbortedError, RunStateError } from "../base/errors.ts";
import { eventLog } from "../base/event-log.ts";
import { type Caller, type CallObserver, withCaller } from "../calls/caller.ts";
import type { CallEvent } from "../calls/events.ts";
import type { Calls } from "../calls/subscribe.ts";
import { type Total, totalOf } from "../ledger/cost.ts";

/** A call within a run. `step` is unique in it: the name that the code gave, or the endpoint id. */
export interface RunCall {
  readonly id: string;
  readonly step: string;
  readonly endpoint: string;
}

/** Everything that happens in a run, in order. `at` is in milliseconds since the epoch. */
export type RunEvent<O = unknown> =
  | { readonly type: "started"; readonly at: number; readonly chain: string; readonly run: string }
  | { readonly type: "call"; readonly at: number; readonly call: RunCall; readonly event: CallEvent }
  | { readonly type: "call-failed"; readonly at: number; readonly call: RunCall; readonly error: unknown }
  /** What a call cost, as soon as it is known: a result never waits for it. */
  | { readonly type: "charged"; readonly at: number; readonly call: RunCall; readonly cost: Cost }
  | { readonly type: "completed"; readonly at: number; readonly output: O }
  | { readonly type: "failed"; readonly at: number; readonly error: unknown }
  /** The last event: every call has ended and has its cost. */
  | { readonly type: "settled"; readonly at: number; readonly total: Total };

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
  /** Cancels its calls, upstream too, and rejects with an `AbortError`. Resolves when nothing of it is left. */
  cancel(reason?: unknown): Promise<void>;
  catch<R = never>(onRejected?: ((reason: unknown) => R | PromiseLike<R>) | null): Promise<O | R>;
  finally(onFinally?: (() => void) | null): Promise<O>;
}

/** What a chain's function gets besides its input: what AsyncLocalStorage does, said explicitly. */
export interface RunScope {
  readonly id: string;
  readonly chain: string;
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
  readonly subscribe: Calls["subscribe"];
}

export interface RunDeps {
  readonly clock: Clock;
  readonly calls: Calls;
}

export interface RunPlan<O> {
  readonly chain: string;
  readonly id: string;
  readonly tags: Attribution["tags"];
  readonly abortSignal: AbortSignal | undefined;
  readonly execute: (run: RunScope) => Promise<O>;
}

/** Log lines of all calls that are kept for readers who come late or are slow. */
const KEPT_LOGS = 5_000;

export function startRun<O>({ clock, calls }: RunDeps, plan: RunPlan<O>): Run<O> {
  const { chain, id } = plan;
  const controller = new AbortController();
  const open = new Map<string, { queued: boolean; cancel: () => Promise<unknown>; ended: Promise<void> }>();
  const costs: Promise<Cost | undefined>[] = [];
  const steps = new Map<string, number>();
  let ended = false;

  const log = eventLog<RunEvent<O>>({
    keep: KEPT_LOGS,
    droppable: (event) => event.type === "call" && event.event.type === "log",
    withDropped: (event, dropped) =>
      event.type === "call" ? { ...event, event: { ...event.event, dropped } as CallEvent } : event,
  });

  const caller: Caller = { signal: controller.signal, admit };
  const within = <R>(fn: () => R): R =>
    withCaller(caller, () => withAttribution({ chain, run: id, tags: plan.tags }, fn));
  const scope: RunScope = {
    id,
    chain,
    signal: controller.signal,
    subscribe: (endpoint, options) => within(() => calls.subscribe(endpoint, options)),
  };

  const outcome = live();
  outcome.catch(() => {});
  const total = settle();
  return {
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
  };

  async function live(): Promise<O> {
    const aborted = Promise.withResolvers<never>();
    // A run that is cancelled before it begins ends before anybody waits for this.
    aborted.promise.catch(() => {});
    const onAbort = () => cancel(plan.abortSignal?.reason);
    controller.signal.addEventListener("abort", () => aborted.reject(controller.signal.reason), {
      once: true,
    });
    if (plan.abortSignal?.aborted) onAbort();
    else plan.abortSignal?.addEventListener("abort", onAbort, { once: true });

    log.push({ type: "started", at: clock.now(), chain, run: id });
    try {
      controller.signal.throwIfAborted();
      const output = await Promise.race([within(() => plan.execute(scope)), aborted.promise]);
      log.push({ type: "completed", at: clock.now(), output });
      return output;
    } catch (error) {
      log.push({ type: "failed", at: clock.now(), error });
      // What has not begun to run need not be paid for; what runs is paid for already and goes on.
      for (const call of open.values()) if (call.queued) void call.cancel();
      throw error;
    } finally {
      ended = true;
      plan.abortSignal?.removeEventListener("abort", onAbort);
    }
  }

  /** Waits for the last call and the last price, then closes the stream. */
  async function settle(): Promise<Total> {
    const error = await outcome.then(
      () => undefined,
      (reason: unknown) => ({ reason }),
    );
    await Promise.all([...open.values()].map((call) => call.ended));
    const total = totalOf((await Promise.all(costs)).filter((cost) => cost !== undefined));
    log.push({ type: "settled", at: clock.now(), total });
    if (error) log.fail(error.reason);
    else log.end();
    return total;
  }

  function cancel(reason: unknown): void {
    if (!ended) controller.abort(new RunAbortedError(chain, id, { cause: reason }));
  }

  function admit({ id: callId, endpoint, step, cancel }: Parameters<Caller["admit"]>[0]): CallObserver {
    if (ended) {
      throw new RunStateError(
        "run_ended",
        `The call to ${endpoint} was made after its run ${chain}/${id} had ended, so nothing would wait for it. Await ` +
          "every call inside the chain.",
      );
    }
    const call: RunCall = { id: callId, endpoint, step: uniqueStep(step ?? endpoint) };
    const done = Promise.withResolvers<void>();
    const state = { queued: true, cancel, ended: done.promise };
    open.set(callId, state);

    return {
      event(event) {
        if (event.type === "running") state.queued = false;
        log.push({ type: "call", at: event.at, call, event });
      },
      ended({ error, cost }) {
        if (error !== undefined) log.push({ type: "call-failed", at: clock.now(), call, error });
        if (cost) charge(call, cost);
        open.delete(callId);
        done.resolve();
      },
    };
  }

  function charge(call: RunCall, cost: Promise<Cost | undefined>): void {
    costs.push(
      cost.then((cost) => {
        if (cost) log.push({ type: "charged", at: clock.now(), call, cost });
        return cost;
      }),
    );
  }

  function uniqueStep(name: string): string {
    const nth = (steps.get(name) ?? 0) + 1;
    steps.set(name, nth);
    return nth === 1 ? name : `${name} #${nth}`;
  }
}
