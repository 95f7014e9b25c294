import type { Clock } from "../base/clock.ts";
import type { Job, JobOrder, Outcome } from "./job.ts";
import { failureOutcome } from "./outcomes.ts";

/** Between a free slot and the first moment of the run: shortest and longest, in milliseconds. */
const SCHEDULING_MS = [120, 400] as const;

/** The requests of one account: in the order in which they will start, and how many hold a slot. */
interface Lane {
  readonly queued: Job[];
  readonly scheduled: Set<Job>;
  busy: number;
  /** When the latest of them starts: whoever comes later does not start sooner. */
  lastStart: number;
}

export interface Machine {
  readonly jobs: ReadonlyMap<string, Job>;
  submit(order: JobOrder): Job;
  /** False when it was too late. */
  cancel(job: Job): boolean;
  log(job: Job, message: string): void;
  /** How many requests of the account start before this one. */
  queuePosition(job: Job): number;
  /** How many requests to an endpoint wait, whoever sent them. */
  waitingFor(endpoint: string): number;
  /** Whether an account may start nothing more right now. */
  isFull(account: string): boolean;
  close(): Promise<void>;
}

export interface MachineOptions {
  readonly clock: Clock;
  /** Requests in progress at once per account. */
  readonly concurrency: number;
  /** Does the work of a request that has just started; rejects only when the request was stopped. */
  perform(job: Job): Promise<Outcome>;
}

/**
 * The life of a request: IN_QUEUE until the account has a slot, IN_PROGRESS while it is performed, COMPLETED for ever.
 * Whoever ends a request early (a cancel, a deadline) completes it first and then stops the work, so that a watcher
 * sees the end at once.
 */
export function createMachine({ clock, concurrency, perform }: MachineOptions): Machine {
  const jobs = new Map<string, Job>();
  const lanes = new Map<string, Lane>();
  const atWork = new Set<Promise<void>>();
  let closed = false;

  const laneOf = (account: string): Lane => {
    const lane = lanes.get(account) ?? { queued: [], scheduled: new Set(), busy: 0, lastStart: 0 };
    lanes.set(account, lane);
    return lane;
  };

  const notify = (job: Job) => {
    for (const watcher of [...job.watchers]) watcher();
  };

  const leaveQueue = (job: Job) => {
    const lane = laneOf(job.account);
    const at = lane.queued.indexOf(job);
    if (at >= 0) lane.queued.splice(at, 1);
    lane.scheduled.delete(job);
    return () => lane.queued.slice(Math.max(at, 0)).forEach(notify);
  };

  const complete = (job: Job, outcome: Outcome): boolean => {
    if (job.state === "COMPLETED") return false;
    const tellTheOthers = leaveQueue(job);
    job.state = "COMPLETED";
    job.completedAt = clock.now();
    job.outcome = outcome;
    notify(job);
    tellTheOthers();
    return true;
  };

  const start = (job: Job) => {
    const tellTheOthers = leaveQueue(job);
    job.state = "IN_PROGRESS";
    job.startedAt = clock.now();
    notify(job);
    tellTheOthers();
  };

  const work = async (lane: Lane, job: Job) => {
    try {
      const [least, most] = SCHEDULING_MS;
      const ready = clock.now() + Math.round(least + job.random() * (most - least));
      lane.lastStart = Math.max(ready, lane.lastStart);
      await clock.sleep(lane.lastStart - clock.now(), job.stop.signal);
      start(job);
      complete(job, await perform(job));
    } catch (error) {
      // A stopped request has been completed by whoever stopped it; anything else is a defect in a stand-in.
      if (!job.stop.signal.aborted) complete(job, failureOutcome(500, "internal_error", String(error)));
    } finally {
      lane.busy -= 1;
      advance(lane);
    }
  };

  const advance = (lane: Lane) => {
    while (!closed && lane.busy < concurrency) {
      const next = lane.queued.find((job) => !lane.scheduled.has(job));
      if (!next) return;
      lane.scheduled.add(next);
      lane.busy += 1;
      const done: Promise<void> = work(lane, next).finally(() => atWork.delete(done));
      atWork.add(done);
    }
  };

  /** An absolute deadline from the submit; it never limits a run that has started. */
  const watchDeadline = (job: Job, withinMs: number) => {
    const left = new AbortController();
    const leave = () => {
      if (job.state === "IN_QUEUE") return;
      job.watchers.delete(leave);
      left.abort();
    };
    job.watchers.add(leave);
    const signal = AbortSignal.any([left.signal, job.stop.signal]);
    clock.sleep(withinMs, signal).then(
      () => {
        // That this deadline yields startup_timeout is what an older page says; unsure.
        const outcome = failureOutcome(
          504,
          "startup_timeout",
          `The request did not start within ${withinMs / 1000} s`,
          { "x-fal-request-timeout-type": "user" },
        );
        if (job.state === "IN_QUEUE" && complete(job, outcome)) job.stop.abort();
      },
      () => {}, // it started, or ended otherwise
    );
  };

  return {
    jobs,
    submit(order) {
      const job: Job = {
        ...order,
        state: "IN_QUEUE",
        submittedAt: clock.now(),
        logs: [],
        cancelled: false,
        stop: new AbortController(),
        watchers: new Set(),
      };
      jobs.set(job.requestId, job);
      const lane = laneOf(job.account);
      // Low priority sits behind every normal request; what is about to start is not overtaken.
      const overtakes = (other: Job) =>
        job.priority === "normal" && other.priority === "low" && !lane.scheduled.has(other);
      const at = lane.queued.findIndex(overtakes);
      lane.queued.splice(at < 0 ? lane.queued.length : at, 0, job);
      lane.queued.slice(lane.queued.indexOf(job) + 1).forEach(notify);
      if (job.startWithinMs !== undefined) watchDeadline(job, job.startWithinMs);
      advance(lane);
      return job;
    },
    cancel(job) {
      if (job.state === "COMPLETED") return false;
      job.cancelled = true;
      complete(job, failureOutcome(499, "client_cancelled", "Request cancelled by the client."));
      job.stop.abort();
      return true;
    },
    log(job, message) {
      if (job.state === "COMPLETED") return;
      job.logs.push({ at: clock.now(), message });
      notify(job);
    },
    queuePosition: (job) => Math.max(0, laneOf(job.account).queued.indexOf(job)),
    waitingFor: (endpoint) =>
      [...lanes.values()].reduce(
        (sum, { queued }) => sum + queued.filter((job) => job.endpoint === endpoint).length,
        0,
      ),
    isFull: (account) => laneOf(account).busy >= concurrency,
    async close() {
      closed = true;
      for (const job of jobs.values()) job.stop.abort();
      await Promise.allSettled(atWork);
    },
  };
}
