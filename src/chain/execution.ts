import { type Attribution, currentAttribution } from "../attribution/context.ts";
import { inTime } from "../base/clock.ts";
import { linkedController, OVER, whenAborted } from "../base/signal.ts";
import type { Fence, RunRecord, StartedFor } from "../journal/run.ts";
import { runName } from "../journal/run-name.ts";
import type { Cost } from "../money/cost.ts";
import { type EventWriter, eventWriter } from "./event-writer.ts";
import type { RunCall, RunEvent } from "./events.ts";
import { type Failures, trackFailures } from "./failures.ts";
import { keepLease, type Lease } from "./lease.ts";
import type { LiveRun } from "./live-run.ts";
import { RULES } from "./mode.ts";
import type { RunObserver } from "./observer.ts";

/** One execution of a run that is ours, from the claim to the end that the store has. */
export interface Execution {
  readonly live: LiveRun;
  readonly record: RunRecord;
  readonly fence: Fence;
  /** The incoming request that it answers, where it is one that its calls are made for. */
  readonly incoming: Attribution["incoming"];
  readonly observer: RunObserver;
  readonly lease: Lease;
  readonly writer: EventWriter;
  /** Aborts when the run is detached, or lost to another process: its calls go on upstream, and nothing more is noted. */
  readonly released: AbortController;
  /** Aborts when it ends before its code does, with what it ends with: it is cancelled, released or blocked. */
  readonly stopped: AbortController;
  /** Aborts when its end is noted. */
  readonly over: AbortController;
  /** Which steps an error came from. */
  readonly failures: Failures;
  /** By call: one that is asked for again after a failure is one call. */
  readonly costs: Map<string, Promise<Cost | undefined>>;
  readonly callsUnderWay: Map<string, CallUnderWay>;
  /** Calls that failed before anybody waited for them. */
  readonly unheard: Map<string, CallUnderWay>;
  /** Memoized functions that run now, and their names. */
  readonly functionsUnderWay: Map<Promise<unknown>, string>;
}

/** How long a run that is over waits for memoized functions that go on, in milliseconds. */
const FUNCTIONS_MS = 10_000;

export interface CallUnderWay {
  readonly told: RunCall;
  readonly live: { readonly isHeard: boolean };
  /** Whether it has not begun to run, and so need not be paid for. */
  isQueued: boolean;
  readonly cancel: () => Promise<unknown>;
  readonly ended: Promise<void>;
}

/** @param claimedAt When the claim was sent off. */
export function openExecution(live: LiveRun, record: RunRecord, claimedAt: number): Execution {
  const { services, plan } = live;
  const { chain, id: run, epoch } = record;
  const fence = { chain, run, epoch };
  // Who goes on with a run answers another request than the one that it was started for, or none. What answers a request
  // is named by it, and fal may send that to another runner.
  const isAnswer =
    RULES[plan.mode].answers === "any-request" || isSameStart(plan.startWith?.startedFor, record.startedFor);
  const over = new AbortController();
  const stopped = new AbortController();
  const { controller: released, unlink } = linkedController(live.detached.signal);
  over.signal.addEventListener("abort", unlink, { once: true });
  for (const { signal } of [live.cancelled, released]) {
    whenAborted(signal, over.signal, () => stopped.abort(signal.reason));
  }
  return {
    ...{ live, record, fence, released, stopped, over },
    incoming: isAnswer ? currentAttribution().incoming : undefined,
    observer: observed(live, record),
    lease: keepLease(live, fence, claimedAt, released),
    writer: eventWriter(services.store.runs, fence, services.report),
    failures: trackFailures(),
    costs: new Map(),
    callsUnderWay: new Map(),
    unheard: new Map(),
    functionsUnderWay: new Map(),
  };
}

/** Code that has begun before its run is observed already. */
function observed(live: LiveRun, { chain, id: run, tags, epoch }: RunRecord): RunObserver {
  const observer = live.observer ?? live.services.observeRun({ chain, run, tags });
  live.observer = undefined;
  observer.begun(epoch);
  return observer;
}

/** For whoever listens here, and for the store. */
export function tell({ live, over, writer }: Execution, event: RunEvent): void {
  live.log.push(event);
  if (!over.signal.aborted) writer.push(event);
}

/** Once none of its calls and functions is under way, or will soon have ended. */
export async function untilIdle(execution: Execution): Promise<void> {
  const { callsUnderWay, functionsUnderWay, live } = execution;
  await Promise.all([...callsUnderWay.values()].map((call) => call.ended));
  if (functionsUnderWay.size === 0) return;
  const ended = Promise.allSettled(functionsUnderWay.keys());
  await inTime(live.services.clock, FUNCTIONS_MS, LATE, () => ended).catch(() => leaveFunctions(execution));
}

const LATE = new Error("late");

/** Nobody can stop a function, and one that never ends must not hold up whoever waits for the run to be over. */
function leaveFunctions({ functionsUnderWay, live, fence }: Execution): void {
  const run = runName(fence.chain, fence.run);
  for (const name of functionsUnderWay.values()) {
    live.services.report(
      `The step "${name}" goes on though its run ${run} is over here, and nobody waits for it any more`,
      new Error(
        `it had not ended ${FUNCTIONS_MS / 1000} s after; what it gives is not kept, and no call of it goes out. Have it heed ` +
          "the run's signal (run.signal, the second argument of the chain's function), or end it after a time",
      ),
    );
  }
  functionsUnderWay.clear();
}

/** The code has ended without them, and nobody else says what becomes of them. */
export function sayForgotten({ callsUnderWay, functionsUnderWay, unheard, live, fence }: Execution): void {
  const run = runName(fence.chain, fence.run);
  for (const name of functionsUnderWay.values()) {
    live.services.report(
      `The step "${name}" goes on though its run ${run} has ended`,
      new Error("what it gives is not kept. Await every step inside the chain"),
    );
  }
  for (const { told, live: call } of [...callsUnderWay.values(), ...unheard.values()]) {
    if (call.isHeard) continue;
    const { id, endpoint, step } = told;
    live.services.report(
      `The call to ${endpoint} (${step}) was not awaited in the run ${run}`,
      new Error(
        "the run has ended without its result, and a failure of it fails nothing. Await every call inside the chain",
      ),
      { call: id, endpoint },
    );
  }
}

/** What has not begun to run need not be paid for; what runs is paid for already and goes on. */
export function cancelQueued({ callsUnderWay }: Execution): void {
  for (const call of callsUnderWay.values()) if (call.isQueued) void call.cancel();
}

export async function close(execution: Execution): Promise<void> {
  execution.over.abort(OVER);
  execution.lease.stop();
  await execution.writer.flush();
}

const isSameStart = (a: StartedFor | undefined, b: StartedFor | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
