import type { WireLog, WireStatus } from "../queue/wire.ts";

/** One line that a model wrote while it ran. */
export interface RequestLog {
  message: string;
  /** @default "INFO" where fal does not say */
  level: "STDERR" | "STDOUT" | "ERROR" | "INFO" | "WARN" | "DEBUG";
  source: "USER";
  /** ISO 8601; where fal does not say, when it came. */
  timestamp: string;
}

/** What came of a completed call. */
export interface Result<T> {
  /** JSON; of a model that gives something else, a text or an ArrayBuffer. */
  data: T;
  requestId: string;
  readonly billing: {
    /** How much fal bills, in the endpoint's own unit; undefined where it did not say. */
    readonly units: number | undefined;
  };
  readonly metrics: {
    /** Seconds between the submit and the start, as seen from here. */
    readonly waitSeconds: number | undefined;
    /** Seconds that the model ran: fal's number where it gives one, else as seen from here. */
    readonly runSeconds: number | undefined;
  };
}

/** The same, with the reply that it came in. */
export interface Done<T> {
  result: Result<T>;
  response: Response;
}

/** `at` is in milliseconds since the epoch, on the caller's clock. */
export type CallEvent<T = unknown> =
  | {
      readonly type: "submitted";
      readonly at: number;
      readonly endpoint: string;
      readonly requestId: string;
      /** As they went over the wire. */
      readonly tags: Readonly<Record<string, string>>;
      /** It was submitted before, by an earlier execution or somebody else: it is waited for, and nothing is paid again. */
      readonly takenUp?: true;
    }
  | {
      /** It is paid for, by an earlier execution of the run or, with `reuse`, by an equal call: its result follows, and nothing is sent. */
      readonly type: "reused";
      readonly at: number;
      readonly endpoint: string;
      readonly requestId: string;
      readonly tags: Readonly<Record<string, string>>;
      /** The equal call that was paid for, by its id in the ledger. */
      readonly of?: string;
    }
  | { readonly type: "queued"; readonly at: number; readonly position: number | undefined }
  | { readonly type: "running"; readonly at: number }
  | {
      readonly type: "log";
      readonly at: number;
      readonly log: RequestLog;
      /** How many log lines before this one were dropped, because nobody had read them in time. */
      readonly dropped: number;
    }
  | {
      /** It failed, which cost nothing, and is made again after a pause: what follows is another call of the ledger. */
      readonly type: "retrying";
      readonly at: number;
      /** The number of the attempt that follows; the first one has 1. */
      readonly attempt: number;
      readonly pauseMs: number;
      readonly error: unknown;
    }
  | { readonly type: "completed"; readonly at: number; readonly result: Result<T> };

/** What a status can tell, short of the result. */
export type StatusEvent = Extract<CallEvent, { type: "queued" | "running" | "log" }>;

const RANK = { IN_QUEUE: 0, IN_PROGRESS: 1, COMPLETED: 2 } as const;

/** What the statuses of one request have told so far. */
export class StatusFold {
  #rank = -1;
  #position: number | undefined;
  readonly #lines: LogLines | undefined;

  /** @param takesLogs Whether they were asked for: whoever sends them all the same sends them for nothing. */
  constructor(takesLogs: boolean) {
    this.#lines = takesLogs ? new LogLines() : undefined;
  }

  get logs(): readonly RequestLog[] {
    return this.#lines?.all ?? [];
  }

  /** Whether the request has written more log than is told. */
  get isLogFull(): boolean {
    return this.#lines?.isFull ?? false;
  }

  /**
   * The events that this status adds to what is known already. The same ones whichever transport brought it: states
   * never go back, positions and log lines never repeat.
   *
   * @param connection Names the source of `logs`: within one connection lines add up, and each connection may begin
   * with lines that an earlier one had brought. A poll is a connection of its own, since its logs are cumulative.
   */
  take(status: WireStatus, connection: object, at: number): StatusEvent[] {
    const events: StatusEvent[] = [];
    const now = RANK[status.status];
    if (status.status === "IN_QUEUE" && this.#rank <= now) {
      const position = status.queue_position ?? undefined;
      if (this.#rank < now || position !== this.#position) events.push({ type: "queued", at, position });
      this.#position = position;
    }
    // A completed request did run, even if nobody looked while it did; a failed one may never have started.
    const ran = status.status === "IN_PROGRESS" || (status.status === "COMPLETED" && !hasFailed(status));
    if (ran && this.#rank < RANK.IN_PROGRESS) events.push({ type: "running", at });
    this.#rank = Math.max(this.#rank, now);

    for (const log of (status.logs && this.#lines?.take(status.logs, connection, at)) || []) {
      events.push({ type: "log", at, log, dropped: 0 });
    }
    return events;
  }
}

/** How much log of a request is told: what a model writes is to fill neither the memory nor the store. */
const MOST_LINES = 20_000;
const MOST_CHARACTERS = 8 * 2 ** 20;

/** The log of a request, each line once. */
class LogLines {
  readonly all: RequestLog[] = [];
  #characters = 0;
  readonly #told = new Map<string, number>();
  readonly #counts = new WeakMap<object, Map<string, number>>();

  get isFull(): boolean {
    return this.all.length >= MOST_LINES || this.#characters >= MOST_CHARACTERS;
  }

  /** @returns those of them that are new. */
  take(lines: readonly WireLog[], connection: object, at: number): RequestLog[] {
    const seen = this.#counts.get(connection) ?? new Map<string, number>();
    this.#counts.set(connection, seen);
    const found: RequestLog[] = [];
    for (const line of lines) {
      if (this.isFull) break;
      const key = JSON.stringify([line.timestamp, line.level, line.source, line.message]);
      const nth = (seen.get(key) ?? 0) + 1;
      seen.set(key, nth);
      // The nth such line of this connection is known if n of them were told already.
      if (nth <= (this.#told.get(key) ?? 0)) continue;
      this.#told.set(key, nth);
      const log = logOf(line, at);
      this.#characters += key.length;
      this.all.push(log);
      found.push(log);
    }
    return found;
  }
}

/** `COMPLETED` says only that it is over: a failed request is completed too, with `error`. */
export const hasFailed = (status: WireStatus): boolean =>
  status.status === "COMPLETED" && status.error !== undefined && status.error !== null;

/** @param at When it came, in milliseconds since the epoch. */
export function logOf({ message, level, source, timestamp }: WireLog, at: number): RequestLog {
  return {
    message,
    // What fal says beyond these words is handed over all the same.
    level: (level ?? "INFO") as RequestLog["level"],
    source: (source ?? "USER") as RequestLog["source"],
    timestamp: timestamp ?? new Date(at).toISOString(),
  };
}
