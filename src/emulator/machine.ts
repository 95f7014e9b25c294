import type { Clock } from "../base/clock.ts";
import type { HostedApp } from "../gateway/app.ts";
import { randomFrom } from "../model/random.ts";
import { cancelAtRunner, dispatch } from "./app-queue.ts";
import { watchDeadline } from "./deadline.ts";
import type { DirectCall, GivenUp, Job, JobOrder, Outcome } from "./job.ts";
import { join, type Lane, leave, notify, positionIn, schedule, waitingIn } from "./lane.ts";
import { cancelledOutcome, failureOutcome } from "./outcomes.ts";
import type { PastJob } from "./past.ts";
import { accountLane, complete, laneOf, type Requests, start, track } from "./requests.ts";
import { createRetention, type Keep } from "./retention.ts";

/** Between a free slot and the first moment of the run: shortest and longest, in milliseconds. */
const SCHEDULING_MS = [120, 400] as const;

export interface Machine {
  readonly jobs: ReadonlyMap<string, Job>;
  /** A number that no other request has, not even one that arrives at the same time. */
  nextNumber(): number;
  submit(order: JobOrder, direct?: DirectCall): Job;
  /** Goes on with a request of an earlier life: one that had not ended runs anew. */
  restore(past: PastJob): void;
  /** False when it was too late. */
  cancel(job: Job, how?: GivenUp): boolean;
  /** How many requests of the account start before this one. */
  queuePosition(job: Job): number;
  /** How many requests to an endpoint wait, whoever sent them. */
  waitingFor(endpoint: string): number;
  /** Whether an account may start nothing more right now. */
  isFull(account: string): boolean;
  /** Looks whether a runner of an app has room for what waits. */
  advance(app: string): void;
  /** Forgets every request. What has not ended is stopped, and nobody is told of it. */
  forget(): void;
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
  /** Those that run on runners of their own, by id. */
  readonly apps: ReadonlyMap<string, HostedApp>;
  /** Does the work of a request that has just started; rejects only when the request was stopped. */
  perform(job: Job): Promise<Outcome>;
  /** Told of each request that was accepted, before anybody else is. */
  submitted(job: Job): void;
  /** Told of each request that has ended, while its payload is there. */
  completed(job: Job): void;
}

type State = MachineOptions & Requests;

/**
 * The life of a request: IN_QUEUE until the account has a slot, or its app a runner with room, IN_PROGRESS while it is
 * performed, COMPLETED for ever. Whoever ends a request early (a cancel, a deadline) completes it first and then stops the
 * work, so that a watcher sees the end at once.
 */
export function createMachine(options: MachineOptions): Machine {
  const jobs = new Map<string, Job>();
  const retention = createRetention(options.keep, (job) => jobs.delete(job.requestId));
  const lanes = new Map<string, Lane>();
  const requests: State = { ...options, jobs, lanes, atWork: new Set(), retention, closed: false };
  let numbers = 0;
  return {
    jobs,
    nextNumber: () => numbers++,
    submit(order, direct) {
      const job = jobOf(order, options.clock.now());
      if (direct) job.direct = direct;
      options.submitted(job);
      return enqueue(requests, job);
    },
    restore: (past) => restore(requests, past),
    cancel: (job, how = "client_cancelled") => cancel(requests, job, how),
    queuePosition: (job) => Math.max(0, positionIn(laneOf(requests, job), job)),
    waitingFor: (endpoint) => [...lanes.values()].reduce((sum, lane) => sum + waitingIn(lane, endpoint), 0),
    isFull: (account) => accountLane(requests, account).busy >= options.concurrency,
    advance(id) {
      const app = requests.apps.get(id);
      if (app) dispatch(requests, app);
    },
    forget() {
      for (const job of jobs.values()) if (job.state !== "COMPLETED") drop(requests, job);
      jobs.clear();
      requests.retention.clear();
    },
    async close() {
      requests.closed = true;
      for (const job of jobs.values()) job.stop.abort();
      await Promise.allSettled(requests.atWork);
    },
  };
}

const jobOf = (order: JobOrder, submittedAt: number): Job => ({
  ...order,
  payload: "held",
  state: "IN_QUEUE",
  submittedAt,
  logs: [],
  attempts: [],
  cancelled: false,
  stop: new AbortController(),
  watchers: new Set(),
});

function restore(
  requests: State,
  { logs, outcome, startedAt, completedAt, cancelled, ...order }: PastJob,
): void {
  const job = jobOf({ ...order, random: randomFrom(0, "restored", order.requestId) }, order.submittedAt);
  if (!outcome || completedAt === undefined) {
    requests.jobs.set(job.requestId, job);
    // Whoever waited for the answer of a direct call has gone with the life before.
    if (order.isDirect) complete(requests, job, cancelledOutcome("client_disconnected"));
    else enqueue(requests, job);
    return;
  }
  job.logs.push(...logs);
  requests.jobs.set(
    job.requestId,
    Object.assign(job, { state: "COMPLETED", outcome, startedAt, completedAt, cancelled }),
  );
  requests.retention.completed(job);
}

function enqueue(requests: State, job: Job): Job {
  requests.jobs.set(job.requestId, job);
  const lane = laneOf(requests, job);
  join(lane, job);
  if (job.startWithinMs !== undefined) watchDeadline(requests, job, job.startWithinMs);
  const app = requests.apps.get(job.app);
  if (app) dispatch(requests, app);
  else advance(requests, lane);
  return job;
}

function cancel(requests: State, job: Job, how: GivenUp): boolean {
  if (job.state === "COMPLETED") return false;
  job.cancelled = how;
  const app = requests.apps.get(job.app);
  // The app decides what becomes of what it works on.
  if (app && job.state === "IN_PROGRESS") {
    cancelAtRunner(requests, app, job);
    return true;
  }
  complete(requests, job, cancelledOutcome(how));
  job.stop.abort();
  return true;
}

function drop(requests: State, job: Job): void {
  leave(laneOf(requests, job), job);
  job.state = "COMPLETED";
  job.completedAt = requests.clock.now();
  job.outcome = cancelledOutcome("client_cancelled");
  job.stop.abort();
  notify(job);
}

/** Gives out the free slots of an account. */
function advance(requests: State, lane: Lane): void {
  const { concurrency } = requests;
  while (!requests.closed && lane.busy < concurrency) {
    const job = schedule(lane);
    if (!job) return;
    track(requests, work(requests, lane, job));
  }
}

async function work(requests: State, lane: Lane, job: Job): Promise<void> {
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
