import type { ReplyListener } from "../attribution/onward.ts";
import { inBackground } from "../base/background.ts";
import { abortable, linkedController, OVER } from "../base/signal.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { FalError } from "../errors/fal-error.ts";
import { CallTimeoutError, type CancelOutcome } from "../errors/giving-up.ts";
import type { Ticket } from "../journal/call.ts";
import { replyWith } from "../journal/saved-data.ts";
import { type AnyEndpoint, type EndpointId, idOf, type OutputOf } from "../queue/endpoint.ts";
import type { WireStatus } from "../queue/wire.ts";
import {
  type Calls,
  isSameRun,
  journalled,
  listenerFor,
  live,
  sendUnlessKnown,
  startCall,
  ticketOf,
} from "./call.ts";
import { currentRun, runHere } from "./enclosing-run.ts";
import { logOf, type Result, StatusFold } from "./events.ts";
import { type LiveCall, liveCall } from "./live-call.ts";
import { noteCancelled, noteFailure, noteResult } from "./noted-requests.ts";
import { checkCallOptions, type SubmitOptions, type WatchSettings } from "./options.ts";
import { prepare } from "./prepare.ts";
import {
  type CompletedQueueStatus,
  type InQueueQueueStatus,
  type QueueStatus,
  toQueueStatus,
} from "./queue-status.ts";
import type { Services } from "./services.ts";
import { endedEarly, type StatusStream, statusStream } from "./status-stream.ts";
import { watch, watchOptions } from "./watch.ts";

export interface RequestOptions {
  readonly requestId: string;
  readonly abortSignal?: AbortSignal;
}

export interface StatusOptions extends RequestOptions {
  readonly logs?: boolean;
}

export interface StatusStreamOptions extends StatusOptions {
  /** `client` asks with a temporary token instead of the key. @default "server" */
  readonly connectionMode?: "client" | "server";
}

export type StatusSubscriptionOptions = StatusOptions &
  Pick<WatchSettings, "mode" | "pollInterval" | "idleTimeout" | "timeout" | "onQueueUpdate">;

/** The queue, request by request. Names and results are those of the official client. */
export interface QueueClient {
  /**
   * Submits and returns at once. Repeated only where fal provably refused it. Within a run it is a step like any other:
   * journalled, found again by a resumed run, and not paid for twice.
   *
   * @throws {AmbiguousSubmitError} where it may or may not have been accepted.
   */
  submit<const T extends EndpointId | AnyEndpoint>(
    endpoint: T,
    options: SubmitOptions<T>,
  ): Promise<InQueueQueueStatus>;
  status(endpoint: EndpointId | AnyEndpoint, options: StatusOptions): Promise<QueueStatus>;
  /** The statuses as they come, over one connection: it is not opened again. */
  streamStatus(endpoint: EndpointId | AnyEndpoint, options: StatusStreamOptions): Promise<StatusStream>;
  /** Waits until the request is completed, by stream or polls. A failed request is completed too: see `error`. */
  subscribeToStatus(
    endpoint: EndpointId | AnyEndpoint,
    options: StatusSubscriptionOptions,
  ): Promise<CompletedQueueStatus>;
  /** @throws {ApiError} with the model's own error, where the request failed. */
  result<const T extends EndpointId | AnyEndpoint>(
    endpoint: T,
    options: RequestOptions,
  ): Promise<Pick<Result<OutputOf<T>>, "data" | "requestId" | "billing">>;
  /**
   * Gives a request up: `in-time` where it had not started, `requested` where it may still finish.
   *
   * @throws {ApiError} where fal says no, as with a 400 to a request that has completed; {NetworkError} where it cannot be
   * reached.
   */
  cancel(
    endpoint: EndpointId | AnyEndpoint,
    options: RequestOptions,
  ): Promise<Extract<CancelOutcome, "in-time" | "requested">>;
  /** Picks up a request that exists already, as the same kind of `Call` that `subscribe` gives. */
  attach: Calls["attach"];
}

