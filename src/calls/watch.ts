import type { Clock } from "../base/clock.ts";
import { linkedController, OVER } from "../base/signal.ts";
import { ApiError } from "../errors/api.ts";
import type { Ticket } from "../journal/call.ts";
import type { Queue } from "../queue/queue.ts";
import type { WireStatus } from "../queue/wire.ts";
import type { WatchSettings } from "./options.ts";
import { watchdog } from "./watchdog.ts";

/** Three times the pause between fal's signs of life, in milliseconds. */
const IDLE_TIMEOUT_MS = 45_000;

export interface WatchOptions {
  /** `polling` never opens a stream; the other two prefer one, and poll where it cannot be had. */
  readonly mode: "auto" | "streaming" | "polling";
  readonly logs: boolean;
  /** Milliseconds between two polls. Default: from 500 ms, growing by half to 5 s while nothing changes. */
  readonly pollInterval?: number | undefined;
  /** The longest silence on a stream, comments included, in milliseconds; past it the stream is opened again. */
  readonly idleTimeout: number;
  readonly signal: AbortSignal;
}

export const watchOptions = (settings: WatchSettings, signal: AbortSignal): WatchOptions => ({
  mode: settings.mode ?? "auto",
  logs: settings.logs ?? false,
  pollInterval: settings.pollInterval,
  idleTimeout: settings.idleTimeout ?? IDLE_TIMEOUT_MS,
  signal,
});

/** A status, and where it came from: log lines add up within one connection. */
export interface Observation {
  readonly status: WireStatus;
  readonly connection: object;
}

const FIRST_POLL_MS = 500;
/** Whatever is asked for: no server is asked without a pause. */
const SHORTEST_POLL_MS = 5;
const LONGEST_POLL_MS = 5_000;
/** A stream that gives signs of life and says nothing, in milliseconds: past it somebody asks. */
const LONGEST_QUIET_MS = 10 * 60_000;
/** After so many polls in a row, a stream that could not be had is tried again. */
const POLLS_BETWEEN_STREAMS = 8;

/**
 * Every status of a request until it is completed. A stream that ends early, breaks or falls silent is not an end:
 * a poll takes its place, then the stream is opened again.
 *
 * @throws {FalError} where the status itself cannot be had for good.
 */
export async function* watch(
  queue: Queue,
  clock: Clock,
  ticket: Ticket,
  options: WatchOptions,
): AsyncGenerator<Observation, void, void> {
  const { logs, signal } = options;
  let interval = options.pollInterval ?? FIRST_POLL_MS;
  let last = "";
  let opened = false;

  for (let round = 0; ; round++) {
    let streamed = false;
    if (options.mode !== "polling" && round % POLLS_BETWEEN_STREAMS === 0) {
      for await (const observation of stream(queue, clock, ticket, options, opened)) {
        streamed = opened = true;
        yield observation;
        if (observation.status.status === "COMPLETED") return;
      }
    }

    const status = await queue.status(ticket, { logs, signal });
    yield { status, connection: {} };
    if (status.status === "COMPLETED") return;

    const seen = JSON.stringify([
      status.status,
      "queue_position" in status && status.queue_position,
      status.logs?.length,
    ]);
    const grows = options.pollInterval === undefined && seen === last;
    interval = grows ? Math.min(interval * 1.5, LONGEST_POLL_MS) : (options.pollInterval ?? FIRST_POLL_MS);
    last = seen;
    await clock.sleep(Math.max(interval, SHORTEST_POLL_MS), signal);
    // A stream that did work is worth opening again at once.
    if (streamed) round = -1;
  }
}

/**
 * One status stream, for as long as it lasts. Ends quietly however it ends, unless the watcher gave up or the answer
 * is one that a poll would get too.
 */
async function* stream(
  queue: Queue,
  clock: Clock,
  ticket: Ticket,
  { logs, idleTimeout, signal }: WatchOptions,
  reopened: boolean,
): AsyncGenerator<Observation, void, void> {
  const { controller, unlink } = linkedController(signal);
  const give = () => controller.abort(new Error("the status stream was silent for too long"));
  const silence = watchdog(clock, Math.min(idleTimeout, LONGEST_QUIET_MS), controller.signal, give);
  const connection = {};
  let saidAt = clock.now();
  const onBytes = () => {
    silence.reset();
    if (clock.now() - saidAt >= LONGEST_QUIET_MS) give();
  };
  try {
    const statuses = await queue.streamStatus(ticket, { logs, signal: controller.signal, onBytes });
    if (reopened && logs) {
      // What was logged between the two connections is in neither: a poll has it. Asked for only now that the new
      // stream is open, so that nothing falls between.
      yield { status: await queue.status(ticket, { logs, signal }), connection: {} };
    }
    for await (const status of statuses) {
      saidAt = clock.now();
      yield { status, connection };
    }
  } catch (error) {
    signal.throwIfAborted();
    if (isFinal(error)) throw error;
  } finally {
    unlink();
    controller.abort(OVER);
  }
}

/** The key is wrong or the request unknown: no other way of asking would help. */
const isFinal = (error: unknown): boolean => error instanceof ApiError && [401, 403].includes(error.status);
