import type { Clock } from "../base/clock.ts";
import { randomFrom } from "../model/random.ts";
import type { Job, JobOrder, Outcome } from "./job.ts";
import {
  emptyLane,
  join,
  type Lane,
  leave,
  notify,
  positionIn,
  schedule,
  tellFrom,
  waitingIn,
} from "./lane.ts";
import { failureOutcome } from "./outcomes.ts";
import type { PastJob } from "./past.ts";
import { createRetention, type Keep } from "./retention.ts";

/** Between a free slot and the first moment of the run: shortest and longest, in milliseconds. */
const SCHEDULING_MS = [120, 400] as const;

export interface Machine {
  readonly jobs: ReadonlyMap<string, Job>;
  /** A number that no other request has, not even one that arrives at the same time. */
  nextNumber(): number;
  submit(order: JobOrder): Job;
  /** Goes on with a request of an earlier life: one that had not ended runs anew. */
  restore(past: PastJob): void;
  /** False when it was too late. */
  cancel(job: Job): boolean;
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
  /** Told of each request that was accepted, before anybody else is. */
  submitted(job: Job): void;
  /** Told of each request that has ended, while its payload is there. */
  completed(job: Job): void;
}

/** The requests that there are, and where each of them is. */
interface Requests extends MachineOptions {
  readonly jobs: Map<string, Job>;
  /** By account. */
  readonly lanes: Map<string, Lane>;
  readonly atWork: Set<Promise<void>>;
  readonly retention: ReturnType<typeof createRetention>;
  closed: boolean;
}

/**
 * The life of a request: IN_QUEUE until the account has a slot, IN_PROGRESS while it is performed, COMPLETED for ever.
 * Whoever ends a request early (a cancel, a deadline) completes it first and then stops the work, so that a watcher
 * sees the end at once.
 */
export function createMachine(options: MachineOptions): Machine {
  const jobs = new Map<string, Job>();
  const lanes = new Map<string, Lane>();
  const retention = createRetention(options.keep, (job) => jobs.delete(job.requestId));
  const requests: Requests = { ...options, jobs, lanes, atWork: new Set(), retention, closed: false };
  let numbers = 0;
  return {
    jobs,
    nextNumber: () => numbers++,
    submit(order) {
      const job = jobOf(order, options.clock.now());
      options.submitted(job);
      return enqueue(requests, job);
    },
    restore: (past) => restore(requests, past),
    cancel: (job) => cancel(requests, job),
    queuePosition: (job) => Math.max(0, positionIn(laneOf(requests, job.account), job)),
    waitingFor: (endpoint) => [...lanes.values()].reduce((sum, lane) => sum + waitingIn(lane, endpoint), 0),
    isFull: (account) => laneOf(requests, account).busy >= options.concurrency,
    async close() {
      requests.closed = true;
      for (const job of jobs.values()) job.stop.abort();
      await Promise.allSettled(requests.atWork);
    },
  };
}

/** A line in the log of a request that has not ended. */
export function log(job: Job, message: string, at: number): void {
  if (job.state === "COMPLETED") return;
  job.logs.push({ at, message });
  notify(job);
}

function laneOf({ lanes }: Requests, account: string): Lane {
  const lane = lanes.get(account) ?? emptyLane();
  lanes.set(account, lane);
  return lane;
}

const jobOf = (order: JobOrder, submittedAt: number): Job => ({
  ...order,
  payload: "held",
  state: "IN_QUEUE",
  submittedAt,
  logs: [],
  cancelled: false,
  stop: new AbortController(),
  watchers: new Set(),
});

function restore(
  requests: Requests,
  { logs, outcome, startedAt, completedAt, cancelled, ...order }: PastJob,
): void {
  const job = jobOf({ ...order, random: randomFrom(0, "restored", order.requestId) }, order.submittedAt);
  if (!outcome || completedAt === undefined) {
    enqueue(requests, job);
    return;
  }
  job.logs.push(...logs);
  requests.jobs.set(
    job.requestId,
    Object.assign(job, { state: "COMPLETED", outcome, startedAt, completedAt, cancelled }),
  );
  requests.retention.completed(job);
}

function enqueue(requests: Requests, job: Job): Job {
  requests.jobs.set(job.requestId, job);
  const lane = laneOf(requests, job.account);
  join(lane, job);
  if (job.startWithinMs !== undefined) watchDeadline(requests, job, job.startWithinMs);
  advance(requests, lane);
  return job;
}

function cancel(requests: Requests, job: Job): boolean {
  if (job.state === "COMPLETED") return false;
  job.cancelled = true;
  complete(requests, job, failureOutcome(499, "client_cancelled", "Request cancelled by the client."));
  job.stop.abort();
  return true;
}

/** An absolute deadline from the submit; it never limits a run that has started. */
function watchDeadline(requests: Requests, job: Job, withinMs: number): void {
  const started = new AbortController();
  const look = () => {
    if (job.state === "IN_QUEUE") return;
    job.watchers.delete(look);
    started.abort();
  };
  job.watchers.add(look);
  const signal = AbortSignal.any([started.signal, job.stop.signal]);
  requests.clock.sleep(withinMs, signal).then(
    () => {
      // That this deadline yields startup_timeout is what an older page says; unsure.
      const why = `The request did not start within ${withinMs / 1000} s`;
      const headers = { "x-fal-request-timeout-type": "user" };
      const outcome = failureOutcome(504, "startup_timeout", why, headers);
      if (job.state === "IN_QUEUE" && complete(requests, job, outcome)) job.stop.abort();
    },
    () => {}, // it started, or ended otherwise
  );
}

/** Gives out the free slots of an account. */
function advance(requests: Requests, lane: Lane): void {
  const { atWork, concurrency } = requests;
  while (!requests.closed && lane.busy < concurrency) {
    const job = schedule(lane);
    if (!job) return;
    const done: Promise<void> = work(requests, lane, job).finally(() => atWork.delete(done));
    atWork.add(done);
  }
}

async function work(requests: Requests, lane: Lane, job: Job): Promise<void> {
  const { clock, timeScale } = requests;
  try {
    const [least, most] = SCHEDULING_MS;
    const ready = clock.now() + timeScale * Math.round(least + job.random() * (most - least));
    lane.lastStart = Math.max(ready, lane.lastStart);
    await clock.sleep(lane.lastStart - clock.now(), job.stop.signal);
    start(job, lane, clock.now());
    complete(requests, job, await requests.perform(job));
  } catch (error) {
    // A stopped request has been completed by whoever stopped it; anything else is a defect in a stand-in.
    if (!job.stop.signal.aborted) {
      complete(requests, job, failureOutcome(500, "internal_error", String(error)));
    }
  } finally {
    lane.busy -= 1;
    advance(requests, lane);
  }
}

function start(job: Job, lane: Lane, at: number): void {
  const position = leave(lane, job);
  job.state = "IN_PROGRESS";
  job.startedAt = at;
  notify(job);
  tellFrom(lane, position);
}

function complete(requests: Requests, job: Job, outcome: Outcome): boolean {
  if (job.state === "COMPLETED") return false;
  const lane = laneOf(requests, job.account);
  const position = leave(lane, job);
  job.state = "COMPLETED";
  job.completedAt = requests.clock.now();
  job.outcome = outcome;
  requests.completed(job);
  requests.retention.completed(job);
  notify(job);
  tellFrom(lane, position);
  return true;
}
