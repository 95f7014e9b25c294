import { parseOwn } from "../base/json.ts";
import type { CallEvent } from "../calls/events.ts";
import type { SavedError } from "../errors/saved-error.ts";
import { restoredError, savedError, withoutResults } from "../errors/saved-error.ts";
import type { CallRecord } from "../journal/call.ts";
import type { RunJournal } from "../journal/run.ts";
import { restoredData } from "../journal/saved-data.ts";
import type { Cost, Total } from "../money/cost.ts";

/** A call within a run. `step` is unique in it: the name that the code gave, or the endpoint id. */
export interface RunCall {
  readonly id: string;
  readonly step: string;
  readonly endpoint: string;
}

/** Everything that happens in a run, in order. `at` is in milliseconds since the epoch. */
export type RunEvent<O = unknown> =
  | { readonly type: "started"; readonly at: number; readonly chain: string; readonly run: string }
  /** Another execution goes on with it. `epoch` counts them. */
  | {
      readonly type: "resumed";
      readonly at: number;
      readonly chain: string;
      readonly run: string;
      readonly epoch: number;
    }
  | { readonly type: "call"; readonly at: number; readonly call: RunCall; readonly event: CallEvent }
  | { readonly type: "call-failed"; readonly at: number; readonly call: RunCall; readonly error: unknown }
  /** A memoized function gave something or failed, now or in an earlier execution. */
  | { readonly type: "step"; readonly at: number; readonly step: string; readonly reused: boolean }
  /** What a call cost, as soon as it is known: a result never waits for it. */
  | { readonly type: "charged"; readonly at: number; readonly call: RunCall; readonly cost: Cost }
  /** Paid calls of earlier executions that this one did not ask for. */
  | { readonly type: "left-over"; readonly at: number; readonly calls: readonly RunCall[] }
  | { readonly type: "completed"; readonly at: number; readonly output: O }
  | { readonly type: "failed"; readonly at: number; readonly error: unknown }
  /** The last event: every call has ended and has its cost. */
  | { readonly type: "settled"; readonly at: number; readonly total: Total };

/** An event as the store keeps it: without payloads, which the calls and the run itself have, and errors as facts. */
export function storedEvent(event: RunEvent): string {
  switch (event.type) {
    case "failed":
    case "call-failed":
      return JSON.stringify({ ...event, error: withoutResults(savedError(event.error)) });
    case "completed":
      return JSON.stringify({ ...event, output: undefined });
    case "settled":
      return JSON.stringify({ ...event, total: undefined });
    case "call": {
      const { event: told } = event;
      if (told.type === "retrying") {
        const { hidden: _, ...error } = savedError(told.error);
        return JSON.stringify({ ...event, event: { ...told, error } });
      }
      if (told.type !== "completed") return JSON.stringify(event);
      const result = { ...told.result, data: undefined };
      return JSON.stringify({ ...event, event: { ...told, result } });
    }
    default:
      return JSON.stringify(event);
  }
}

/** The event again, with the payloads that the store has beside it. */
export async function restoredEvent(
  event: RunEvent,
  payloads: {
    readonly call: (id: string) => Promise<CallRecord | undefined>;
    readonly output: () => unknown;
    readonly total: () => Promise<Total>;
  },
): Promise<RunEvent> {
  switch (event.type) {
    case "failed":
    case "call-failed":
      return { ...event, error: restoredError(event.error as SavedError) };
    case "completed":
      return { ...event, output: payloads.output() };
    case "settled":
      return { ...event, total: await payloads.total() };
    case "call": {
      if (event.event.type === "retrying") {
        return { ...event, event: { ...event.event, error: restoredError(event.event.error as SavedError) } };
      }
      if (event.event.type !== "completed") return event;
      const record = await payloads.call(event.call.id);
      const result = { ...event.event.result, data: restoredData(record?.outcome?.data) };
      return { ...event, event: { ...event.event, result } };
    }
    default:
      return event;
  }
}

/** What ends a run for whoever reads of it, in the order in which it is told. */
export const storedEnd = (end: RunEvent & { readonly type: "completed" | "failed" }): string[] => [
  storedEvent(end),
  storedEvent({ type: "settled", at: end.at, total: NOTHING }),
];

const NOTHING: Total = { nanoUsd: 0, calls: 0, unknown: 0 };

/** Whether an event says that an execution of the run has ended. */
export const isOfEnd = ({ type }: RunEvent): boolean =>
  type === "completed" || type === "failed" || type === "settled";

/** All events in the store from this number on, as they are kept. What something else has put there is passed over. */
export async function* storedEvents(
  runs: RunJournal,
  chain: string,
  run: string,
  from: number,
): AsyncGenerator<{ readonly seq: number; readonly event: RunEvent }> {
  for (let next = from; ; ) {
    const page = await runs.events(chain, run, next);
    if (page.length === 0) return;
    for (const { seq, event: text } of page) {
      const event = storedEventIn(text);
      if (event) yield { seq, event };
      next = seq + 1;
    }
  }
}

/** Undefined for what is not an event as `storedEvent` writes it. */
function storedEventIn(text: string): RunEvent | undefined {
  try {
    const event = parseOwn(text);
    return isRecord(event) && isStored(event) ? (event as unknown as RunEvent) : undefined;
  } catch {
    return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Fields => typeof value === "object" && value !== null;

function isStored({ type, call, error, event }: Fields): boolean {
  switch (type) {
    case "failed":
      return isRecord(error);
    case "call-failed":
      return isRecord(call) && isRecord(error);
    case "charged":
      return isRecord(call);
    case "call":
      return isRecord(call) && isRecord(event) && isStoredOfCall(event);
    default:
      return typeof type === "string";
  }
}

const isStoredOfCall = ({ type, result, error }: Fields): boolean =>
  (type !== "completed" || isRecord(result)) && (type !== "retrying" || isRecord(error));