export function createQueueClient(services: Services, { attach }: Calls): QueueClient {
  const { queue } = services;
  return {
    attach,
    submit: (target, options) => toldToRun(submit(services, target, options)),

    async status(target, options) {
      checkCallOptions(options);
      const { requestId, logs = false, abortSignal } = options;
      const ticket = ticketOf(services, target, requestId);
      const status =
        (await journalledEnd(services, ticket)) ??
        (await queue.status(ticket, { logs, signal: abortSignal }).catch(unlessElsewhere(services, ticket)));
      const now = services.clock.now();
      return toQueueStatus(
        queue,
        ticket,
        status,
        (status.logs ?? []).map((log) => logOf(log, now)),
      );
    },

    async streamStatus(target, options) {
      checkCallOptions(options);
      const { requestId, logs = false, abortSignal, connectionMode } = options;
      const ticket = ticketOf(services, target, requestId);
      const { controller, unlink } = linkedController(abortSignal);
      const { signal } = controller;
      const open = async () => {
        const token =
          connectionMode === "client" ? await services.issueToken(ticket.endpoint, { signal }) : undefined;
        return queue.streamStatus(ticket, { logs, signal, token });
      };
      const known = await journalledEnd(services, ticket);
      const statuses = known ? once(known) : await open().catch(unlessElsewhere(services, ticket));
      const report = (what: string, error: unknown) =>
        services.report(what, error, { endpoint: ticket.endpoint, request_id: requestId });
      return statusStream(queue, ticket, statuses, { logs, controller, unlink, report });
    },

    subscribeToStatus: (target, options) => subscribeToStatus(services, target, options),

    result: (target, options) => toldToRun(result(services, target, options)),

    async cancel(target, options) {
      checkCallOptions(options);
      const { requestId, abortSignal: signal } = options;
      const ticket = ticketOf(services, target, requestId);
      const outcome = await queue.cancel(ticket, { signal });
      if (outcome === "in-time") await noteCancelled(services, ticket);
      return outcome;
    },
  };
}

/** Its run is told of its failure, and nobody else need be: where it is not awaited, the run says so. */
function toldToRun<T>(outcome: Promise<T>): Promise<T> {
  if (currentRun()) outcome.catch(() => {});
  return outcome;
}

/** A call that ends for us once fal has it: whoever has its request id asks for the rest. */
async function submit<T extends EndpointId | AnyEndpoint>(
  services: Services,
  target: T,
  options: SubmitOptions<T>,
): Promise<InQueueQueueStatus> {
  checkCallOptions(options);
  const call = liveCall(services, idOf(target), options);
  // A promise of the language does not tell whether it is awaited.
  call.isHeard = true;
  return live(services, call, async () => {
    if (call.settings.retry !== undefined) throw noRetry();
    if (call.settings.reuse) throw noReuse();
    const prepared = await abortable(prepare(services, target, options), call.giveUp.signal);
    const { ticket } = await sendUnlessKnown(services, call, prepared, { wants: "request" });
    handOver(call, ticket);
    const position = call.accepting && (await call.accepting).position;
    const status = { status: "IN_QUEUE", queue_position: position } as const;
    return toQueueStatus(services.queue, ticket, status, []) as InQueueQueueStatus;
  });
}

const noRetry = () =>
  new InvalidArgumentError(
    "retry is an option of subscribe: a submit is over before its request can fail, and is repeated by itself where fal " +
      "refuses it. Nothing was sent.",
  );

const noReuse = () =>
  new InvalidArgumentError(
    "reuse is an option of subscribe, run and stream: a submit gives a request, and fal may have let go of one that was paid " +
      "for before. Nothing was sent.",
  );

function handOver(call: LiveCall, ticket: Ticket): void {
  call.isHandedOver = true;
  call.slot?.handOver(ticket);
  call.slot = undefined;
}

/** Within a run what the journal has of it is given, its failure too, and what fal has becomes a part of the run. */
async function result<T extends EndpointId | AnyEndpoint>(
  services: Services,
  target: T,
  options: RequestOptions,
): Promise<Pick<Result<OutputOf<T>>, "data" | "requestId" | "billing">> {
  checkCallOptions(options);
  const { requestId, abortSignal } = options;
  const heard = listenerFor(target);
  const made = ticketOf(services, target, requestId);
  if (!runHere(`The call for the result of ${requestId}`))
    return readNow(services, await asNoted(services, made), { heard, signal: abortSignal });
  const settings = abortSignal ? { abortSignal } : {};
  const call = liveCall<OutputOf<T>>(services, idOf(target), settings, { asksForRequest: true });
  const { result } = await startCall(services, call, async () => {
    const { known, ticket } = await journalled(services, call, made, heard);
    if (known) return known;
    call.ticket = ticket;
    const read = await readNow<OutputOf<T>>(services, ticket, { heard, signal: call.giveUp.signal, call });
    const metrics = { waitSeconds: undefined, runSeconds: undefined };
    return { result: { ...read, metrics }, response: replyWith(read.data) };
  }).withResponse();
  return { data: result.data, requestId, billing: result.billing };
}

