import type { StandardSchemaV1 } from "@standard-schema/spec";
import { currentAttribution, type OfRun } from "../attribution/context.ts";
import { type ReplyListener, replyListener } from "../attribution/onward.ts";
import { abortable } from "../base/signal.ts";
import { OutputMismatchError } from "../errors/arguments.ts";
import type { CancelOutcome } from "../errors/giving-up.ts";
import { asReplayed, restoredError } from "../errors/saved-error.ts";
import type { CallFor, CallRecord, Ticket } from "../journal/call.ts";
import {
  type AnyEndpoint,
  type EndpointId,
  idOf,
  type OutputOf,
  parseEndpointId,
} from "../queue/endpoint.ts";
import type { StreamedCall } from "../queue/queue.ts";
import { runHere } from "./enclosing-run.ts";
import type { CallEvent, Done, Result } from "./events.ts";
import { cancelCall, cancelForRun, heedSignals, settle } from "./give-up.ts";
import { announce, type CallSettings, emit, type LiveCall, liveCall } from "./live-call.ts";
import { type CallOptions, checkCallOptions, type WatchSettings } from "./options.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { type Recorded, recordFailure, recordResult, reusedResult } from "./record.ts";
import { type Known, pickUp, recover } from "./recover.ts";
import { reusedCall } from "./reuse.ts";
import { send } from "./send.ts";
import type { Services } from "./services.ts";
import { tryAgain } from "./try-again.ts";
import { untilEnded } from "./wait.ts";

/**
 * One paid use of an endpoint: a promise of its result, and a loop over its events. It runs whether or not anybody
 * listens. Each loop starts from the first event; leaving it early detaches and does not cancel. A loop throws what
 * `await` throws.
 */
export interface Call<T> extends Promise<Result<T>>, AsyncIterable<CallEvent<T>> {
  /** Settles once fal has accepted the request. */
  readonly submitted: Promise<{ endpoint: string; requestId: string }>;
  /** Gives up: the call rejects with an `AbortError`, and the request is cancelled upstream. Never rejects. */
  cancel(): Promise<CancelOutcome>;
  /** The result, and the HTTP response that it came in. */
  withResponse(): Promise<Done<T>>;
}

export interface AttachOptions<S extends StandardSchemaV1 | undefined = undefined> extends WatchSettings {
  readonly requestId: string;
  readonly output?: S;
}

/** Makes calls: `subscribe` starts a new one, `attach` picks up a request that exists already. */
export interface Calls {
  subscribe<const T extends EndpointId | AnyEndpoint, S extends StandardSchemaV1 | undefined = undefined>(
    endpoint: T,
    options: CallOptions<T, S>,
  ): Call<OutputOf<T, S>>;
  attach<const T extends EndpointId | AnyEndpoint, S extends StandardSchemaV1 | undefined = undefined>(
    endpoint: T,
    options: AttachOptions<S>,
  ): Call<OutputOf<T, S>>;
}

export const createCalls = (services: Services): Calls => ({
  subscribe: (target, options) => subscribe(services, target, options),
  attach: (target, { requestId, ...settings }) => pickUpRequest(services, target, requestId, settings),
});

function subscribe<O>(
  services: Services,
  target: EndpointId | AnyEndpoint,
  options: CallOptions<unknown, StandardSchemaV1 | undefined>,
): Call<O> {
  const call = liveCall<O>(services, idOf(target), settingsFor(target, options));
  return startCall(services, call, () => perform(services, call, prepare(services, target, options)));
}

function pickUpRequest<O>(
  services: Services,
  target: EndpointId | AnyEndpoint,
  requestId: string,
  settings: CallSettings,
): Call<O> {
  const asked = { asksForRequest: true };
  const call = liveCall<O>(services, idOf(target), settingsFor(target, settings), asked);
  return startCall(services, call, () => attach(services, call, target, requestId));
}

