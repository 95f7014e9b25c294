import { inTime } from "../base/clock.ts";
import { hmacSha256 } from "../base/sha256.ts";
import { ApiError, apiError, isModelAnswer } from "../errors/api.ts";
import { savedError } from "../errors/saved-error.ts";
import { RequestClaimedError } from "../errors/store.ts";
import type { CallRecord, Ticket } from "../journal/call.ts";
import type { Answer } from "../queue/answer.ts";
import { parseEndpointId } from "../queue/endpoint.ts";
import { billFailure, noteCompleted } from "./bill.ts";
import { noteRequest } from "./note-request.ts";
import { isUnknownHere } from "./result.ts";
import type { Services } from "./services.ts";

/** A webhook whose signature is fal's. */
export interface ReceivedHook {
  readonly requestId: string;
  readonly status: "OK" | "ERROR";
  readonly payload: unknown;
  readonly error: string | undefined;
  /** Why there is no payload, though there is a result. */
  readonly payloadError: string | undefined;
}

/** fal waits 15 s for an answer to a hook, and the result has to be read and kept in that time. */
const READ_MS = 8_000;

type Requested = CallRecord & { readonly ticket: Ticket };

/** The signature in the address that fal is given: nobody else's request can end a call of ours. */
export const signatureOf = (secret: string, callId: string): Promise<string> => hmacSha256(secret, callId);

/** Answers a webhook of a call. @param ended Told of the call once its end is in the store. */
export async function answerHook(
  services: Services,
  callId: string,
  hook: ReceivedHook,
  ended: (callId: string) => void,
): Promise<Response> {
  const call = await services.store.calls.get(callId);
  if (!call) return new Response("No call of this id is known here.", { status: 404 });
  let made: Requested;
  try {
    made = await requestOf(services, call, hook);
  } catch (error) {
    if (!(error instanceof RequestClaimedError)) throw error;
    const { requestId } = hook;
    if (call.ticket) {
      services.report(`Request ${requestId} says that it is call ${callId}; it may be billed`, error);
    }
    return new Response("The request is another call, or the call another request.", { status: 409 });
  }
  if (!hasEnded(made)) await (hook.status === "OK" ? keepResult : keepFailure)(services, made, hook);
  ended(made.id);
  return new Response(null, { status: 204 });
}

/** What the hook's request is noted with: the call, or a submit of it that was in doubt. @throws {RequestClaimedError} */
async function requestOf(
  services: Services,
  call: CallRecord,
  { requestId }: ReceivedHook,
): Promise<Requested> {
  if (call.ticket?.requestId === requestId) return { ...call, ticket: call.ticket };
  const { queue, store, clock } = services;
  const ticket = queue.ticket(parseEndpointId(call.endpoint), requestId);
  const id = await noteRequest(store.calls, call.id, ticket, clock.now());
  const record = id === call.id ? call : await store.calls.get(id);
  return { ...(record ?? call), id, ticket };
}

/** The hook has the output; what was billed stands in the result's headers only. */
async function keepResult(
  services: Services,
  { id, endpoint, ticket }: Requested,
  hook: ReceivedHook,
): Promise<void> {
  const read = await readInTime(services, ticket).catch((error: unknown) => ({ error }));
  const answer = "error" in read ? undefined : read;
  if ("error" in read && hook.payloadError !== undefined) {
    // Not JSON, and gone from the queue: whoever waits asks history.
    if (isUnknownHere(read.error)) return;
    throw new Error("the result is no JSON, and could not be read", { cause: read.error });
  }
  const data = answer ? answer.data : hook.payload;
  const outcome = { data, units: answer?.units, waitSeconds: undefined, runSeconds: undefined };
  await noteCompleted(services, { endpoint, notedAs: id }, outcome);
}

/** Here too only the result's headers tell what was billed. */
async function keepFailure(
  services: Services,
  { id, endpoint, ticket }: Requested,
  hook: ReceivedHook,
): Promise<void> {
  const read = await readInTime(services, ticket).catch((error: unknown) => error);
  const error = isItsFailure(read) ? read : failureIn(hook, ticket);
  await services.store.calls.failed(id, savedError(error), services.clock.now());
  const sent = async () => "accepted" as const;
  void billFailure(services, { endpoint, notedAs: id }, { error, isLeft: false, sent });
}

const readInTime = ({ queue, clock }: Services, ticket: Ticket): Promise<Answer> =>
  inTime(clock, READ_MS, new Error(`no answer within ${READ_MS / 1000} s`), (signal) =>
    queue.result(ticket, { signal }),
  );

export const hasEnded = (record: CallRecord | undefined): boolean =>
  record?.state === "completed" || record?.state === "failed";

const isItsFailure = (read: unknown): read is ApiError => read instanceof ApiError && isModelAnswer(read);

function failureIn(hook: ReceivedHook, { requestId, endpoint }: Ticket): ApiError {
  const status = Number(/\b[45]\d\d\b/.exec(hook.error ?? "")?.[0] ?? 500);
  return apiError({ status, body: hook.payload ?? { detail: hook.error }, requestId, endpoint });
}
