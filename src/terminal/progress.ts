import { CallAbortedError } from "../base/errors.ts";
import type { RunCall, RunEvent } from "../chain/run.ts";
import type { Cost } from "../ledger/cost.ts";

/** What is known of one call, put together from its events: what the live view and the table show. */
export interface CallProgress {
  readonly step: string;
  readonly endpoint: string;
  state: "submitting" | "queued" | "running" | "done" | "failed" | "cancelled";
  /** When the state began, in milliseconds since the epoch. */
  since: number;
  requestId?: string;
  position?: number | undefined;
  lastLog?: string;
  waitSeconds?: number | undefined;
  runSeconds?: number | undefined;
  units?: number | undefined;
  cost?: Cost;
  tags: Readonly<Record<string, string>>;
}

/** Follows a run's events. `take` gives the line that says an event in words, where it is worth one. */
export class Progress {
  readonly calls = new Map<string, CallProgress>();

  take(event: RunEvent): string | undefined {
    if (!("call" in event)) return undefined;
    const call = this.#of(event.call, event.at);
    if (event.type === "charged") {
      call.cost = event.cost;
      return undefined;
    }
    const line = event.type === "call" ? advance(call, event) : fail(call, event);
    return line && `${call.step}: ${line}`;
  }

  #of({ id, step, endpoint }: RunCall, at: number): CallProgress {
    const known = this.calls.get(id);
    if (known) return known;
    const call: CallProgress = { step, endpoint, state: "submitting", since: at, tags: {} };
    this.calls.set(id, call);
    return call;
  }
}

function advance(call: CallProgress, { event }: Extract<RunEvent, { type: "call" }>): string {
  switch (event.type) {
    case "submitted":
      call.requestId = event.requestId;
      call.tags = event.tags;
      return `submitted to ${event.endpoint} as ${event.requestId}`;
    case "queued":
      if (call.state !== "queued") Object.assign(call, { state: "queued", since: event.at });
      call.position = event.position;
      return describePosition(event.position);
    case "running":
      Object.assign(call, { state: "running", since: event.at });
      return "running";
    case "log":
      call.lastLog = event.log.message;
      return event.log.message;
    case "completed": {
      const { billing, metrics } = event.result;
      Object.assign(call, { state: "done", since: event.at, units: billing.units, ...metrics });
      return `done${metrics.runSeconds === undefined ? "" : ` in ${seconds(metrics.runSeconds)}`}`;
    }
  }
}

function fail(call: CallProgress, { at, error }: Extract<RunEvent, { type: "call-failed" }>): string {
  const cancelled = error instanceof CallAbortedError;
  Object.assign(call, { state: cancelled ? "cancelled" : "failed", since: at });
  call.lastLog = cancelled ? "" : error instanceof Error ? error.message : String(error);
  return cancelled ? "cancelled" : `failed: ${call.lastLog}`;
}

export const describePosition = (position: number | undefined): string =>
  position === undefined ? "queued" : position === 0 ? "queued, next in line" : `queued, ${position} ahead`;

export const seconds = (value: number): string => `${value.toFixed(1)} s`;
