import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type EventLog, type EventLogOptions, eventLog } from "../base/event-log.ts";
import type { CancelOutcome } from "../errors/giving-up.ts";
import type { Ticket } from "../journal/call.ts";
import type { Cost } from "../money/cost.ts";
import type { Answer } from "../queue/answer.ts";
import type { StreamedCall } from "../queue/queue.ts";
import type { WireStatus } from "../queue/wire.ts";
import type { AdmittedCall, EnclosingRun, FoundStep } from "./enclosing-run.ts";
import { type CallEvent, StatusFold } from "./events.ts";
import type { CallObserver } from "./observer.ts";
import type { AmbiguousSubmitPolicy, CallRetry, Reuse, StepSettings, WatchSettings } from "./options.ts";
import { toQueueStatus } from "./queue-status.ts";
import type { Services, SlotHolder } from "./services.ts";

/** What a POST came to. */
export interface Accepted {
  readonly ticket: Ticket;
  readonly position: number | undefined;
  /** It was found in history: it is probably ours, so nothing cancels it by itself. */
  readonly adopted: boolean;
  /** Of a direct call. */
  readonly answer?: Answer | undefined;
  /** Of one whose answer comes piece by piece. */
  readonly rest?: Promise<Answer> | undefined;
}

/** What the caller said of the call, beside its input. */
export type CallSettings = WatchSettings &
  StepSettings & {
    readonly output?: StandardSchemaV1 | undefined;
    readonly ambiguousSubmit?: AmbiguousSubmitPolicy | undefined;
    readonly retry?: CallRetry | undefined;
    readonly reuse?: Reuse | false | undefined;
  };

/** One call, as far as it has come. Each stage of its life is a function that takes it a step further. */
export interface LiveCall<T = unknown> {
  /** Another one for each attempt. */
  id: string;
  /** Which attempt it is, the first one being 1. */
  attempt: number;
  /** That of a recorded call is known once it was read. */
  endpoint: string;
  readonly settings: CallSettings;
  /** Nobody's, whatever run the code is in. */
  readonly isOutsideRun: boolean;
  /** Known once it lives. */
  run: EnclosingRun | undefined;
  /** It asks for a request that was submitted before, and is no call of its own. */
  readonly asksForRequest: boolean;
  /** Somebody waits for it, or listens to it. */
  isHeard: boolean;
  observer: CallObserver | undefined;
  readonly log: EventLog<CallEvent<T>>;
  statuses: StatusFold;
  /** Settles once fal has accepted the request. */
  readonly announced: PromiseWithResolvers<{ endpoint: string; requestId: string }>;
  readonly startedAt: number;
  /** Milliseconds since the epoch. */
  times: { submitted: number; queued?: number; running?: number; seen?: number };

  /** Aborts with the very error that the call rejects with, once it is given up or left. */
  readonly giveUp: AbortController;
  /** Aborts once it is over: listeners and timers go. */
  readonly over: AbortController;
  ended: "completed" | "failed" | undefined;
  /** What became of its request, since it was given up. Never rejects. */
  cancelled: Promise<CancelOutcome> | undefined;
  /** It goes on upstream, and nothing more is noted of it here. */
  isDetached: boolean;
  /** It was submitted, and whoever has its request id asks for the rest. */
  isHandedOver: boolean;
  /** Its run has no use for it any more. */
  isUnwanted: boolean;

  admitted: AdmittedCall | undefined;
  /** What its run has of it, once it was asked. */
  found: FoundStep | undefined;
  /** The exact JSON of its input, once its files are uploaded. */
  body: string | undefined;
  /** An earlier execution may have sent it, and it is still to be found out what became of that. */
  isInDoubt: boolean;
  /** What it is noted under; undefined while nothing of it is in the store. */
  notedAs: string | undefined;
  slot: SlotHolder | undefined;
  /** Equal calls wait for what this one is paid for: tells them which call has it, or that they are on their own. */
  share: ((paid: string | undefined) => void) | undefined;
  /** Of a direct call: closes its connection, which ends its request. */
  readonly cut: AbortController | undefined;
  /** Of a direct call whose answer comes piece by piece. */
  readonly stream: StreamedCall | undefined;
  /** Its answer has begun, and is not all there. */
  isReading: boolean;
  /** The POST under way, or what it came to. */
  accepting: Promise<Accepted> | undefined;
  ticket: Ticket | undefined;
  /** fal reports its end to this client. */
  isHooked: boolean;
  /** Settles once it is known what it cost. */
  cost: Promise<Cost | undefined> | undefined;
}

