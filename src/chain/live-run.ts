import { type EventLog, eventLog } from "../base/event-log.ts";
import type { CallEvent } from "../calls/events.ts";
import { RunAbortedError, RunDetachedError } from "../errors/runs.ts";
import { runName } from "../journal/run-name.ts";
import type { Cost } from "../money/cost.ts";
import type { RunEvent } from "./events.ts";
import type { RunObserver } from "./observer.ts";
import type { RunPlan } from "./plan.ts";
import type { ChainServices } from "./services.ts";

/** A run that this process executes or observes: what the stages of its life work on. */
export interface LiveRun {
  readonly services: ChainServices;
  readonly plan: RunPlan;
  readonly log: EventLog<RunEvent>;
  /** Aborts when the run is cancelled, with what it rejects with. */
  readonly cancelled: AbortController;
  /** Aborts when the run is detached, with what it rejects with. */
  readonly detached: AbortController;
  /** For each execution here what its calls cost, once all of them have ended. Never rejects. */
  readonly costs: Promise<readonly Cost[]>[];
  /** Of the execution that comes next, where its code has begun already. */
  observer: RunObserver | undefined;
  isExecuting: boolean;
  hasEnded: boolean;
  /** Its code went on after its end, and that was said. */
  hasLateCode: boolean;
  /** Somebody awaits it, or listens to it. */
  isHeard: boolean;
  /** How many of the events in the store are read. */
  eventsRead: number;
  /** The execution that puts its events into the log itself; undefined while another process has the run. */
  tellingEpoch: number | undefined;
}

/** Log lines of all calls that are kept for readers who come late or are slow. */
const KEPT_LOGS = 5_000;

export function liveRun(services: ChainServices, plan: RunPlan): LiveRun {
  const log = eventLog<RunEvent>({
    keep: KEPT_LOGS,
    droppable: (event) => event.type === "call" && event.event.type === "log",
    withDropped: (event, dropped) =>
      event.type === "call" ? { ...event, event: { ...event.event, dropped } as CallEvent } : event,
  });
  return {
    services,
    plan,
    log,
    cancelled: new AbortController(),
    detached: new AbortController(),
    costs: [],
    observer: undefined,
    isExecuting: false,
    hasEnded: false,
    hasLateCode: false,
    isHeard: false,
    eventsRead: 0,
    tellingEpoch: undefined,
  };
}

export const wasExecutedHere = ({ costs }: LiveRun): boolean => costs.length > 0;

/** Whichever process executes it is asked to stop. */
export function cancelRun(live: LiveRun, reason: unknown): void {
  const { services, cancelled } = live;
  const { chain, id } = live.plan;
  if (live.hasEnded || cancelled.signal.aborted) return;
  cancelled.abort(new RunAbortedError(chain, id, { cause: reason }));
  if (live.isExecuting) return;
  const said = reason instanceof Error ? reason.message : String(reason ?? "cancelled");
  services.store.runs
    .cancel(chain, id, said, services.clock.now())
    .catch((error: unknown) =>
      services.report(`The store could not cancel run ${runName(chain, id)}`, error),
    );
}

export function detachRun({ detached, plan }: LiveRun): void {
  detached.abort(new RunDetachedError(plan.chain, plan.id));
}
