import type { StandardSchemaV1 } from "@standard-schema/spec";
import { apiError } from "../base/api-error.ts";
import type { Clock } from "../base/clock.ts";
import { type CancelOutcome, MalformedReplyError, OutputMismatchError } from "../base/errors.ts";
import { eventLog } from "../base/event-log.ts";
import { abortable } from "../base/signal.ts";
import type { Answer, Queue, Submission, Ticket } from "../queue/queue.ts";
import type { WireStatus } from "../queue/wire.ts";
import type { Caller, CallObserver } from "./caller.ts";
import { type CallEvent, hasFailed, type Result, statusFold } from "./events.ts";
import { givingUp } from "./giving-up.ts";
import type { Journal } from "./journal.ts";
import { oneOf, plainIssue, type WatchSettings } from "./options.ts";
import { toQueueStatus } from "./queue-status.ts";
import { watch } from "./watch.ts";

/**
 * One paid use of an endpoint: a promise of its result, and a loop over its events. It runs whether or not anybody
 * listens. Each loop starts from the first event; leaving it early detaches and does not cancel. A loop throws what
 * `await` throws.
 */
export interface Call<T> extends PromiseLike<Result<T>>, AsyncIterable<CallEvent<T>> {
  /** Settles once fal has accepted the request. */
  readonly submitted: Promise<{ endpoint: string; requestId: string }>;
  /** Gives up: the call rejects with an `AbortError`, and the request is cancelled upstream. Never rejects. */
  cancel(): Promise<CancelOutcome>;
  /** The result, and the HTTP response that it came in. */
  withResponse(): Promise<{ result: Result<T>; response: Response }>;
  catch<R = never>(onRejected?: ((reason: unknown) => R | PromiseLike<R>) | null): Promise<Result<T> | R>;
  finally(onFinally?: (() => void) | null): Promise<Result<T>>;
}

export interface CallDeps {
  readonly queue: () => Queue;
  readonly clock: Clock;
  readonly journal: Journal;
  /** For what went wrong beside a call and must not fail it: a callback that threw, a note that was not written. */
  readonly report: (what: string, error: unknown) => void;
  /** What still has to finish after a call has given up. */
  readonly background: Set<Promise<unknown>>;
}

type Tags = Readonly<Record<string, string>>;

/** What a call is made of: a submission to come, or a request that exists already. */
export interface CallPlan {
  readonly endpoint: string;
  readonly step?: string | undefined;
  readonly caller: Caller | undefined;
  readonly settings: WatchSettings;
  readonly output: StandardSchemaV1 | undefined;
  readonly begin:
    | { readonly prepare: () => Promise<{ submission: Submission; tags: Tags }> }
    | { readonly attach: () => Ticket };
}

/** Log lines that are kept for readers who come late or are slow. */
const KEPT_LOGS = 1_000;
/** Three times the pause between fal's signs of life. */
export const IDLE_TIMEOUT_MS = 45_000;

