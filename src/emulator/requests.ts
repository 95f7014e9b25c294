import type { Clock } from "../base/clock.ts";
import type { HostedApp } from "../gateway/app.ts";
import type { Job, Outcome } from "./job.ts";
import { emptyLane, type Lane, leave, notify, tellFrom } from "./lane.ts";
import type { Retention } from "./retention.ts";

/** The requests that there are, and where each of them is. */
export interface Requests {
  readonly clock: Clock;
  /** How long waiting takes, as a share of the usual. */
  readonly timeScale: number;
  readonly jobs: Map<string, Job>;
  /** Of models by account, of apps by app: whoever calls an app waits in one queue. */
  readonly lanes: Map<string, Lane>;
  readonly apps: ReadonlyMap<string, HostedApp>;
  readonly atWork: Set<Promise<void>>;
  readonly retention: Retention;
  /** Told of each request that has ended, while its payload is there. */
  completed(job: Job): void;
  closed: boolean;
}

export const laneOf = (requests: Requests, { app, account }: Pick<Job, "app" | "account">): Lane =>
  laneNamed(requests, requests.apps.has(app) ? `app ${app}` : `account ${account}`);

export const accountLane = (requests: Requests, account: string): Lane =>
  laneNamed(requests, `account ${account}`);

function laneNamed({ lanes }: Requests, name: string): Lane {
  const lane = lanes.get(name) ?? emptyLane();
  lanes.set(name, lane);
  return lane;
}

/** A line in the log of a request that has not ended. */
export function log(job: Job, message: string, at: number): void {
  if (job.state === "COMPLETED") return;
  job.logs.push({ at, message });
  notify(job);
}

export function start(job: Job, lane: Lane, at: number): void {
  const position = leave(lane, job);
  job.state = "IN_PROGRESS";
  job.startedAt = at;
  notify(job);
  tellFrom(lane, position);
}

const NOTHING = new Uint8Array();

/** False where it had ended before. */
export function complete(requests: Requests, job: Job, outcome: Outcome): boolean {
  if (job.state === "COMPLETED") return false;
  const lane = laneOf(requests, job);
  const position = leave(lane, job);
  job.state = "COMPLETED";
  job.completedAt = requests.clock.now();
  job.outcome = outcome;
  // Nobody is sent it any more, and retention counts only what is told of the request.
  if (job.direct) job.direct = { ...job.direct, body: NOTHING };
  requests.completed(job);
  requests.retention.completed(job);
  notify(job);
  tellFrom(lane, position);
  return true;
}

/** Work that the emulator waits for when it closes. */
export function track({ atWork }: Requests, work: Promise<void>): void {
  const done: Promise<void> = work.finally(() => atWork.delete(done));
  atWork.add(done);
}
