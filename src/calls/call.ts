import type { ReplyListener } from "../attribution/onward.ts";
import { inBackground } from "../base/background.ts";
import { eventLog } from "../base/event-log.ts";
import { abortable } from "../base/signal.ts";
import { withTexts } from "../base/urls.ts";
import { OutputMismatchError } from "../errors/arguments.ts";
import type { CancelOutcome } from "../errors/giving-up.ts";
import { LeaseLostError, RunStateError } from "../errors/runs.ts";
import type { CallRecord, Outcome, Ticket } from "../journal/call.ts";
import type { Cost } from "../money/cost.ts";
import type { Answer, Submission } from "../queue/queue.ts";
import type { WireStatus } from "../queue/wire.ts";
import { billFailure, billResult, noteCompleted } from "./bill.ts";
import type { CallObserver, Place } from "./caller.ts";
import { collect } from "./collect.ts";
import { endings } from "./ending.ts";
import { type CallEvent, type Result, statusFold } from "./events.ts";
import { givingUp } from "./giving-up.ts";
import { oneOf, type Prepared, plainIssue } from "./options.ts";
import type { Call, CallDeps, CallPlan } from "./plan.ts";
import { toQueueStatus } from "./queue-status.ts";
import { resultOf } from "./result.ts";
import {
  type Accepted,
  AMBIGUOUS_SUBMIT_POLICIES,
  type AmbiguousSubmitPolicy,
  submitOnce,
} from "./submit.ts";
import { takeUp } from "./take-up.ts";

type Tags = Readonly<Record<string, string>>;

/** Log lines that are kept for readers who come late or are slow. */
const KEPT_LOGS = 1_000;

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
  const times: { submitted: number; queued?: number; running?: number } = { submitted: clock.now() };
  const accepted = Promise.withResolvers<{ endpoint: string; requestId: string }>();
  accepted.promise.catch(() => {});

  let observer: CallObserver | undefined;
  let ticket: Ticket | undefined;
  let submitting: Promise<Accepted> | undefined;
  /** What this call is noted under; undefined while nothing of it is in the store. */
  let noted: string | undefined;
  /** Whether an earlier execution may have sent it, and it is still to be found out what became of that. */
  let takingUp = false;
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

  const ending = endings(deps, end, () => {
    const unwanted = leaving || plan.caller?.signal.aborted === true;
    return { noted, submitting, ticket, unwanted };
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
      await ending.note(error);
      log.fail(error);
      accepted.reject(error);
      end.settle("failed");
      const left = ending.isLeft(error);
      if (!takingUp)
        cost ??= billFailure(deps, { endpoint, noted }, { error, left, sent: ending.outcomeOfSubmit });
      observer?.ended({ error, cost });
      witness?.ended({ error, cost });
      throw error;
    } finally {
      leavePlace?.();
    }
  }

  async function deliver(): Promise<Done<T>> {
    if ("prepare" in begin) return perform(begin.prepare);
    if ("attach" in begin) return finish(attach(begin.attach()), begin.heard());
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
      takingUp = true;
      const taken = await takeUp(deps, place.record, policy(), end.signal);
      takingUp = false;
      if (taken.kind === "result") {
        countReuse(place.record);
        return reuse(place.record, taken);
      }
      if (taken.kind === "request") return finish(pickUp(place.record, taken), prepared.heard);
      place.anew();
    }
    return finish(submit(prepared, place), prepared.heard);
  }

  async function finish(accepted: Promise<Ticket> | Ticket, heard?: ReplyListener): Promise<Done<T>> {
    const mine = await accepted;
    ticket = mine;
    const awaited = { ticket: mine, settings, signal: end.signal };
    const how = { hooked: hooked ? noted : undefined, readsReply: heard !== undefined };
    const { answer, status } = await collect(deps, { ...awaited, ...how }, (status, connection) =>
      told(mine, status, connection),
    );
    heard?.(answer.response.headers);
    return { result: await toResult(mine, answer, status), response: answer.response };
  }

  async function reuse(record: CallRecord, known: { ticket: Ticket; outcome: Outcome }): Promise<Done<T>> {
    const { requestId } = known.ticket;
    const { data, units, waitSeconds, runSeconds } = known.outcome;
    ticket = known.ticket;
    // It is charged already, unless the process ended before its price was there.
    const isKnown = record.cost !== undefined && record.cost.source !== "unknown";
    cost = isKnown ? Promise.resolve(record.cost) : billResult(deps, { endpoint, noted: record.id }, units);
    keepFiles(data);
    emit({ type: "reused", at: clock.now(), endpoint, requestId, tags: record.for.tags });
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
    const counting = store.calls
      .reused(id)
      .catch((error: unknown) => deps.report(`That call ${id} was reused could not be noted`, error));
    void inBackground(deps.background, counting);
  }

  /** A request that an earlier execution sent: it is waited for, whoever sent it. */
  function pickUp(record: CallRecord, { ticket, adopted }: { ticket: Ticket; adopted: boolean }): Ticket {
    noted = record.id;
    hooked = deps.hooks !== undefined;
    leavePlace = deps.places?.claim(record.id);
    times.submitted = record.submittedAt ?? record.intendedAt;
    submitting = Promise.resolve({ ticket, position: undefined, adopted });
    announce(ticket, record.for.tags);
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
    const call = { endpoint, body: submission.body, for: { ...attribution, step: plan.step } };
    const reservations = await abortable(deps.reserve(call, plan.caller?.budgets ?? []), end.signal);
    leavePlace = await deps.places?.take(id, end.signal);
    const intent = {
      id,
      ...call,
      key: place?.key,
      at: clock.now(),
    };
    const replaces = instead?.of ?? place?.replaces ?? place?.record?.id;
    const reserve = reservations(intent.at);
    const terms = { fence: place?.fence, replaces, reserve };
    await store.calls.intend(intent, terms).catch(unlessOtherStore);
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
    if (!(error instanceof LeaseLostError) || (await store.runs.get(chain, run))) throw error;
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
    const [record] = await store.calls.list({ requestId: known.requestId, limit: 1 });
    noted = record?.id;
    return known;
  }

  async function toResult(
    ticket: Ticket,
    answer: Answer,
    status: WireStatus | undefined,
  ): Promise<Result<T>> {
    const result = resultOf<T>(ticket, answer, status, { ...times, ended: clock.now() });
    const { data, billing, metrics } = result;
    ({ cost } = await noteCompleted(deps, { endpoint, noted }, { data, ...billing, ...metrics }));
    keepFiles(answer.data);
    return checked(result, answer.data);
  }

  /** A result never waits for its files to be copied. */
  function keepFiles(data: unknown): void {
    void inBackground(deps.background, deps.keepFiles(data));
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

  function told(ticket: Ticket, status: WireStatus, connection: object): void {
    take(status, connection);
    callBack("onQueueUpdate", () => settings.onQueueUpdate?.(toQueueStatus(ticket, status, fold.logs)));
  }

  function take(status: WireStatus, connection: object): void {
    for (const event of fold.take(status, connection, clock.now())) emit(event);
  }

  function emit(event: CallEvent<T>): void {
    if (event.type === "queued" || event.type === "running") times[event.type] = event.at;
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
}