/** Starts a call at the stage that it begins with, and gives what its caller holds of it. */
export function startCall<T>(services: Services, call: LiveCall<T>, stage: () => Promise<Done<T>>): Call<T> {
  const outcome = live(services, call, async () => {
    const done = await stage();
    emit(call, { type: "completed", at: services.clock.now(), result: done.result });
    return done;
  });
  // Its run is told of its failure, and says what nobody has awaited.
  if (call.run) outcome.catch(() => {});
  const result = () => {
    call.isHeard = true;
    return outcome.then(({ result }) => result);
  };
  return {
    // biome-ignore lint/suspicious/noThenProperty: a call is there to be awaited, and is no subclass of Promise, which each then() would construct anew
    then: (onFulfilled, onRejected) => result().then(onFulfilled, onRejected),
    catch: (onRejected) => result().catch(onRejected),
    finally: (onFinally) => result().finally(onFinally),
    withResponse() {
      call.isHeard = true;
      return outcome;
    },
    submitted: call.announced.promise,
    cancel: () => cancelCall(services, call),
    [Symbol.toStringTag]: "Call",
    [Symbol.asyncIterator]() {
      // Whoever loops is told of a failure by the loop.
      result().catch(() => {});
      return call.log.read();
    },
  };
}

/** The life of a call, whatever it is to give: let in by its run, and its end told to all. */
export async function live<R>(services: Services, call: LiveCall, stage: () => Promise<R>): Promise<R> {
  const { id, endpoint, settings, log, asksForRequest } = call;
  const { step, onChange } = settings;
  try {
    if (!call.isOutsideRun) call.run = runHere(`The call to ${endpoint}`);
    checkCallOptions(settings);
    heedSignals(services, call);
    const cancel = () => cancelForRun(services, call);
    call.admitted = call.run?.admit({ id, endpoint, step, onChange, asksForRequest, live: call, cancel });
    call.giveUp.signal.throwIfAborted();
    const given = await stage();
    log.end();
    settle(call, "completed");
    tellEnd(call, {});
    return given;
  } catch (thrown) {
    await recordFailure(services, call, thrown);
    const error = asSeen(services, call, thrown);
    log.fail(error);
    call.announced.reject(error);
    settle(call, "failed");
    tellEnd(call, { error });
    throw error;
  } finally {
    call.slot?.release();
    call.share?.(undefined);
  }
}

/** A replay has what is noted of it. The caller's own contract is checked anew each time, and its error has the result. */
function asSeen(services: Services, { admitted, notedAs }: LiveCall, thrown: unknown): unknown {
  const error = admitted ? admitted.failure(thrown) : thrown;
  const isNoted = admitted !== undefined && notedAs !== undefined;
  return isNoted && !(error instanceof OutputMismatchError) ? asReplayed(error, services.hide) : error;
}

function tellEnd(call: LiveCall, end: { readonly error?: unknown }): void {
  const { admitted, observer, cost, isHandedOver } = call;
  admitted?.ended({ ...end, cost });
  observer?.ended({ ...end, cost, isHandedOver });
}

/** A call from its input to its result. @param replaces The recorded call that it is made in the place of. */
export async function perform<T>(
  services: Services,
  call: LiveCall<T>,
  preparing: Promise<Prepared>,
  replaces?: string,
): Promise<Done<T>> {
  const prepared = await abortable(preparing, call.giveUp.signal);
  for (let instead = replaces; ; ) {
    try {
      const known = await sendUnlessKnown(services, call, prepared, { wants: "result", replaces: instead });
      if (isRecorded(known)) return await reusedResult(services, call, known);
      return await finish(services, call, known.ticket, prepared.heard);
    } catch (error) {
      if (call.settings.retry === undefined) throw error;
      instead = await tryAgain(services, call, prepared, call.settings.retry, error);
    }
  }
}

/** What the run has of it already is not paid for again, nor what an equal call may be given; everything else is sent. */
export async function sendUnlessKnown(
  services: Services,
  call: LiveCall,
  prepared: Prepared,
  { wants, replaces }: { readonly wants: "result" | "request"; readonly replaces?: string | undefined },
): Promise<Known> {
  const { content, endpoint } = prepared;
  const { signal } = call.giveUp;
  if (call.admitted && !call.found) {
    const asked = { endpoint: endpoint.id, content, how: call.stream && howStreamed(call.stream) };
    call.found = await abortable(call.admitted.find(asked), signal);
    const known = call.found.record && (await recover(services, call, call.found.record, wants));
    if (known) return known;
  }
  const { found } = call;
  const before = replaces ?? found?.replaces ?? found?.record?.id;
  const equal = wants === "result" ? await reusedCall(services, call, prepared, before) : undefined;
  if (equal) return equal;
  const ticket = await send(services, call, prepared, found, before);
  return { ticket, record: undefined, outcome: undefined };
}

