import type { Clock } from "../base/clock.ts";
import { OVER } from "../base/signal.ts";
import { requestOf } from "./log-line.ts";
import type { RunnerEffect } from "./retries.ts";
import { leastBusy } from "./routing.ts";
import type { Runner, StartRunner } from "./runner.ts";

/** fal's, as far as something at home has them: https://docs.fal.ai/documentation/deployment/runners */
export type RunnerPhase =
  | "SETUP"
  | "IDLE"
  | "RUNNING"
  | "DRAINING"
  | "TERMINATING"
  | "CRASH_BACKOFF"
  | "TERMINATED";

export interface FleetOptions {
  readonly clock: Clock;
  /** How long the wait after a failed start takes, as a share of fal's. */
  readonly timeScale: number;
  readonly start: StartRunner;
  /** Where the platform is: runners are told. */
  readonly url: string | undefined;
  /** How many runners there are. */
  readonly runners: number;
  /** How many requests one runner is given at once. */
  readonly maxMultiplexing: number;
  /** Until the port has to be open, in milliseconds. */
  readonly startupTimeoutMs: number;
  /** From SIGTERM to SIGKILL, in milliseconds. */
  readonly graceMs: number;
  /** Called when a seat may have become free. */
  changed(): void;
  /** What a runner wrote, and for which request where that can be told. */
  line(text: string, from: RunnerView, requestId: string | undefined): void;
}

/** One place of an app, with the runner that holds it. */
export interface RunnerView {
  /** From 1. */
  readonly place: number;
  readonly state: RunnerPhase;
  readonly jobId: string;
  readonly pid: number | undefined;
  /** When it was started, and when it came into its state. */
  readonly startedAt: number;
  readonly since: number;
  /** The requests that it has right now. */
  readonly requests: readonly string[];
  /** How many it has had. */
  readonly served: number;
  /** Starts that failed, one after the other. */
  readonly failedStarts: number;
  /** How the one before it ended. */
  readonly lastEnd: string | undefined;
}

/** A place at a runner for one request. */
export interface Seat {
  readonly runner: Runner;
  /** Once: the request has left, and this is what it does to the runner. */
  release(effect: RunnerEffect, hints?: Iterable<string>): void;
}

/** The runners of one app. */
export interface Fleet {
  readonly runners: readonly RunnerView[];
  /** A seat for a request, at the least busy runner; undefined where all are full. */
  seat(requestId: string, hint?: string): Seat | undefined;
  /** Every runner drains and is followed by one with the program as it is now; what waits after failed starts starts now. */
  restart(): void;
  /** SIGKILL, as if the machine were gone. False where there is nothing to kill. */
  kill(place: number): boolean;
  /** Ends all of them. */
  close(): Promise<void>;
}

/** A failed start waits this much longer than the one before it, at most ten minutes. */
const BACKOFF_MS = 30_000;
const LONGEST_BACKOFF_MS = 600_000;

/** A runner's life, from its start to its end. */
interface Life {
  readonly runner: Runner;
  readonly requests: Set<string>;
  readonly hints: Set<string>;
  /** Fires when it has to go. */
  readonly leave: AbortController;
  lastUsedAt: number;
  served: number;
  readonly startedAt: number;
}

interface Place {
  readonly place: number;
  state: RunnerPhase;
  since: number;
  life: Life;
  failedStarts: number;
  lastEnd: string | undefined;
  /** Ends the wait after a failed start. */
  again: AbortController;
}

/** Each place is held by one runner; when that ends, for whatever reason, the next one is started in its place. */
export function createFleet(options: FleetOptions): Fleet {
  const closing = new AbortController();
  const places = Array.from({ length: options.runners }, (_, nth) => newPlace(nth + 1, options));
  const kept = places.map((place) => keepOccupied(place, options, closing.signal));
  const { clock, maxMultiplexing } = options;

  return {
    get runners() {
      return places.map(viewOf);
    },
    seat(requestId, hint) {
      const open = places.filter(isOpen);
      const candidates = open.map((place) => ({ place, ...candidateOf(place.life) }));
      const chosen = leastBusy(candidates, maxMultiplexing, hint);
      return chosen && seatAt(chosen.place, requestId, clock, options);
    },
    restart() {
      for (const { life, again } of places) {
        life.leave.abort(OVER);
        again.abort(OVER);
      }
    },
    kill(number) {
      const place = places[number - 1];
      if (!place || place.state === "CRASH_BACKOFF" || place.state === "TERMINATED") return false;
      place.life.runner.kill();
      return true;
    },
    async close() {
      closing.abort(OVER);
      this.restart();
      await Promise.all(kept);
    },
  };
}

