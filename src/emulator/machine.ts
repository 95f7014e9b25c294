import type { Clock } from "../base/clock.ts";
import type { Job, JobOrder, Outcome } from "./job.ts";
import { failureOutcome } from "./outcomes.ts";
import { createRetention, type Keep } from "./retention.ts";

/** Between a free slot and the first moment of the run: shortest and longest, in milliseconds. */
const SCHEDULING_MS = [120, 400] as const;

/**
 * The requests of one account that have not started. Those that hold a slot come first, in the order in which they
 * will start; they are overtaken by nobody. Low priority sits behind every normal request.
 */
interface Lane {
  readonly scheduled: Job[];
  readonly normal: Job[];
  readonly low: Job[];
  /** How many slots are taken, by those that are scheduled or run. */
  busy: number;
  /** When the latest of them starts: whoever comes later does not start sooner. */
  lastStart: number;
}

export interface Machine {
  readonly jobs: ReadonlyMap<string, Job>;
  /** A number that no other request has, not even one that arrives at the same time. */
  nextNumber(): number;
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
  /** What waiting for a slot's runner takes, as a share of the usual. */
  readonly timeScale: number;
  /** How much of the past is held in memory. */
  readonly keep: Keep;
  /** Does the work of a request that has just started; rejects only when the request was stopped. */
  perform(job: Job): Promise<Outcome>;
  /** Told of each request that has ended, while its payload is there. */
  completed(job: Job): void;
}

/**
 * The life of a request: IN_QUEUE until the account has a slot, IN_PROGRESS while it is performed, COMPLETED for ever.
 * Whoever ends a request early (a cancel, a deadline) completes it first and then stops the work, so that a watcher
 * sees the end at once.
 */
export function createMachine({
  clock,
  concurrency,
  timeScale,
  keep,
  perform,
  completed,
}: MachineOptions): Machine {
  const jobs = new Map<string, Job>();
  const lanes = new Map<string, Lane>();
  const atWork = new Set<Promise<void>>();
  const retention = createRetention(keep, (job) => jobs.delete(job.requestId));
  let numbers = 0;
  let closed = false;

  const laneOf = (account: string): Lane => {
    const lane = lanes.get(account) ?? { scheduled: [], normal: [], low: [], busy: 0, lastStart: 0 };
    lanes.set(account, lane);
    return lane;
  };

  const notify = (job: Job) => {
    for (const watcher of [...job.watchers]) watcher();
  };

  const leaveQueue = (job: Job) => {
    const lane = laneOf(job.account);
    const from = positionIn(lane, job);
    if (from < 0) return () => {};
    for (const part of partsOf(lane)) {
      const at = part.indexOf(job);
      if (at >= 0) part.splice(at, 1);
    }
    return () => tellPositions(lane, from);
  };

  /** Tells those from position `from` on that the queue has moved. */
  const tellPositions = (lane: Lane, from: number) => {
    const told = roundNumbers(from, lengthOf(lane)).map((position) => jobAt(lane, position));
    for (const job of told) if (job) notify(job);
  };

  const complete = (job: Job, outcome: Outcome): boolean => {
    if (job.state === "COMPLETED") return false;
    const tellTheOthers = leaveQueue(job);
    job.state = "COMPLETED";
    job.completedAt = clock.now();
    job.outcome = outcome;
    completed(job);
    retention.completed(job);
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
      const ready = clock.now() + timeScale * Math.round(least + job.random() * (most - least));
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
      const next = lane.normal.shift() ?? lane.low.shift();
      if (!next) return;
      lane.scheduled.push(next);
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
    nextNumber: () => numbers++,
    submit(order) {
      const job: Job = {
        ...order,
        payload: "held",
        state: "IN_QUEUE",
        submittedAt: clock.now(),
        logs: [],
        cancelled: false,
        stop: new AbortController(),
        watchers: new Set(),
      };
      jobs.set(job.requestId, job);
      const lane = laneOf(job.account);
      lane[job.priority].push(job);
      if (job.priority === "normal") tellPositions(lane, lane.scheduled.length + lane.normal.length);
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
    queuePosition: (job) => Math.max(0, positionIn(laneOf(job.account), job)),
    waitingFor: (endpoint) =>
      [...lanes.values()]
        .flatMap(partsOf)
        .reduce((sum, part) => sum + part.filter((job) => job.endpoint === endpoint).length, 0),
    isFull: (account) => laneOf(account).busy >= concurrency,
    async close() {
      closed = true;
      for (const job of jobs.values()) job.stop.abort();
      await Promise.allSettled(atWork);
    },
  };
}

/** In the order in which they will start. */
const partsOf = ({ scheduled, normal, low }: Lane): Job[][] => [scheduled, normal, low];

const lengthOf = (lane: Lane): number => partsOf(lane).reduce((sum, { length }) => sum + length, 0);

function jobAt(lane: Lane, position: number): Job | undefined {
  let at = position;
  for (const part of partsOf(lane)) {
    if (at < part.length) return part[at];
    at -= part.length;
  }
  return undefined;
}

/** How many start before this one; -1 when it waits no more. */
function positionIn(lane: Lane, job: Job): number {
  let before = 0;
  for (const part of partsOf(lane)) {
    const at = part.indexOf(job);
    if (at >= 0) return before + at;
    before += part.length;
  }
  return -1;
}

/**
 * The round numbers from `from` up to but without `to`: all below ten, then tens, hundreds, thousands. Whoever waits far
 * back hears of those positions only: told of each step, ten thousand waiting streams would send fifty million events.
 * (What fal does there is not known. A poll always gets the true number.)
 */
function roundNumbers(from: number, to: number): number[] {
  const numbers: number[] = [];
  const stepAt = (n: number) => (n < 10 ? 1 : 10 ** Math.floor(Math.log10(n)));
  for (let n = from; n < to; ) {
    const step = stepAt(n);
    if (n % step === 0) numbers.push(n);
    n = (Math.floor(n / step) + 1) * step;
  }
  return numbers;
}
