import { inBackground } from "../base/background.ts";
import { abortable } from "../base/signal.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { OutputMismatchError } from "../errors/arguments.ts";
import { LeaseLostError } from "../errors/runs.ts";
import { savedError } from "../errors/saved-error.ts";
import { storeErrorIn } from "../errors/store.ts";
import type { CallRecord, Outcome, Ticket } from "../journal/call.ts";
import { replyWith, restoredData } from "../journal/saved-data.ts";
import type { Answer } from "../queue/answer.ts";
import type { WireStatus } from "../queue/wire.ts";
import { billFailure, billResult, noteCompleted } from "./bill.ts";
import { type Done, hasFailed, type Result } from "./events.ts";
import { emit, type LiveCall } from "./live-call.ts";
import { plainIssue } from "./prepare.ts";
import { isGone, isRequestEnd, mayHaveExpired, requestFailure } from "./result.ts";
import { asTheyWere } from "./reused-files.ts";
import type { Services } from "./services.ts";
import type { Ended } from "./wait.ts";

/** A call that the journal has the result of. */
export interface Recorded {
  readonly record: Pick<CallRecord, "id" | "for" | "cost" | "reuseOf">;
  readonly ticket: Ticket;
  readonly outcome: Outcome;
}

/** The request that gave a call's result: of a call that was given another one's, that one's. */
export const ticketFor = ({ ticket, endpoint, queue, reuseOf }: CallRecord): Ticket =>
  ticket ?? { endpoint, requestId: reuseOf?.requestId ?? "unknown", queue };

/** What a request gave, noted with what it cost before the caller sees it. */
export async function recordResult<T>(
  services: Services,
  call: LiveCall<T>,
  ticket: Ticket,
  { answer, status }: Ended,
): Promise<Result<T>> {
  throwIfFailed(ticket, answer, status);
  const { data, units } = answer;
  const metrics = metricsOf(call, status, services.clock.now());
  const { cost } = await noteCompleted(services, call, { data, units, ...metrics });
  call.cost = cost;
  keepFiles(services, data);
  const { requestId } = ticket;
  return checked(call, { data: data as T, requestId, billing: { units }, metrics });
}

/** What the journal has of a call's result, given once more: nothing is sent, and nothing paid. */
export async function reusedResult<T>(
  services: Services,
  call: LiveCall<T>,
  { record, ticket, outcome }: Recorded,
): Promise<Done<T>> {
  const { endpoint } = call;
  const { requestId } = ticket;
  const { units, waitSeconds, runSeconds } = outcome;
  const data = restoredData(outcome.data);
  call.ticket = ticket;
  // It is charged already, unless the process ended before its price was there.
  const isKnown = record.cost !== undefined && record.cost.source !== "unknown";
  const billed = { endpoint, notedAs: record.id };
  call.cost = isKnown ? Promise.resolve(record.cost) : billResult(services, billed, units);
  keepFiles(services, data);
  const of = record.reuseOf && { of: record.reuseOf.call };
  asTheyWere(services, record.reuseOf?.rehosted);
  emit(call, { type: "reused", at: services.clock.now(), endpoint, requestId, tags: record.for.tags, ...of });
  call.announced.resolve({ endpoint, requestId });
  const metrics = { waitSeconds, runSeconds };
  const result = { data: data as T, requestId, billing: { units }, metrics };
  return { result: await checked(call, result), response: replyWith(data) };
}

/** What a call that failed leaves in the store, and what is known of its cost. */
export async function recordFailure(services: Services, call: LiveCall, error: unknown): Promise<void> {
  const isLeft = call.giveUp.signal.aborted || error instanceof LeaseLostError;
  if (call.notedAs !== undefined) await noteFailure(services, call, call.notedAs, error, isLeft);
  if (call.isInDoubt) return;
  call.cost ??= billFailure(services, call, { error, isLeft, sent: () => outcomeOfSubmit(services, call) });
}

