import { currentAttribution } from "../attribution/context.ts";
import { inBackground } from "../base/background.ts";
import { eventLog } from "../base/event-log.ts";
import { linkedController } from "../base/signal.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import type { CancelOutcome } from "../errors/giving-up.ts";
import { CallTimeoutError } from "../errors/giving-up.ts";
import { MalformedReplyError } from "../errors/network.ts";
import { savedRefusal } from "../errors/saved-error.ts";
import type { Ticket } from "../journal/call.ts";
import { type AnyEndpoint, type EndpointId, idOf, type OutputOf } from "../queue/endpoint.ts";
import type { WireStatus } from "../queue/wire.ts";
import { currentCaller } from "./caller.ts";
import { type Result, statusFold } from "./events.ts";
import { noteCancelled, noteFailure, noteResult } from "./noted-requests.ts";
import { oneOf, prepare, type SubmitOptions, type WatchSettings } from "./options.ts";
import {
  type CompletedQueueStatus,
  type InQueueStatus,
  type QueueStatus,
  toQueueStatus,
} from "./queue-status.ts";
import { AMBIGUOUS_SUBMIT_POLICIES, submitOnce } from "./submit.ts";
import {
  type Calls,
  listenerFor,
  outsideRun,
  type SubscribeDeps,
  ticketOf,
  warnOfLongStart,
} from "./subscribe.ts";
import { IDLE_TIMEOUT_MS, watch } from "./watch.ts";

export interface RequestOptions {
  readonly requestId: string;
  readonly abortSignal?: AbortSignal;
}

export interface StatusOptions extends RequestOptions {
  readonly logs?: boolean;
}

export type StatusSubscriptionOptions = StatusOptions &
  Pick<WatchSettings, "mode" | "pollInterval" | "idleTimeout" | "timeout" | "onQueueUpdate">;

/** A request's statuses as they come. Leaving the loop closes the stream; the request goes on. */
export interface StatusStream extends AsyncIterable<QueueStatus> {
  /** The last status, once the stream has ended. Rejects where it broke, or ended before COMPLETED. */
  done(): Promise<QueueStatus>;
  abort(reason?: unknown): void;
}

/** The queue, request by request. Names and results are those of the official client. */
export interface QueueClient {
  /**
   * Submits and returns at once. Repeated only where fal provably refused it.
   *
   * @throws {AmbiguousSubmitError} where it may or may not have been accepted.
   */
  submit<const T extends EndpointId | AnyEndpoint>(
    endpoint: T,
    options: SubmitOptions<T>,
  ): Promise<InQueueStatus>;
  status(endpoint: EndpointId | AnyEndpoint, options: StatusOptions): Promise<QueueStatus>;
  streamStatus(endpoint: EndpointId | AnyEndpoint, options: StatusOptions): Promise<StatusStream>;
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
  cancel(endpoint: EndpointId | AnyEndpoint, options: RequestOptions): Promise<CancelOutcome>;
  /** Picks up a request that exists already, as the same kind of `Call` that `subscribe` gives. */
  attach: Calls["attach"];
}

