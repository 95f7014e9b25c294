import type { Job } from "./job.ts";

/**
 * The requests of one account that have not started. Those that hold a slot come first, in the order in which they
 * will start; they are overtaken by nobody. Low priority sits behind every normal request.
 */
export interface Lane {
  readonly scheduled: Job[];
  readonly normal: Job[];
  readonly low: Job[];
  /** How many slots are taken, by those that are scheduled or run. */
  busy: number;
  /** When the latest of them starts: whoever comes later does not start sooner. */
  lastStart: number;
}

export const emptyLane = (): Lane => ({ scheduled: [], normal: [], low: [], busy: 0, lastStart: 0 });

/** How many start before this one; -1 when it waits no more. */
export function positionIn(lane: Lane, job: Job): number {
  let before = 0;
  for (const part of partsOf(lane)) {
    const at = part.indexOf(job);
    if (at >= 0) return before + at;
    before += part.length;
  }
  return -1;
}

/** How many requests to an endpoint wait in it. */
export const waitingIn = (lane: Lane, endpoint: string): number =>
  partsOf(lane).reduce((sum, part) => sum + part.filter((job) => job.endpoint === endpoint).length, 0);

export function join(lane: Lane, job: Job): void {
  lane[job.priority].push(job);
  if (job.priority === "normal") tellFrom(lane, lane.scheduled.length + lane.normal.length);
}

/** The one that goes next, which waits still. */
export const next = ({ normal, low }: Lane): Job | undefined => normal[0] ?? low[0];

/** Before all others of its priority. */
export function joinFirst(lane: Lane, job: Job): void {
  lane[job.priority].unshift(job);
  tellFrom(lane, 0);
}

/** @returns the position that it had; -1 when it waited no more. */
export function leave(lane: Lane, job: Job): number {
  const position = positionIn(lane, job);
  for (const part of partsOf(lane)) {
    const at = part.indexOf(job);
    if (at >= 0) part.splice(at, 1);
  }
  return position;
}

/** The next one that is to have a slot has it. */
export function schedule(lane: Lane): Job | undefined {
  const next = lane.normal.shift() ?? lane.low.shift();
  if (!next) return undefined;
  lane.scheduled.push(next);
  lane.busy += 1;
  return next;
}

/** Tells those from this position on that the queue has moved; nobody where it is -1. */
export function tellFrom(lane: Lane, from: number): void {
  if (from < 0) return;
  const told = roundNumbers(from, lengthOf(lane)).map((position) => jobAt(lane, position));
  for (const job of told) if (job) notify(job);
}

export function notify(job: Job): void {
  for (const watcher of [...job.watchers]) watcher();
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