async function noteFailure(
  services: Services,
  call: LiveCall,
  id: string,
  error: unknown,
  isLeft: boolean,
): Promise<void> {
  const { store, clock } = services;
  // The result is noted, and stays: what failed is the caller's contract.
  if (error instanceof OutputMismatchError) return;
  // Submitting has noted that by itself.
  if (error instanceof AmbiguousSubmitError) return;
  if (isLeft) return noteLeft(services, call, id, error);
  // What failed is the store: what it has of a call stands, and one that was not sent is to be made again.
  if (call.run && storeErrorIn(error)) return call.ticket ? undefined : noteLeft(services, call, id, error);
  // A request that fal has ends by its own word, the model's or the queue's, or when its result is gone: whatever else
  // says no leaves it to be had.
  const isOver = isGone(error) && mayHaveExpired(services, call);
  const isEnd = !call.ticket || isOver || isRequestEnd(error);
  if (isEnd) return store.calls.failed(id, savedError(error), clock.now());
  return store.calls.givenUp(id, "unread", clock.now(), savedError(error));
}

/**
 * Nothing is said of it while its POST is under way: should the process end now, it is in doubt, and not known to be
 * unsent. A run is left when it is known what its calls are; everybody else is told at once.
 */
function noteLeft(services: Services, call: LiveCall, id: string, error: unknown): Promise<void> {
  const isOnItsWay = call.accepting !== undefined && call.ticket === undefined;
  const noting = noteWhyLeft(services, call, id, error);
  if (!isOnItsWay || call.isDetached) return noting;
  void inBackground(services.background, noting);
  return Promise.resolve();
}

async function noteWhyLeft(services: Services, call: LiveCall, id: string, error: unknown): Promise<void> {
  const sent = await outcomeOfSubmit(services, call);
  if (sent === "in-doubt") return;
  // It goes on, and whoever takes it over notes its end.
  if (call.isDetached && sent === "accepted") return;
  const isRuns =
    call.isDetached ||
    call.isUnwanted ||
    call.run?.signal.aborted ||
    error instanceof LeaseLostError ||
    storeErrorIn(error);
  const why = isRuns ? "run" : "caller";
  await services.store.calls.givenUp(id, why, services.clock.now(), savedError(error));
}

/** What became of its submit; undefined where nothing was accepted. */
async function outcomeOfSubmit(
  { store }: Services,
  { notedAs, accepting }: LiveCall,
): Promise<"accepted" | "in-doubt" | undefined> {
  const outcome = await accepting?.then(
    () => "accepted" as const,
    (error: unknown) => (error instanceof AmbiguousSubmitError ? ("in-doubt" as const) : undefined),
  );
  // Of a submit that was repeated in spite of a doubt, somebody has still to find out what became of the first.
  const known = notedAs === undefined ? undefined : await store.calls.get(notedAs).catch(() => undefined);
  return known?.state === "ambiguous" ? "in-doubt" : outcome;
}

/** fal may say that it failed, and then have an answer: the status is believed. */
function throwIfFailed(
  { requestId, endpoint }: Ticket,
  answer: Answer,
  status: WireStatus | undefined,
): void {
  if (status?.status !== "COMPLETED" || !hasFailed(status)) return;
  const { status: httpStatus, headers } = answer.response;
  const body = { detail: status.error, error_type: status.error_type };
  throw requestFailure({ status: httpStatus, headers, body, requestId, endpoint });
}

/** How long a request took as far as it was watched. @param now Milliseconds since the epoch. */
function metricsOf(
  { times }: LiveCall,
  status: WireStatus | undefined,
  now: number,
): Result<unknown>["metrics"] {
  const { submitted, queued, running } = times;
  const inference = status?.status === "COMPLETED" ? status.metrics?.inference_time : undefined;
  return {
    // Of one that was running already when it was taken up, nobody saw when its turn came.
    waitSeconds: running === undefined || queued === undefined ? undefined : (running - submitted) / 1000,
    runSeconds: inference ?? (running === undefined ? undefined : (now - running) / 1000),
  };
}

/** A result never waits for its files to be copied. */
function keepFiles({ background, files }: Services, data: unknown): void {
  if (files.keep) void inBackground(background, files.keep(data));
}

/** The caller's own schema is a contract. */
async function checked<T>(
  { endpoint, settings, giveUp }: LiveCall<T>,
  result: Result<T>,
): Promise<Result<T>> {
  const { output } = settings;
  if (!output) return result;
  const validate = async () => output["~standard"].validate(result.data);
  const outcome = await abortable(validate(), giveUp.signal);
  if (outcome.issues)
    throw new OutputMismatchError(endpoint, result.requestId, result, outcome.issues.map(plainIssue));
  return { ...result, data: outcome.value as T };
}