export function createQueueClient(deps: SubscribeDeps, calls: Calls): QueueClient {
  const { clock } = deps;

  return {
    attach: calls.attach,

    async submit(target, options) {
      const {
        abortSignal = new AbortController().signal,
        ambiguousSubmit = deps.ambiguousSubmit ?? "look-up",
      } = options;
      warnOfLongStart(deps, options.startTimeout);
      const caller = currentCaller();
      if (deps.requireRun && !caller) throw outsideRun(idOf(target));
      const { complete, attribution } = await prepare(
        target,
        options,
        deps.context(),
        deps.upload,
        abortSignal,
      );
      const submission = await complete();
      const policy = oneOf("ambiguousSubmit", ambiguousSubmit, AMBIGUOUS_SUBMIT_POLICIES);
      const call = {
        endpoint: submission.endpoint.id,
        body: submission.body,
        for: { ...attribution, step: undefined },
      };
      const reservations = await deps.reserve(call, caller?.budgets ?? []);
      const intent = {
        id: crypto.randomUUID(),
        ...call,
        key: undefined,
        at: clock.now(),
      };
      await deps.store.calls.intend(intent, { reserve: reservations(intent.at) });
      const sent = submitOnce(deps, intent, submission, policy, abortSignal, reservations);
      const { ticket, position } = await sent.catch(async (error: unknown) => {
        if (!(error instanceof AmbiguousSubmitError))
          await deps.store.calls.failed(intent.id, savedRefusal(error), clock.now());
        throw error;
      });
      return toQueueStatus(ticket, { status: "IN_QUEUE", queue_position: position }, []) as InQueueStatus;
    },

    async status(target, { requestId, logs = false, abortSignal }) {
      const ticket = ticketOf(deps, target, requestId);
      const status = await deps.queue.status(ticket, { logs, signal: abortSignal });
      return toQueueStatus(ticket, status, status.logs ?? []);
    },

    async streamStatus(target, { requestId, logs = false, abortSignal }) {
      const ticket = ticketOf(deps, target, requestId);
      const { controller, unlink } = linkedController(abortSignal);
      const statuses = await deps.queue.streamStatus(ticket, { logs, signal: controller.signal });
      return statusStream(ticket, statuses, controller, unlink);
    },

    async subscribeToStatus(target, options) {
      const ticket = ticketOf(deps, target, options.requestId);
      const { controller, unlink } = linkedController(options.abortSignal);
      const { timeout } = options;
      if (timeout !== undefined) {
        const cancel = Promise.resolve("not-sent" as const);
        const tooLate = () =>
          controller.abort(new CallTimeoutError(ticket.endpoint, timeout, { ...ticket, cancel }));
        clock.sleep(timeout, controller.signal).then(tooLate, () => {});
      }
      const fold = statusFold();
      try {
        const observations = watch(deps.queue, clock, ticket, {
          mode: options.mode ?? "auto",
          logs: options.logs ?? false,
          pollInterval: options.pollInterval,
          idleTimeout: options.idleTimeout ?? IDLE_TIMEOUT_MS,
          signal: controller.signal,
        });
        for await (const { status, connection } of observations) {
          fold.take(status, connection, clock.now());
          const update = toQueueStatus(ticket, status, fold.logs);
          options.onQueueUpdate?.(update);
          if (update.status === "COMPLETED") return update;
        }
        throw endedEarly(ticket);
      } finally {
        unlink();
        controller.abort();
      }
    },

    async result(target, { requestId, abortSignal }) {
      const heard = listenerFor(currentAttribution().incoming, target);
      const ticket = ticketOf(deps, target, requestId);
      const answer = await deps.queue.result(ticket, { signal: abortSignal }).catch((error: unknown) => {
        void inBackground(deps.background, noteFailure(deps, ticket, error));
        throw error;
      });
      await noteResult(deps, ticket, answer);
      heard?.(answer.response.headers);
      return { data: answer.data as OutputOf<typeof target>, requestId, billing: { units: answer.units } };
    },

    async cancel(target, { requestId }) {
      const ticket = ticketOf(deps, target, requestId);
      const outcome = await deps.queue.cancel(ticket);
      if (outcome === "in-time") await noteCancelled(deps, ticket);
      return outcome;
    },
  };
}

function statusStream(
  ticket: Ticket,
  statuses: AsyncIterable<WireStatus>,
  controller: AbortController,
  unlink: () => void,
): StatusStream {
  const log = eventLog<QueueStatus>({
    keep: Number.POSITIVE_INFINITY,
    droppable: () => false,
    withDropped: (e) => e,
  });
  const ended = (async () => {
    let last: QueueStatus | undefined;
    try {
      for await (const status of statuses) {
        last = toQueueStatus(ticket, status, status.logs ?? []);
        log.push(last);
      }
      if (last?.status !== "COMPLETED") throw endedEarly(ticket);
      log.end();
      return last;
    } catch (error) {
      log.fail(error);
      throw error;
    } finally {
      unlink();
    }
  })();
  // The loop tells of a failure too; whoever loops need not call done().
  ended.catch(() => {});
  return {
    done: () => ended,
    abort: (reason) => controller.abort(reason),
    async *[Symbol.asyncIterator]() {
      try {
        yield* log.read();
      } finally {
        controller.abort();
      }
    },
  };
}

const endedEarly = ({ endpoint, requestId }: Ticket) =>
  new MalformedReplyError(`The status stream of ${endpoint} ended before COMPLETED.`, {
    endpoint,
    requestId,
    billed: "unknown",
  });