/** Waits for a request that fal has, and records what it gave. */
async function finish<T>(
  services: Services,
  call: LiveCall<T>,
  ticket: Ticket,
  heard?: ReplyListener,
): Promise<Done<T>> {
  const end = await untilEnded(services, call, ticket, heard !== undefined);
  heard?.(end.answer.response.headers);
  const result = await recordResult(services, call, ticket, end);
  return {
    result,
    get response() {
      return end.answer.response;
    },
  };
}

/** A request that exists already, whoever sent it: what the journal has of it is given, everything else waited for. */
async function attach<T>(
  services: Services,
  call: LiveCall<T>,
  target: EndpointId | AnyEndpoint,
  requestId: string,
): Promise<Done<T>> {
  const heard = listenerFor(target);
  const made = ticketOf(services, target, requestId);
  const { ticket, known } = await journalled(services, call, made, heard);
  if (known) return known;
  call.accepting = Promise.resolve({ ticket, position: undefined, adopted: false });
  announce(services, call, ticket, {}, { takenUp: true });
  return finish(services, call, ticket, heard);
}

/**
 * What the journal has of a request that is asked for by its id: its result or, within its run, its failure too. A result
 * that tells more than its data is asked for from fal, outside of its run.
 *
 * @returns also its ticket, which tells the deployment that took it.
 */
export async function journalled<T>(
  services: Services,
  call: LiveCall<T>,
  ticket: Ticket,
  heard: ReplyListener | undefined,
): Promise<{ readonly known: Done<T> | undefined; readonly ticket: Ticket }> {
  const [record] = await services.store.calls.list({ requestId: ticket.requestId, limit: 1 });
  if (!record) return { known: undefined, ticket };
  const { state, outcome, error } = record;
  const isOfThisRun = call.run !== undefined && isSameRun(call.run.of, record.for);
  if (isOfThisRun) call.admitted?.identify(record);
  if (isOfThisRun && state === "failed" && error) throw restoredError(error);
  if (outcome?.data !== undefined && (isOfThisRun || !heard)) {
    return { known: await reusedResult(services, call, { record, ticket, outcome }), ticket };
  }
  call.notedAs = record.id;
  call.times.submitted = record.submittedAt ?? record.intendedAt;
  return { known: undefined, ticket: record.ticket ?? ticket };
}

/** A recorded call, whoever made it: what the store has of it is given without asking fal. */
export async function collect<T>(
  services: Services,
  call: LiveCall<T>,
  reading: Promise<CallRecord & { readonly ticket: Ticket }>,
): Promise<Done<T>> {
  const record = await abortable(reading, call.giveUp.signal);
  const { ticket, outcome } = record;
  call.endpoint = record.endpoint;
  if (outcome?.data !== undefined) return reusedResult(services, call, { record, ticket, outcome });
  pickUp(services, call, { record, ticket, outcome: undefined });
  return finish(services, call, ticket);
}

/** What the reply of a result tells whoever is asked here and now. */
export const listenerFor = (target: EndpointId | AnyEndpoint): ReplyListener | undefined =>
  replyListener(currentAttribution().incoming, parseEndpointId(idOf(target)).app);

export const ticketOf = ({ queue }: Services, target: EndpointId | AnyEndpoint, requestId: string): Ticket =>
  queue.ticket(parseEndpointId(idOf(target)), requestId);

export function settingsFor(target: EndpointId | AnyEndpoint, settings: CallSettings): CallSettings {
  // All others are checked once the call lives.
  if (!settings) checkCallOptions(settings);
  const output = settings.output ?? (typeof target === "object" ? target.schemas.output : undefined);
  return output ? { ...settings, output } : settings;
}

/** A stream is not found by a call of the queue, nor one by another that asks otherwise. */
const howStreamed = ({ method, query, url, accept }: StreamedCall): string =>
  JSON.stringify(["stream", method, query, url ?? "", accept]);

const isRecorded = (known: Known): known is Recorded =>
  known.record !== undefined && known.outcome !== undefined;

export const isSameRun = (of: OfRun, { chain, run }: CallFor): boolean =>
  of.chain === chain && of.run === run;
