import type { RunCall, RunEvent } from "../chain/events.ts";
import { FalError } from "../errors/fal-error.ts";
import { CallAbortedError, CallTimeoutError, type CancelOutcome } from "../errors/giving-up.ts";
import type { Cost, Total } from "../money/cost.ts";
import { nameText, printable, seconds } from "./text.ts";

export type CallState =
  | "submitting"
  | "taken up"
  | "queued"
  | "running"
  | "done"
  | "reused"
  | "failed"
  | "cancelled"
  | "timed out";

/** What is known of one call, put together from its events: what the live view and the table show. */
export interface CallProgress {
  readonly step: string;
  readonly endpoint: string;
  state: CallState;
  /** When the state began, in milliseconds since the epoch. */
  since: number;
  requestId?: string;
  /** It was submitted before, and is only waited for. */
  isTakenUp?: boolean;
  position?: number | undefined;
  lastLog?: string;
  waitSeconds?: number | undefined;
  runSeconds?: number | undefined;
  units?: number | undefined;
  cost?: Cost;
  error?: unknown;
  /** What became of cancelling it, where it was given up. */
  cancel?: CancelOutcome;
  /** As they went over the wire. */
  tags: Readonly<Record<string, string>>;
}

/** Nobody reads on, and it is drawn many times a second. */
const LONGEST_LOG = 2_000;

/** Follows a run's events. `take` gives a line in words for an event that is worth one. */
export class Progress {
  readonly calls = new Map<string, CallProgress>();
  /** What the run cost, once it is known. */
  total: Total | undefined;
  /** What the run failed with. */
  error: unknown;

  take(event: RunEvent): string | undefined {
    if (event.type === "settled") this.total = event.total;
    if (event.type === "failed") this.error = event.error;
    if (!("call" in event)) return undefined;
    const call = this.#of(event.call, event.at);
    if (event.type === "charged") {
      call.cost = event.cost;
      return undefined;
    }
    if (event.type === "call-failed") fail(call, event);
    const line = event.type === "call" ? advance(call, event) : call.state;
    return `${call.step}: ${line}`;
  }

  /** The calls that fal may know of. One that was refused outright has its error, and nothing for a table. */
  get sent(): CallProgress[] {
    return [...this.calls.values()].filter(
      ({ requestId, error }) =>
        requestId !== undefined || (error instanceof FalError && error.billed !== false),
    );
  }

  #of({ id, step, endpoint }: RunCall, at: number): CallProgress {
    const known = this.calls.get(id);
    if (known) return known;
    const call: CallProgress = {
      step: nameText(step),
      endpoint: nameText(endpoint),
      state: "submitting",
      since: at,
      tags: {},
    };
    this.calls.set(id, call);
    return call;
  }
}

function advance(call: CallProgress, { event }: Extract<RunEvent, { type: "call" }>): string {
  switch (event.type) {
    case "submitted":
      call.requestId = nameText(event.requestId);
      call.tags = event.tags;
      if (!event.takenUp) return `submitted to ${call.endpoint} as ${call.requestId}`;
      Object.assign(call, { isTakenUp: true, state: "taken up", since: event.at });
      return `taken up, submitted to ${call.endpoint} before as ${call.requestId}`;
    case "reused":
      call.requestId = nameText(event.requestId);
      call.tags = event.tags;
      Object.assign(call, { state: "reused", since: event.at });
      return "reused, paid for before";
    case "queued":
      if (call.state !== "queued") Object.assign(call, { state: "queued", since: event.at });
      call.position = event.position;
      return describePosition(event.position);
    case "running":
      Object.assign(call, { state: "running", since: event.at });
      return "running";
    case "log":
      call.lastLog = printable(event.log.message, LONGEST_LOG);
      return call.lastLog;
    case "retrying":
      return `failed, and is made again (attempt ${event.attempt})`;
    case "completed": {
      const { billing, metrics } = event.result;
      const state = call.state === "reused" ? "reused" : "done";
      Object.assign(call, { state, since: event.at, units: billing.units, ...metrics });
      return metrics.runSeconds === undefined ? "done" : `done in ${seconds(metrics.runSeconds)}`;
    }
  }
}

function fail(call: CallProgress, { at, error }: Extract<RunEvent, { type: "call-failed" }>): void {
  call.state =
    error instanceof CallAbortedError
      ? "cancelled"
      : error instanceof CallTimeoutError
        ? "timed out"
        : "failed";
  call.since = at;
  call.error = error;
}

export const describePosition = (position: number | undefined): string =>
  position === undefined ? "queued" : position === 0 ? "queued, next in line" : `queued, ${position} ahead`;
