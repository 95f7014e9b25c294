import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ApiError, apiError, isOwnEnd } from "../base/api-error.ts";
import type { Cost } from "../base/cost.ts";
import {
  AmbiguousSubmitError,
  type CancelOutcome,
  MalformedReplyError,
  OutputMismatchError,
  RunStateError,
} from "../base/errors.ts";
import { eventLog } from "../base/event-log.ts";
import type { CallRecord, Outcome, Store, Ticket } from "../base/journal.ts";
import type { Report } from "../base/report.ts";
import { LeaseLostError } from "../base/run-journal.ts";
import type { SavedError } from "../base/saved-error.ts";
import { abortable } from "../base/signal.ts";
import { withTexts } from "../base/urls.ts";
import type { Reserve } from "../ledger/budget.ts";
import type { History } from "../platform/requests.ts";
import type { Answer, Queue, Submission } from "../queue/queue.ts";
import type { WireStatus } from "../queue/wire.ts";
import { type BillDeps, billFailure, billResult, costAtOnce } from "./bill.ts";
import type { Caller, CallObserver, Place } from "./caller.ts";
import { type CallEvent, hasFailed, type Result, statusFold } from "./events.ts";
import { givingUp } from "./giving-up.ts";
import type { Hooks } from "./hooks.ts";
import { oneOf, type Prepared, plainIssue, type WatchSettings } from "./options.ts";
import type { Places } from "./places.ts";
import { toQueueStatus } from "./queue-status.ts";
import { isGone, readResult } from "./result.ts";
import { restoredError, savedError } from "./saved-error.ts";
import {
  type Accepted,
  AMBIGUOUS_SUBMIT_POLICIES,
  type AmbiguousSubmitPolicy,
  submitOnce,
} from "./submit.ts";
import { GIVEN_UP, takeUp } from "./take-up.ts";
import { watch } from "./watch.ts";
import type { WitnessCall } from "./witness.ts";

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

export interface CallDeps extends BillDeps {
  readonly queue: Queue;
  readonly history: History;
  /** What is noted once a call is paid never rejects: a store that fails then is not the caller's concern. */
  readonly store: Store;
  readonly ambiguousSubmit: AmbiguousSubmitPolicy | undefined;
  /** What a call sets aside of its budgets. */
  readonly reserve: Reserve;
  /** For what went wrong beside a call and must not fail it, such as a callback that threw. */
  readonly report: Report;
  /** Who sees it besides its caller. */
  readonly witness: WitnessCall;
  /** Copies the media of a result. Never rejects. */
  readonly keepFiles: (data: unknown) => Promise<void>;
  /** Webhooks instead of waiting, where the client has them. */
  readonly hooks: Hooks | undefined;
  /** How many calls may be under way at once, where the client has a limit. */
  readonly places: Places | undefined;
}

type Tags = Readonly<Record<string, string>>;

/** What a call is made of: a submission to come, a request that exists already, or a call that the store has. */
export interface CallPlan {
  readonly endpoint: string;
  readonly step?: string | undefined;
  readonly onChange?: "rerun" | "reuse" | undefined;
  readonly caller: Caller | undefined;
  readonly settings: WatchSettings;
  readonly output: StandardSchemaV1 | undefined;
  readonly ambiguousSubmit?: AmbiguousSubmitPolicy | undefined;
  readonly begin:
    | {
        readonly prepare: (signal: AbortSignal) => Promise<Prepared>;
        /** The recorded call that this one stands in for, and the id that makes sure that only one does. */
        readonly instead?: { readonly of: string; readonly id: string };
      }
    | { readonly attach: () => Ticket; readonly heard: (headers: Headers) => void }
    | { readonly collect: () => Promise<CallRecord & { readonly ticket: Ticket }> };
}

/** Log lines that are kept for readers who come late or are slow. */
const KEPT_LOGS = 1_000;
/** Three times the pause between fal's signs of life. */
export const IDLE_TIMEOUT_MS = 45_000;

interface Done<T> {
  readonly result: Result<T>;
  readonly response: Response;
}

