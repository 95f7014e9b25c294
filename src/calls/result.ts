import { AccountLockedError, ApiError, apiError, isModelAnswer } from "../errors/api.ts";
import { OtherDeploymentError } from "../errors/calls.ts";
import { FalError } from "../errors/fal-error.ts";
import { NetworkError } from "../errors/network.ts";
import type { Ticket } from "../journal/call.ts";
import type { History } from "../platform/requests.ts";
import type { Answer } from "../queue/answer.ts";
import type { WireStatus } from "../queue/wire.ts";
import { hasFailed } from "./events.ts";
import type { LiveCall } from "./live-call.ts";
import type { Services } from "./services.ts";

/** Failures that are a request's own end: what somebody on the way to it says is none. */
const requestEnds = new WeakSet<ApiError>();

/** Whether fal's queue, its history or the model itself has said that a request failed with this. */
export const isRequestEnd = (error: unknown): boolean => error instanceof ApiError && requestEnds.has(error);

/** The same of a failure that the store has of the request. */
export function asRequestEnd<E>(error: E): E {
  if (error instanceof ApiError) requestEnds.add(error);
  return error;
}

/** The failure that a request ended with, as the queue or its history says. */
export function requestFailure(facts: Parameters<typeof apiError>[0]): ApiError {
  return asRequestEnd(apiError(facts));
}

/** What the answer to a result read says of the request, which ended with this status as far as that is known. */
export function failureOfResult(answer: unknown, status: WireStatus | undefined): unknown {
  const queueSaysSo = status !== undefined && hasFailed(status);
  // A deployment that says how it ended knows it.
  const error = queueSaysSo && answer instanceof OtherDeploymentError ? answer.cause : answer;
  if (!(error instanceof ApiError)) return error;
  if (isModelAnswer(error)) requestEnds.add(error);
  if (!queueSaysSo || requestEnds.has(error)) return error;
  const { requestId, endpoint } = error;
  if (!NOT_THE_REQUESTS.has(error.status)) return requestFailure({ ...answerOf(error), requestId, endpoint });
  // The queue says why it failed, and whoever answered this read does not.
  const body = { detail: status.error, error_type: status.error_type };
  return requestFailure({ status: 500, body, requestId, endpoint, billed: "unknown", cause: error });
}

const answerOf = ({ status, body, headers, timeoutType }: ApiError) => ({
  status,
  body,
  headers,
  timeoutType,
});

/** What a read is answered with by an account, a limit or a gateway, whatever became of the request. */
const NOT_THE_REQUESTS: ReadonlySet<number> = new Set([401, 402, 403, 404, 408, 409, 423, 429, 451]);

/** Pauses before something that must be there is asked for again, in milliseconds: about a minute. */
export const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/**
 * What a request gave. Status, result and history need not agree at once: a result that is said to come too early, or
 * to be gone while history does not know it yet, is paid for all the same, so it is waited for.
 *
 * @param status The status it completed with; undefined where the queue knows it no more.
 * @param also Another endpoint under which history may list it.
 * @throws {ApiError} for what the model says, or the queue after all this, instead.
 * @throws {NetworkError} where the queue has let go of it and history cannot be read: it may have it all the same.
 * @throws {OtherDeploymentError} where another deployment has it.
 */