/** Asks fal for a result, once. What came of it is noted with the call that it is. */
async function readNow<O>(
  services: Services,
  ticket: Ticket,
  how: {
    readonly heard: ReplyListener | undefined;
    readonly signal: AbortSignal | undefined;
    call?: LiveCall;
  },
): Promise<Pick<Result<O>, "data" | "requestId" | "billing">> {
  // What it cost is noted here, and not by the call that asks.
  if (how.call) how.call.cost = Promise.resolve(undefined);
  const { signal } = how;
  // Whoever does not know the request says nothing about its result.
  if (services.queue.isElsewhere(ticket)) await services.queue.status(ticket, { logs: false, signal });
  const answer = await services.queue.result(ticket, { signal }).catch((error: unknown) => {
    void inBackground(services.background, noteFailure(services, ticket, error));
    throw error;
  });
  const cost = await noteResult(services, ticket, answer);
  if (how.call) how.call.cost = cost?.cost;
  how.heard?.(answer.response.headers);
  return { data: answer.data as O, requestId: ticket.requestId, billing: { units: answer.units } };
}

async function subscribeToStatus(
  services: Services,
  target: EndpointId | AnyEndpoint,
  options: StatusSubscriptionOptions,
): Promise<CompletedQueueStatus> {
  const { queue, clock } = services;
  checkCallOptions(options);
  const ticket = ticketOf(services, target, options.requestId);
  const { controller, unlink } = linkedController(options.abortSignal);
  const { signal } = controller;
  const { timeout } = options;
  if (timeout !== undefined) {
    const cancel = Promise.resolve("not-sent" as const);
    const tooLate = () =>
      controller.abort(new CallTimeoutError(ticket.endpoint, timeout, { ...ticket, cancel }));
    clock.sleep(timeout, signal).then(tooLate, () => {});
  }
  const statuses = new StatusFold(options.logs ?? false);
  try {
    const known = await journalledEnd(services, ticket);
    const watched = known
      ? once({ status: known, connection: {} })
      : watch(queue, clock, ticket, watchOptions(options, signal));
    for await (const { status, connection } of watched) {
      statuses.take(status, connection, clock.now());
      const update = toQueueStatus(queue, ticket, status, statuses.logs);
      options.onQueueUpdate?.(update);
      if (update.status === "COMPLETED") return update;
    }
    throw endedEarly(ticket);
  } catch (error) {
    return await unlessElsewhere(services, ticket)(error);
  } finally {
    unlink();
    controller.abort(OVER);
  }
}

/** How a request of this run has ended, where the journal has that: by now fal may have let it go. */
async function journalledEnd({ store }: Services, { requestId }: Ticket): Promise<WireStatus | undefined> {
  const { of } = currentRun() ?? {};
  if (!of) return undefined;
  const [record] = await store.calls.list({ requestId, limit: 1 });
  if (!record || !isSameRun(of, record.for)) return undefined;
  if (record.state === "completed") return { status: "COMPLETED" };
  if (record.state !== "failed") return undefined;
  const { message, errorType } = record.error ?? {};
  return { status: "COMPLETED", error: message ?? "failed", ...(errorType && { error_type: errorType }) };
}

/** Throws what was answered; a call of this store that another deployment took is not unknown, but there. */
const unlessElsewhere =
  (services: Services, ticket: Ticket) =>
  async (error: unknown): Promise<never> => {
    if (!(error instanceof FalError)) throw error;
    throw services.queue.elsewhere(await asNoted(services, ticket), error);
  };

/** The ticket of a request that is asked for by its id: where it is a call of this store, that tells who took it. */
async function asNoted({ store }: Services, ticket: Ticket): Promise<Ticket> {
  const [record] = await store.calls.list({ requestId: ticket.requestId, limit: 1 }).catch(() => []);
  return record?.ticket ?? ticket;
}

async function* once<T>(value: T): AsyncGenerator<T, void, void> {
  yield value;
}