export function startCall<T>(deps: CallDeps, plan: CallPlan): Call<T> {
  const { clock, queue, store } = deps;
  const { settings, begin } = plan;
  let { endpoint } = plan;
  const instead = "prepare" in begin ? begin.instead : undefined;
  const id = instead?.id ?? crypto.randomUUID();
  const fold = statusFold();
  const startedAt = clock.now();
  const times: { submitted: number; running?: number } = { submitted: clock.now() };
  const accepted = Promise.withResolvers<{ endpoint: string; requestId: string }>();
  accepted.promise.catch(() => {});

  let observer: CallObserver | undefined;
  let ticket: Ticket | undefined;
  let submitting: Promise<Accepted> | undefined;
  /** What this call is noted under; undefined while nothing of it is in the store. */
  let noted: string | undefined;
  let leaving = false;
  /** Whether fal reports this call's end to this client. */
  let hooked = false;
  /** Gives back the place that this call has among those under way. */
  let leavePlace: (() => void) | undefined;
  /** What it cost, once that is known. */
  let cost: Promise<Cost | undefined> | undefined;

  const log = eventLog<CallEvent<T>>({
    keep: KEPT_LOGS,
    droppable: ({ type }) => type === "log",
    withDropped: (event, dropped) => ({ ...event, dropped }) as CallEvent<T>,
  });
  const end = givingUp({
    endpoint: () => endpoint,
    clock,
    settings,
    queue,
    also: [plan.caller?.signal],
    detach: plan.caller?.detached,
    submitting: () => submitting,
    requestId: () => ticket?.requestId,
    background: deps.background,
  });

  const witness = deps.witness({ id, endpoint, step: plan.step });
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
  async function live(): Promise<Done<T>> {
    try {
      const { step, onChange } = plan;
      observer = plan.caller?.admit({ id, endpoint, step, onChange, cancel: leave });
      end.signal.throwIfAborted();
      const done = await deliver();
      emit({ type: "completed", at: clock.now(), result: done.result });
      log.end();
      end.settle("completed");
      observer?.ended({ cost });
      witness?.ended({ cost });
      return done;
    } catch (error) {
      await noteEnd(error);
      log.fail(error);
      accepted.reject(error);
      end.settle("failed");
      cost ??= billFailure(deps, { endpoint, noted }, { error, left: isLeft(error), sent: outcomeOfSubmit });
      observer?.ended({ error, cost });
      witness?.ended({ error, cost });
      throw error;
    } finally {
      leavePlace?.();
    }
  }

  async function deliver(): Promise<Done<T>> {
    if ("prepare" in begin) return perform(begin.prepare);
    if ("attach" in begin) return heard(finish(attach(begin.attach())), begin);
    const record = await abortable(begin.collect(), end.signal);
    const { ticket, outcome } = record;
    endpoint = record.endpoint;
    if (outcome?.data !== undefined) return reuse(record, { ticket, outcome });
    return finish(pickUp(record, { ticket, adopted: false }));
  }

  /** What the run has of this step already is not paid for again; everything else is submitted. */
  async function perform(prepare: (signal: AbortSignal) => Promise<Prepared>): Promise<Done<T>> {
    const prepared = await abortable(prepare(end.signal), end.signal);
    const { content } = prepared;
    const place = observer && (await abortable(observer.place({ endpoint, content }), end.signal));
    if (place?.record) {
      const taken = await takeUp(deps, place.record, policy(), end.signal);
      if (taken.kind === "result") {
        countReuse(place.record);
        return reuse(place.record, taken);
      }
      if (taken.kind === "request") return heard(finish(pickUp(place.record, taken)), prepared);
      place.anew();
    }
    return heard(finish(submit(prepared, place)), prepared);
  }

  /** What the reply holds for whoever called us. */
  async function heard(finished: Promise<Done<T>>, by: Pick<Prepared, "heard">): Promise<Done<T>> {
    const done = await finished;
    by.heard(done.response.headers);
    return done;
  }

  async function finish(accepted: Promise<Ticket> | Ticket): Promise<Done<T>> {
    ticket = await accepted;
    const { answer, status } = await collect(ticket);
    return { result: await toResult(ticket, answer, status), response: answer.response };
  }

  async function reuse(record: CallRecord, known: { ticket: Ticket; outcome: Outcome }): Promise<Done<T>> {
    const { requestId } = known.ticket;
    const { data, units, waitSeconds, runSeconds } = known.outcome;
    ticket = known.ticket;
    // It is charged already, unless the process ended before its price was there.
    const isKnown = record.cost !== undefined && record.cost.source !== "unknown";
    cost = isKnown ? Promise.resolve(record.cost) : billResult(deps, { endpoint, noted: record.id }, units);
    keepFiles(data);
    emit({ type: "reused", at: clock.now(), endpoint, requestId, tags: record.tags });
    accepted.resolve({ endpoint, requestId });
    const result = {
      data: data as T,
      requestId,
      billing: { units },
      metrics: { waitSeconds, runSeconds },
    };
    return { result: await checked(result, data), response: Response.json(data) };
  }

  /** For the reports, so nobody waits for it. */
  function countReuse({ id }: CallRecord): void {
    const counting = store
      .reused(id)
      .catch((error: unknown) => deps.report(`That call ${id} was reused could not be noted`, error));
    deps.background.add(counting);
    void counting.finally(() => deps.background.delete(counting));
  }

  /** A request that an earlier execution sent: it is waited for, whoever sent it. */
  function pickUp(record: CallRecord, { ticket, adopted }: { ticket: Ticket; adopted: boolean }): Ticket {
    noted = record.id;
    hooked = deps.hooks !== undefined;
    leavePlace = deps.places?.claim(record.id);
    times.submitted = record.submittedAt ?? record.intendedAt;
    submitting = Promise.resolve({ ticket, position: undefined, adopted });
    announce(ticket, record.tags);
    return ticket;
  }

  function policy(): AmbiguousSubmitPolicy {
    const given = plan.ambiguousSubmit ?? deps.ambiguousSubmit ?? "look-up";
    return oneOf("ambiguousSubmit", given, AMBIGUOUS_SUBMIT_POLICIES);
  }

  async function submit(prepared: Prepared, place: Place | undefined): Promise<Ticket> {
    const { attribution } = prepared;
    const onAmbiguous = policy();
    const complete = await abortable(prepared.complete(place?.upload), end.signal);
    const replaced = place && place.replacements.size > 0;
    const body = replaced ? withTexts(complete.body, place.replacements) : complete.body;
    const submission = await withHook({ ...complete, body });
    const call = { endpoint, body: submission.body, ...attribution };
    const reservations = await abortable(deps.reserve(call, plan.caller?.budgets ?? []), end.signal);
    leavePlace = await deps.places?.take(id, end.signal);
    const intent = {
      id,
      ...call,
      step: plan.step,
      key: place?.key,
      at: clock.now(),
    };
    const replaces = instead?.of ?? place?.replaces ?? place?.record?.id;
    const reserve = reservations(intent.at);
    const terms = { fence: place?.fence, replaces, reserve };
    await store.intend(intent, terms).catch(unlessOtherStore);
    noted = id;
    end.signal.throwIfAborted();
    witness?.sending(submission.body);

    times.submitted = clock.now();
    // The timeout may come while fal refuses: then the refusal is the better error, so it is not waited out.
    const deadline = settings.timeout === undefined ? undefined : startedAt + settings.timeout;
    const permitted = { ...submission, deadline, permit: place?.permit };
    submitting = submitOnce(deps, intent, permitted, onAmbiguous, end.signal, reservations);
    // Should the call give up meanwhile, the submit goes on, and who cancels it waits for its end.
    submitting.then(
      (accepted) => {
        ticket = accepted.ticket;
      },
      () => {},
    );
    const { ticket: fresh, position } = await abortable(submitting, end.signal);
    announce(fresh, attribution.tags);
    take({ status: "IN_QUEUE", queue_position: position }, {});
    return fresh;
  }

  /** A call that has a hook of its own is watched as any other: whoever gets that hook is not this client. */
  async function withHook(submission: Submission): Promise<Submission> {
    if (!deps.hooks || submission.webhookUrl !== undefined) return submission;
    hooked = true;
    const webhookUrl = await deps.hooks.addressOf(id);
    // The result must outlive its time in the queue: the sweep may come later.
    return { ...submission, webhookUrl, headers: { ...submission.headers, "x-fal-store-io": "1" } };
  }

  /** A store that has never heard of the run says that it is not ours. */
  async function unlessOtherStore(error: unknown): Promise<never> {
    const { chain = "", run = "" } = plan.caller?.of ?? {};
    if (!(error instanceof LeaseLostError) || (await store.run(chain, run))) throw error;
    throw new RunStateError(
      "run_elsewhere",
      `The call to ${endpoint} was made within the run ${chain}/${run} by another client, whose store (${store.name}) does ` +
        "not have that run: it could not be found again. Nothing was sent. Give both clients the same store.",
    );
  }

  /** The run does not want it any more. */
  function leave(): Promise<CancelOutcome> {
    leaving = true;
    return end.cancel();
  }

  async function attach(known: Ticket): Promise<Ticket> {
    submitting = Promise.resolve({ ticket: known, position: undefined, adopted: false });
    announce(known, {});
    const [record] = await store.calls({ requestId: known.requestId, limit: 1 });
    noted = record?.id;
    return known;
  }

  /** Waits for the end of a request and fetches what it gave; what the queue has let go, history may still have. */
  async function collect(ticket: Ticket): Promise<{ answer: Answer; status: WireStatus | undefined }> {
    if (hooked && deps.hooks && noted !== undefined) return afterHook(deps.hooks, noted, ticket);
    const status = await untilCompleted(ticket).catch((error: unknown) => {
      if (!isGone(error)) throw error;
    });
    return {
      status: status ?? undefined,
      answer: await readResult(deps, ticket, status ?? undefined, end.signal),
    };
  }

  /** What the hook brought is in the store; where none came, or without a result, the result is there to be read. */
  async function afterHook(hooks: Hooks, id: string, ticket: Ticket) {
    await hooks.ended(id, ticket, end.signal);
    const { state, outcome, error } = (await store.call(id)) ?? {};
    if (state === "failed" && error) throw restoredError(error);
    const answer =
      outcome?.data === undefined
        ? await readResult(deps, ticket, { status: "COMPLETED" }, end.signal)
        : { data: outcome.data, units: outcome.units, response: Response.json(outcome.data) };
    return { answer, status: undefined };
  }

  async function untilCompleted(ticket: Ticket): Promise<WireStatus> {
    const options = {
      mode: oneOf("mode", settings.mode ?? "auto", ["auto", "streaming", "polling"]),
      logs: settings.logs ?? false,
      pollInterval: settings.pollInterval,
      idleTimeout: settings.idleTimeout ?? IDLE_TIMEOUT_MS,
      signal: end.signal,
    };
    for await (const { status, connection } of watch(queue, clock, ticket, options)) {
      take(status, connection);
      callBack("onQueueUpdate", () => settings.onQueueUpdate?.(toQueueStatus(ticket, status, fold.logs)));
      if (status.status === "COMPLETED") return status;
    }
    throw new MalformedReplyError(`The watch over ${endpoint} ended without COMPLETED.`, { endpoint });
  }

  async function toResult(
    { requestId }: Ticket,
    answer: Answer,
    status: WireStatus | undefined,
  ): Promise<Result<T>> {
    if (status?.status === "COMPLETED" && hasFailed(status)) {
      // fal says that it failed, and then has an answer: the status is believed.
      const body = { detail: status.error, error_type: status.error_type };
      const { status: code, headers } = answer.response;
      throw apiError({ status: code, headers, body, requestId, endpoint });
    }
    const ran = times.running === undefined ? undefined : (clock.now() - times.running) / 1000;
    const inference = status?.status === "COMPLETED" ? status.metrics?.inference_time : undefined;
    const result: Result<T> = {
      data: answer.data as T,
      requestId,
      billing: { units: answer.units },
      metrics: {
        waitSeconds: times.running === undefined ? undefined : (times.running - times.submitted) / 1000,
        runSeconds: inference ?? ran,
      },
    };
    const known = costAtOnce(deps, endpoint, answer.units);
    if (noted !== undefined) {
      const { data, billing, metrics } = result;
      await store.completed(noted, { data, ...billing, ...metrics, cost: known }, clock.now());
    }
    cost = known ? Promise.resolve(known) : billResult(deps, { endpoint, noted }, answer.units);
    keepFiles(answer.data);
    return checked(result, answer.data);
  }

  /** A result never waits for its files to be copied. */
  function keepFiles(data: unknown): void {
    const copying = deps.keepFiles(data);
    deps.background.add(copying);
    void copying.finally(() => deps.background.delete(copying));
  }

  async function checked(result: Result<T>, data: unknown): Promise<Result<T>> {
    if (!plan.output) return result;
    const outcome = await plan.output["~standard"].validate(data);
    if (outcome.issues)
      throw new OutputMismatchError(endpoint, result.requestId, result, outcome.issues.map(plainIssue));
    return { ...result, data: outcome.value as T };
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
    witness?.event(event);
  }

  /** The user's code runs here: it may throw, and a paid call goes on all the same. */
  function callBack(name: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      deps.report(`The callback ${name} threw`, error, { call: id, endpoint });
    }
  }

  async function noteEnd(error: unknown): Promise<void> {
    if (noted === undefined) return;
    // The result is noted, and stays: what failed is the caller's contract.
    if (error instanceof OutputMismatchError) return;
    // Submitting has noted that by itself.
    if (error instanceof AmbiguousSubmitError) return;
    const saved = savedError(error);
    if (isLeft(error)) return noteLeft(noted, error, saved);
    // A request that fal has ends by its own word, or when its result is gone: until then it may still be had.
    const isEnd = !ticket || isGone(error) || (error instanceof ApiError && isOwnEnd(error));
    if (isEnd) return store.failed(noted, saved, clock.now());
    return store.givenUp(noted, GIVEN_UP.unread, clock.now(), saved);
  }

  /** Nobody waits for it here any more. */
  function isLeft(error: unknown): boolean {
    return end.signal.aborted || error instanceof LeaseLostError;
  }

  /** What became of the submit; undefined where nothing was accepted. */
  async function outcomeOfSubmit(): Promise<"accepted" | "in-doubt" | undefined> {
    const outcome = await submitting?.then(
      () => "accepted" as const,
      (error: unknown) => (error instanceof AmbiguousSubmitError ? ("in-doubt" as const) : undefined),
    );
    // Of a submit that was repeated in spite of a doubt, somebody has still to find out what became of the first.
    const known = noted === undefined ? undefined : await store.call(noted).catch(() => undefined);
    return known?.state === "ambiguous" ? "in-doubt" : outcome;
  }

  /**
   * Nothing is said of it while its POST is under way: should the process end now, it is in doubt, and not known to be
   * unsent.
   */
  function noteLeft(noted: string, error: unknown, saved: SavedError): Promise<void> {
    const isSent = submitting !== undefined && ticket === undefined;
    const note = async () => {
      const sent = await outcomeOfSubmit();
      if (sent === "in-doubt") return;
      // It goes on, and whoever takes it over notes its end.
      if (end.detached && sent === "accepted") return;
      const byRun =
        end.detached || error instanceof LeaseLostError || leaving || plan.caller?.signal.aborted === true;
      await store.givenUp(noted, byRun ? GIVEN_UP.byRun : saved.name, clock.now(), saved);
    };
    // A run is let go when it is known what its calls are; everybody else is told at once.
    if (!isSent || end.detached) return note();
    const noting = note();
    deps.background.add(noting);
    void noting.finally(() => deps.background.delete(noting));
    return Promise.resolve();
  }
}