/** One that has to go has not yet entered its next state. */
const isOpen = ({ state, life }: Place): boolean =>
  (state === "IDLE" || state === "RUNNING") && !life.leave.signal.aborted;

const candidateOf = ({ requests, hints, lastUsedAt }: Life) => ({ busy: requests.size, hints, lastUsedAt });

function newPlace(place: number, options: FleetOptions): Place {
  const life = begin(place, options, () => created);
  const created: Place = {
    place,
    state: "SETUP",
    since: life.startedAt,
    life,
    failedStarts: 0,
    lastEnd: undefined,
    again: new AbortController(),
  };
  return created;
}

function begin(place: number, { start, clock, line, url }: FleetOptions, owner: () => Place): Life {
  const requests = new Set<string>();
  const tell = (text: string) => line(text, viewOf(owner()), requestOf(text, requests));
  return {
    runner: start({ place, platform: url, line: tell }),
    requests,
    hints: new Set(),
    leave: new AbortController(),
    lastUsedAt: 0,
    served: 0,
    startedAt: clock.now(),
  };
}

function enter(place: Place, state: RunnerPhase, { clock, changed }: FleetOptions): void {
  if (place.state === state) return;
  place.state = state;
  place.since = clock.now();
  changed();
}

async function keepOccupied(place: Place, options: FleetOptions, closing: AbortSignal): Promise<void> {
  while (true) {
    const { life } = place;
    const opened = await opensInTime(life, options);
    if (opened) {
      place.failedStarts = 0;
      enter(place, "IDLE", options);
      await Promise.race([life.runner.exited, fires(life.leave.signal)]);
    }
    const wasToldToGo = life.leave.signal.aborted;
    place.lastEnd = await end(place, options);
    if (!opened && !wasToldToGo) await backOff(place, options);
    if (closing.aborted) break;
    place.again = new AbortController();
    place.life = begin(place.place, options, () => place);
    enter(place, "SETUP", options);
  }
  enter(place, "TERMINATED", options);
}

async function opensInTime({ runner, leave }: Life, { clock, startupTimeoutMs }: FleetOptions) {
  const settled = new AbortController();
  const tooLate = clock.sleep(startupTimeoutMs, settled.signal).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([
      runner.opened.then(() => true),
      runner.exited.then(() => false),
      fires(leave.signal).then(() => false),
      tooLate,
    ]);
  } finally {
    settled.abort(OVER);
  }
}

/** SIGTERM, and SIGKILL to whoever has not gone within the grace period. */
async function end(place: Place, options: FleetOptions): Promise<string> {
  const { runner, requests } = place.life;
  const gone = new AbortController();
  const exited = runner.exited.finally(() => gone.abort(OVER));
  enter(place, requests.size > 0 ? "DRAINING" : "TERMINATING", options);
  runner.stop();
  options.clock.sleep(options.graceMs, gone.signal).then(
    () => runner.kill(),
    () => {}, // it has gone by itself
  );
  return exited;
}

async function backOff(place: Place, options: FleetOptions): Promise<void> {
  place.failedStarts += 1;
  enter(place, "CRASH_BACKOFF", options);
  const waitMs = Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * place.failedStarts);
  await options.clock.sleep(options.timeScale * waitMs, place.again.signal).catch(() => {});
  // Somebody has changed the program: what failed before says nothing of it.
  if (place.again.signal.aborted) place.failedStarts = 0;
}

function seatAt(place: Place, requestId: string, clock: Clock, options: FleetOptions): Seat {
  const { life } = place;
  life.requests.add(requestId);
  life.lastUsedAt = clock.now();
  life.served += 1;
  // Nobody is told: a seat that is taken is no reason to look for one, and who takes it is in the middle of that.
  if (place.state === "IDLE") Object.assign(place, { state: "RUNNING", since: clock.now() });
  return {
    runner: life.runner,
    release(effect, hints = []) {
      life.requests.delete(requestId);
      for (const hint of hints) life.hints.add(hint);
      if (effect === "stop") life.leave.abort(OVER);
      if (effect === "check") void checkUp(life);
      const isIdle = place.life === life && place.state === "RUNNING" && life.requests.size === 0;
      if (isIdle) enter(place, "IDLE", options);
      options.changed();
    },
  };
}

async function checkUp({ runner, leave }: Life): Promise<void> {
  if (!(await runner.check())) leave.abort(OVER);
}

const fires = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

const viewOf = ({ place, state, since, life, failedStarts, lastEnd }: Place): RunnerView => ({
  place,
  state,
  jobId: life.runner.jobId,
  pid: life.runner.pid,
  startedAt: life.startedAt,
  since,
  requests: [...life.requests],
  served: life.served,
  failedStarts,
  lastEnd,
});
