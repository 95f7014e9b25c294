import { type EventLog, eventLog } from "../base/event-log.ts";
import type { CallEvent } from "../calls/events.ts";
import { RunAbortedError, RunDetachedError } from "../errors/runs.ts";
import { runName } from "../journal/run-name.ts";
import type { Cost } from "../money/cost.ts";
import type { RunEvent } from "./events.ts";
import type { RunObserver } from "./observer.ts";
import type { RunPlan } from "./plan.ts";
import type { ChainServices } from "./services.ts";

/**
 * A run that this process executes or observes: what the stages of its life work on. Most requests of an app end without
 * a call, so what only a run needs is made when it is asked for.
 */
export class LiveRun {
  readonly services: ChainServices;
  readonly plan: RunPlan;
  /** Of the execution that comes next, where its code has begun already. */
  observer: RunObserver | undefined;
  isExecuting = false;
  hasEnded = false;
  /** Its code went on after its end, and that was said. */
  hasLateCode = false;
  /** Somebody awaits it, or listens to it. */
  isHeard = false;
  /** How many of the events in the store are read. */
  eventsRead = 0;
  /** The execution that puts its events into the log itself; undefined while another process has the run. */
  tellingEpoch: number | undefined;
  #log: EventLog<RunEvent> | undefined;
  #cancelled: AbortController | undefined;
  #detached: AbortController | undefined;
  #costs: Promise<readonly Cost[]>[] | undefined;

  constructor(services: ChainServices, plan: RunPlan) {
    this.services = services;
    this.plan = plan;
  }

  get log(): EventLog<RunEvent> {
    this.#log ??= eventLog<RunEvent>(LOG);
    return this.#log;
  }

  /** Aborts when the run is cancelled, with what it rejects with. */
  get cancelled(): AbortController {
    this.#cancelled ??= new AbortController();
    return this.#cancelled;
  }

  /** Aborts when the run is detached, with what it rejects with. */
  get detached(): AbortController {
    this.#detached ??= new AbortController();
    return this.#detached;
  }

  /** For each execution here what its calls cost, once all of them have ended. Never rejects. */
  get costs(): Promise<readonly Cost[]>[] {
    this.#costs ??= [];
    return this.#costs;
  }

  /** Whether it is cancelled or detached. */
  get isStopped(): boolean {
    return this.#cancelled?.signal.aborted === true || this.#detached?.signal.aborted === true;
  }
}

/** Log lines of all calls that are kept for readers who come late or are slow. */
const KEPT_LOGS = 5_000;

const LOG: Parameters<typeof eventLog<RunEvent>>[0] = {
  keep: KEPT_LOGS,
  droppable: (event) => event.type === "call" && event.event.type === "log",
  withDropped: (event, dropped) =>
    event.type === "call" ? { ...event, event: { ...event.event, dropped } as CallEvent } : event,
};
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
