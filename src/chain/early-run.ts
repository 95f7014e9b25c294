import { onceAborted } from "../base/signal.ts";
import { codeBegins } from "../calls/enclosing-run.ts";
import { RunAbortedError } from "../errors/runs.ts";
import { runName } from "../journal/run-name.ts";
import type { Cost } from "../money/cost.ts";
import type { Attempt } from "./attempt.ts";
import { earlyCode, giveUpRun, takeOver } from "./early-code.ts";
import { cancelRun, detachRun, liveRun } from "./live-run.ts";
import type { RunPlan, StartWith } from "./plan.ts";
import { currentPosition } from "./position.ts";
import { type StartedRun, startRun } from "./run.ts";
import type { ChainServices } from "./services.ts";
import { enter, scopeOf } from "./tools.ts";

/** A run whose code is executed at once, whether or not it has begun itself. */
export interface EarlyRun<O> {
  readonly outcome: Promise<O>;
  /** Resolves when nothing of it is left here. */
  readonly over: Promise<unknown>;
  cancel(reason: unknown): void;
  detach(): Promise<void>;
}

/**
 * Executes the code of a run. The run itself begins with the first thing that needs it, and then takes the code over, as
 * far as that has come. Where nothing needs it, the store hears nothing of it. Where it cannot begin, what needs it fails,
 * and the code goes on without. Should it be lost to another process, its code is executed anew.
 */
export function startEarly<O>(
  services: ChainServices,
  plan: RunPlan & { readonly startWith: StartWith },
): EarlyRun<O> {
  const { chain, id, startWith } = plan;
  const live = liveRun(services, {
    ...plan,
    code: (input, scope) => (code.attempt ? plan.code(input, scope) : takenOver()),
  });
  const outcome = Promise.withResolvers<O>();
  const needed = Promise.withResolvers<void>();
  let isNeeded = false;
  let isOver = false;
  let started: StartedRun<O> | undefined;

  const begin = () => {
    isNeeded = true;
    needed.resolve();
  };
  // As part of what is here now: it may have to execute the code anew.
  void needed.promise.then(() => {
    started = startRun<O>(live);
    started.outcome.catch(cannotBegin);
  });
  const takenOver = () => {
    takeOver(code, currentPosition()?.code.attempt as Attempt);
    outcome.resolve(started?.outcome as Promise<O>);
    return executed;
  };
  const cannotBegin = (error: unknown) => {
    if (code.attempt) return;
    giveUpRun(code, error);
    if (live.cancelled.signal.aborted || live.detached.signal.aborted) return outcome.reject(error);
    services.report(`The run ${runName(chain, id)} could not begin`, error);
    executed.then(outcome.resolve, outcome.reject);
  };
  const cancel = (reason: unknown) => {
    if (isOver) return;
    if (started && !code.failure) cancelRun(live, reason);
    else live.cancelled.abort(new RunAbortedError(chain, id, { cause: reason }));
    const { aborted, reason: why } = live.cancelled.signal;
    if (aborted && !code.attempt) outcome.reject(why);
  };

  const code = earlyCode(live, startWith, begin);
  const unlinks = plan.abortSignals.map((signal) => onceAborted(signal, () => cancel(signal.reason)));
  const place = { code, scope: "" };
  const codeEnds = codeBegins();
  const executed = enter(place, async () => {
    live.cancelled.signal.throwIfAborted();
    return plan.code(undefined, scopeOf(place)) as O;
  });
  const codeEnded = () => {
    codeEnds?.();
    code.hasEnded = true;
    if (!isNeeded) outcome.resolve(executed);
  };
  executed.then(codeEnded, codeEnded);
  const ended = (end: { readonly error?: unknown }) => {
    isOver = code.hasEnded = true;
    for (const unlink of unlinks) unlink();
    live.observer?.ended({ ...end, costs: NOTHING });
    return started?.run.total;
  };
  const over = outcome.promise.then(
    () => ended({}),
    (error: unknown) => ended({ error }),
  );
  return {
    outcome: outcome.promise,
    over,
    cancel,
    async detach() {
      detachRun(live);
      code.released.abort(live.detached.signal.reason);
      if (!code.attempt) outcome.reject(live.detached.signal.reason);
      await over;
    },
  };
}

const NOTHING: Promise<readonly Cost[]> = Promise.resolve([]);