export function startCall<T>(deps: CallDeps, plan: CallPlan): Call<T> {
  const { clock, journal } = deps;
  const { endpoint, settings, begin } = plan;
  const id = crypto.randomUUID();
  const fold = statusFold();
  const times: { submitted: number; running?: number } = { submitted: clock.now() };
  const accepted = Promise.withResolvers<{ endpoint: string; requestId: string }>();
  accepted.promise.catch(() => {});

  let observer: CallObserver | undefined;
  let ticket: Ticket | undefined;
  let submitting: Promise<Ticket> | undefined;

  const log = eventLog<CallEvent<T>>({
    keep: KEPT_LOGS,
    droppable: ({ type }) => type === "log",
    withDropped: (event, dropped) => ({ ...event, dropped }) as CallEvent<T>,
  });
  const end = givingUp({
    endpoint,
    clock,
    settings,
    queue: deps.queue,
    also: [plan.caller?.signal],
    submitting: () => submitting,
    requestId: () => ticket?.requestId,
    background: deps.background,
  });

  const outcome = live();
  return {
    // biome-ignore lint/suspicious/noThenProperty: a call is there to be awaited, and is no subclass of Promise, which each then() would construct anew
    then: (onFulfilled, onRejected) => outcome.then(({ result }) => result).then(onFulfilled, onRejected),
    catch: (onRejected) => outcome.then(({ result }) => result).catch(onRejected),
    finally: (onFinally) => outcome.then(({ result }) => result).finally(onFinally),
    withResponse: () => outcome,
    submitted: accepted.promise,
    cancel: end.cancel,
    [Symbol.asyncIterator]() {
      // Whoever loops is told of a failure by the loop.
      outcome.catch(() => {});
      return log.read();
    },
  };

  /** The main path. */
  async function live(): Promise<{ result: Result<T>; response: Response }> {
    try {
      observer = plan.caller?.admit({ id, endpoint, step: plan.step, cancel: end.cancel });
      end.signal.throwIfAborted();
      ticket = "prepare" in begin ? await submit(begin.prepare) : attach(begin.attach());
      const status = await untilCompleted(ticket);
      const answer = await deps.queue().result(ticket, { signal: end.signal });
      const result = await toResult(ticket, answer, status);
      emit({ type: "completed", at: clock.now(), result });
      log.end();
      end.settle("completed");
      observer?.ended();
      return { result, response: answer.response };
    } catch (error) {
      if (!end.signal.aborted && !(error instanceof OutputMismatchError)) {
        await quietly("The journal could not note a failure", () => journal.failed(id, error));
      }
      log.fail(error);
      accepted.reject(error);
      end.settle("failed");
      observer?.ended(error);
      throw error;
    }
  }

  async function submit(prepare: () => Promise<{ submission: Submission; tags: Tags }>): Promise<Ticket> {
    const { submission, tags } = await abortable(prepare(), end.signal);
    await journal.intend({ id, endpoint, body: submission.body, tags, at: clock.now() });
    end.signal.throwIfAborted();

    times.submitted = clock.now();
    const sent = (async () => {
      const accepted = await deps.queue().submit({ ...submission, signal: end.signal });
      ticket = accepted.ticket;
      await quietly("The journal could not note a request id", () => journal.submitted(id, accepted.ticket));
      return accepted;
    })();
    // Should the call give up meanwhile, the submit goes on, and who cancels it waits for its end.
    submitting = sent.then(({ ticket }) => ticket);
    submitting.catch(() => {});

    const { ticket: fresh, position } = await abortable(sent, end.signal);
    announce(fresh, tags);
    take({ status: "IN_QUEUE", queue_position: position }, {});
    return fresh;
  }

  function attach(known: Ticket): Ticket {
    submitting = Promise.resolve(known);
    announce(known, {});
    return known;
  }

  async function untilCompleted(ticket: Ticket): Promise<WireStatus> {
    const options = {
      mode: oneOf("mode", settings.mode ?? "auto", ["auto", "streaming", "polling"]),
      logs: settings.logs ?? false,
      pollInterval: settings.pollInterval,
      idleTimeout: settings.idleTimeout ?? IDLE_TIMEOUT_MS,
      signal: end.signal,
    };
    for await (const { status, connection } of watch(deps.queue(), clock, ticket, options)) {
      take(status, connection);
      callBack("onQueueUpdate", () => settings.onQueueUpdate?.(toQueueStatus(ticket, status, fold.logs)));
      if (status.status === "COMPLETED") return status;
    }
    throw new MalformedReplyError(`The watch over ${endpoint} ended without COMPLETED.`, { endpoint });
  }

  async function toResult({ requestId }: Ticket, answer: Answer, status: WireStatus): Promise<Result<T>> {
    if (status.status === "COMPLETED" && hasFailed(status)) {
      // fal says that it failed, and then has an answer: the status is believed.
      const body = { detail: status.error, error_type: status.error_type };
      throw apiError({ status: answer.response.status, body, requestId, endpoint });
    }
    const ran = times.running === undefined ? undefined : (clock.now() - times.running) / 1000;
    const inference = status.status === "COMPLETED" ? status.metrics?.inference_time : undefined;
    const result: Result<T> = {
      data: answer.data as T,
      requestId,
      billing: { units: answer.units },
      metrics: {
        waitSeconds: times.running === undefined ? undefined : (times.running - times.submitted) / 1000,
        runSeconds: inference ?? ran,
      },
    };
    await quietly("The journal could not note a result", () => journal.completed(id, result));
    if (!plan.output) return result;

    const checked = await plan.output["~standard"].validate(answer.data);
    if (checked.issues)
      throw new OutputMismatchError(endpoint, requestId, result, checked.issues.map(plainIssue));
    return { ...result, data: checked.value as T };
  }

  function announce({ requestId }: Ticket, tags: Tags): void {
    emit({ type: "submitted", at: clock.now(), endpoint, requestId, tags });
    accepted.resolve({ endpoint, requestId });
    callBack("onEnqueue", () => settings.onEnqueue?.(requestId));
  }

  function take(status: WireStatus, connection: object): void {
    for (const event of fold.take(status, connection, clock.now())) emit(event);
  }

  function emit(event: CallEvent<T>): void {
    if (event.type === "running") times.running = event.at;
    log.push(event);
    observer?.event(event);
  }

  /** The user's code runs here: it may throw, and a paid call goes on all the same. */
  function callBack(name: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      deps.report(`The callback ${name} threw`, error);
    }
  }

  async function quietly(what: string, write: () => Promise<void>): Promise<void> {
    await write().catch((error: unknown) => deps.report(what, error));
  }
}
