import { checkOptions, count } from "../base/options.ts";
import { OVER, whenAborted } from "../base/signal.ts";
import { RunAbortedError } from "../errors/runs.ts";
import { sumOfCalls } from "../ledger/sum.ts";
import { type Total, totalOf } from "../money/cost.ts";
import { claimOrObserve } from "./claim.ts";
import type { RunEvent } from "./events.ts";
import { cancelRun, detachRun, type LiveRun } from "./live-run.ts";
import type { RunPlan } from "./plan.ts";
import { ALL } from "./steps.ts";

/**
 * One execution of a chain: a promise of its output, and a loop over its events. It never raises an unhandled
 * rejection: where nobody awaits one that fails, that is a warning. A loop throws what `await` throws, after the last event.
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
  /** Stops executing it here: whoever starts or resumes its id next goes on with it. Rejects with a `RunDetachedError`. */
  detach(): Promise<void>;
  catch<R = never>(onRejected?: ((reason: unknown) => R | PromiseLike<R>) | null): Promise<O | R>;
  finally(onFinally?: (() => void) | null): Promise<O>;
}

export interface StartedRun<O> {
  readonly run: Run<O>;
  /** What it comes to, for whoever is not its caller. */
  readonly outcome: Promise<O>;
  readonly live: LiveRun;
}

/** Begins with a run at once, whether or not anybody awaits it. */
export function startRun<O>(live: LiveRun): StartedRun<O> {
  const { plan } = live;
  const outcome = untilEnded(live) as Promise<O>;
  outcome.catch(() => {});
  const total = untilSettled(live, outcome);
  const heard = (): Promise<O> => {
    live.isHeard = true;
    return outcome;
  };
  const eventsFrom = (from: number) => {
    live.isHeard = true;
    return live.log.read(from) as AsyncIterableIterator<RunEvent<O>>;
  };
  const run: Run<O> = {
    id: plan.id,
    chain: plan.chain,
    total,
    // biome-ignore lint/suspicious/noThenProperty: a run is there to be awaited
    then: (onFulfilled, onRejected) => heard().then(onFulfilled, onRejected),
    catch: (onRejected) => heard().catch(onRejected),
    finally: (onFinally) => heard().finally(onFinally),
    events(options = {}) {
      checkOptions(options, { from: count(0) }, { of: "events" });
      return eventsFrom(options.from ?? 0);
    },
    [Symbol.asyncIterator]: () => eventsFrom(0),
    async cancel(reason) {
      cancelRun(live, reason);
      await total;
    },
    async detach() {
      detachRun(live);
      await total;
    },
  };
  return { run, live, outcome };
}

/** The same of a run that begins later: it is there once `beginning` is. */
export function runLater<O>(
  { chain, id }: Pick<RunPlan, "chain" | "id">,
  beginning: Promise<{ readonly run: Run<O> }>,
): Run<O> {
  beginning.catch(() => {});
  const outcome = (): Promise<O> => beginning.then(({ run }) => run);
  async function* eventsFrom(from: number) {
    const { run } = await beginning;
    yield* run.events({ from });
  }
  return {
    ...{ id, chain },
    total: beginning.then(
      ({ run }) => run.total,
      () => totalOf([]),
    ),
    // biome-ignore lint/suspicious/noThenProperty: a run is there to be awaited
    then: (onFulfilled, onRejected) => outcome().then(onFulfilled, onRejected),
    catch: (onRejected) => outcome().catch(onRejected),
    finally: (onFinally) => outcome().finally(onFinally),
    events: ({ from = 0 } = {}) => eventsFrom(from),
    [Symbol.asyncIterator]: () => eventsFrom(0),
    cancel: (reason) =>
      beginning.then(
        ({ run }) => run.cancel(reason),
        () => {},
      ),
    detach: () =>
      beginning.then(
        ({ run }) => run.detach(),
        () => {},
      ),
  };
}

/** Its output, or what it failed with, wherever it was executed. */
async function untilEnded(live: LiveRun): Promise<unknown> {
  const { abortSignals, detachSignal } = live.plan;
  const cancelled = live.cancelled.signal;
  const over = new AbortController();
  for (const signal of abortSignals) whenAborted(signal, over.signal, () => cancelRun(live, signal.reason));
  if (detachSignal) whenAborted(detachSignal, over.signal, () => detachRun(live));
  try {
    return await claimOrObserve(live);
  } catch (error) {
    // What another process says of a cancelled run is told with the reason that was given here.
    throw cancelled.aborted && error instanceof RunAbortedError ? cancelled.reason : error;
  } finally {
    live.hasEnded = true;
    over.abort(OVER);
  }
}

/** Waits for the last call and the last price, then closes the stream of events. */
async function untilSettled(live: LiveRun, outcome: Promise<unknown>): Promise<Total> {
  const failure = await outcome.then(
    () => undefined,
    (reason: unknown) => ({ reason }),
  );
  const calledHere = totalOf((await Promise.all(live.costs)).flat());
  const total = await recordedTotal(live, calledHere).catch(() => calledHere);
  live.log.push({ type: "settled", at: live.services.clock.now(), total });
  if (failure) live.log.fail(failure.reason);
  else live.log.end();
  return total;
}

/**
 * Of all that the run ever called, whichever execution and process did. A store in memory may have forgotten the run and
 * its calls before their prices were there: then it is what was called from here.
 */
async function recordedTotal({ plan, services }: LiveRun, calledHere: Total): Promise<Total> {
  const { store } = services;
  const { chain, id } = plan;
  const { nanoUsd, calls, unknown } = sumOfCalls(await store.calls.list({ chain, run: id, limit: ALL }));
  if (calls < calledHere.calls && !(await store.runs.get(chain, id))) return calledHere;
  return { nanoUsd, calls, unknown };
}