/** Readers who come late or are slow have this many log lines, and all other events. */
const KEPT: EventLogOptions<CallEvent<never>> = {
  keep: 1_000,
  droppable: ({ type }) => type === "log",
  withDropped: (event, dropped) => ({ ...event, dropped }) as CallEvent<never>,
};

export function liveCall<T>(
  { clock, observe }: Services,
  endpoint: string,
  settings: CallSettings,
  how: {
    readonly id?: string;
    readonly outsideRun?: boolean;
    readonly asksForRequest?: boolean;
    readonly isDirect?: boolean;
    readonly stream?: StreamedCall;
  } = {},
): LiveCall<T> {
  const { id = crypto.randomUUID(), asksForRequest = false } = how;
  const announced = Promise.withResolvers<{ endpoint: string; requestId: string }>();
  announced.promise.catch(() => {});
  return {
    id,
    attempt: 1,
    endpoint,
    settings,
    isOutsideRun: how.outsideRun ?? false,
    run: undefined,
    asksForRequest,
    isHeard: false,
    observer: observe({ id, endpoint, step: settings.step }),
    log: eventLog<CallEvent<T>>(KEPT as EventLogOptions<CallEvent<T>>),
    statuses: new StatusFold(settings.logs ?? false),
    announced,
    startedAt: clock.now(),
    times: { submitted: clock.now() },
    giveUp: new AbortController(),
    over: new AbortController(),
    ended: undefined,
    cancelled: undefined,
    isDetached: false,
    isHandedOver: false,
    isUnwanted: false,
    admitted: undefined,
    found: undefined,
    body: undefined,
    isInDoubt: false,
    notedAs: undefined,
    slot: undefined,
    share: undefined,
    cut: how.isDirect || how.stream ? new AbortController() : undefined,
    stream: how.stream,
    isReading: false,
    accepting: undefined,
    ticket: undefined,
    isHooked: false,
    cost: undefined,
  };
}

/** Tells whoever listens. */
export function emit<T>(call: LiveCall<T>, event: CallEvent<T>): void {
  if (event.type === "queued" || event.type === "running") call.times[event.type] = event.at;
  call.log.push(event);
  call.admitted?.event(event);
  call.observer?.event(event);
}

/** fal has it, under this id. */
export function announce(
  services: Services,
  call: LiveCall,
  ticket: Ticket,
  tags: Readonly<Record<string, string>>,
  how: { readonly takenUp?: true } = {},
): void {
  const { endpoint } = call;
  const { requestId } = ticket;
  call.ticket = ticket;
  emit(call, { type: "submitted", at: services.clock.now(), endpoint, requestId, tags, ...how });
  call.announced.resolve({ endpoint, requestId });
  const { onEnqueue } = call.settings;
  if (onEnqueue) callBack(services, call, "onEnqueue", () => onEnqueue(requestId));
}

/** Tells what a status adds to what is known already. */
export function tellStatus(services: Services, call: LiveCall, status: WireStatus, connection: object): void {
  const { statuses, endpoint, id } = call;
  const wasFull = statuses.isLogFull;
  for (const event of statuses.take(status, connection, services.clock.now())) emit(call, event);
  if (wasFull || !statuses.isLogFull) return;
  const why = new Error(`it has written ${statuses.logs.length} lines, and those that follow are left out`);
  services.report(`The log of ${endpoint} is not told to its end`, why, { call: id, endpoint });
}

/** The same of one that was watched for, which the caller's callback is told of too. */
export function tellWatched(
  services: Services,
  call: LiveCall,
  ticket: Ticket,
  status: WireStatus,
  connection: object,
): void {
  tellStatus(services, call, status, connection);
  const { onQueueUpdate } = call.settings;
  if (!onQueueUpdate) return;
  const update = () => toQueueStatus(services.queue, ticket, status, call.statuses.logs);
  callBack(services, call, "onQueueUpdate", () => onQueueUpdate(update()));
}

/** The user's code runs here: it may throw, and a paid call goes on all the same. */
function callBack({ report }: Services, { id, endpoint }: LiveCall, name: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    report(`The callback ${name} threw`, error, { call: id, endpoint });
  }
}