export async function readResult(
  { queue, history, clock }: Services,
  ticket: Ticket,
  status: WireStatus | undefined,
  signal: AbortSignal,
  also?: string,
): Promise<Answer> {
  const isThere = status !== undefined && !hasFailed(status);
  let mayTell = true;
  for (let round = 0; ; round++) {
    const pause = isThere ? PAUSES_MS[round] : undefined;
    try {
      return await queue.result(ticket, { signal });
    } catch (error) {
      let recalled: Recalled;
      if (mayTell && isUnknownHere(error)) {
        recalled = await recall(history, ticket, signal, also);
        // A history that may not be read, or keeps no results, is asked once.
        mayTell = recalled !== undefined;
      }
      if (recalled && !(recalled instanceof FalError) && recalled !== "not-listed") return recalled;
      const isAway = recalled instanceof FalError && recalled.retryable;
      // Of a request that has just completed, one word that it is gone is no proof, where history has none against it.
      const isUnproven = isGone(error) && recalled === undefined;
      const mayCome = isTooEarly(error) || recalled === "not-listed" || isAway || isUnproven;
      if (mayCome && pause !== undefined) {
        await clock.sleep(pause, signal);
        continue;
      }
      throw isGone(error) && recalled instanceof FalError
        ? outOfReach(ticket, recalled)
        : failureOfResult(error, status);
    }
  }
}

/** What history has of it is not known: nobody may say that it is gone, or that it cost nothing. */
const outOfReach = ({ endpoint, requestId }: Ticket, cause: FalError): NetworkError =>
  new NetworkError(
    `Request ${requestId} to ${endpoint} is no longer in the queue, and the account's history cannot be read now ` +
      `(${cause.message}). What it gave may be there: resume the run or collect the call later.`,
    { endpoint, requestId, billed: "unknown", cause },
  );

/** Whether the deployment that took a request does not know it any more. */
export const isGone = (error: unknown): boolean => error instanceof ApiError && error.status === 404;

/** fal keeps what a request gave for an hour, and from 10 KB up for six minutes, in milliseconds. */
const KEPT_AT_LEAST_MS = 6 * 60_000;

/**
 * Whether fal can have let go of a call's request by now. Until then, whoever says that it is not there is mistaken: it was
 * just accepted, or seen, and its result is still to be had.
 */
export function mayHaveExpired({ clock }: Services, { notedAs, times, cut }: LiveCall): boolean {
  // The queue never had it.
  if (cut) return true;
  const lastHad = times.seen ?? (notedAs === undefined ? undefined : times.submitted);
  return lastHad === undefined || clock.now() - lastHad >= KEPT_AT_LEAST_MS;
}

/** Whether the deployment that was asked does not know a request, which another may still have. */
export const isUnknownHere = (error: unknown): boolean =>
  isGone(error) || error instanceof OtherDeploymentError;

/**
 * A result that the queue asked does not have, from the history of its account.
 *
 * @throws the error that it answered with, where history does not have it either.
 */
export async function recalledFrom(
  { history }: Services,
  ticket: Ticket,
  error: OtherDeploymentError,
  signal: AbortSignal,
): Promise<Answer> {
  const recalled = await recall(history, ticket, signal);
  if (!recalled || recalled === "not-listed" || recalled instanceof FalError) throw error;
  return recalled;
}

/** Whether the key has no right to read history. */
const mayNotRead = (error: FalError): boolean =>
  error instanceof ApiError && !(error instanceof AccountLockedError) && [401, 403].includes(error.status);

/** The words are a common report; what fal answers is not documented. */
export const isTooEarly = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 400 && /still in progress/i.test(error.message);

type Recalled = Answer | "not-listed" | FalError | undefined;

/**
 * A result from the account's request history, for one that the queue no longer has; undefined where history may not be
 * read or does not keep results, and the failure where it could not be read this time.
 *
 * @throws {ApiError} the model's own, for a request that failed.
 */
async function recall(
  history: History,
  { endpoint, requestId }: Ticket,
  signal: AbortSignal,
  also?: string,
): Promise<Recalled> {
  const past = await history.find(endpoint, requestId, { signal, also }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof FalError) return error;
    throw error;
  });
  if (!past) return "not-listed";
  if (past instanceof FalError) return mayNotRead(past) ? undefined : past;
  if (past.output === undefined) return undefined;
  const { output, statusCode: status = 200 } = past;
  if (status < 200 || status >= 300) throw requestFailure({ status, body: output, requestId, endpoint });
  return { data: output, units: undefined, response: Response.json(output) };
}
