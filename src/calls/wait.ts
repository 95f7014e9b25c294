import { abortable, linkedController, OVER } from "../base/signal.ts";
import { OtherDeploymentError } from "../errors/calls.ts";
import { MalformedReplyError, NetworkError } from "../errors/network.ts";
import { restoredError } from "../errors/saved-error.ts";
import type { Ticket } from "../journal/call.ts";
import { replyWith, restoredData } from "../journal/saved-data.ts";
import type { Answer } from "../queue/answer.ts";
import { streamPathOf } from "../queue/stream.ts";
import type { WireStatus } from "../queue/wire.ts";
import { type LiveCall, tellWatched } from "./live-call.ts";
import { policyOf } from "./options.ts";
import {
  asRequestEnd,
  isGone,
  isRequestEnd,
  isTooEarly,
  mayHaveExpired,
  PAUSES_MS,
  readResult,
  recalledFrom,
} from "./result.ts";
import type { Hooks, Services } from "./services.ts";
import { watch, watchOptions } from "./watch.ts";

/** What a request gave. */
export interface Ended {
  readonly answer: Answer;
  /** The last status; undefined where nobody saw it. */
  readonly status: WireStatus | undefined;
}

/**
 * Waits for the end of a request and fetches what it gave; what the queue no longer has, history may still have.
 *
 * @param readsReply Whether somebody wants the headers of the result's reply, which no hook has.
 */
export async function untilEnded(
  services: Services,
  call: LiveCall,
  ticket: Ticket,
  readsReply: boolean,
): Promise<Ended> {
  const { answer, rest } = (await call.accepting) ?? {};
  if (answer) return { answer, status: undefined };
  const { signal } = call.giveUp;
  if (rest) {
    const whole = abortable(rest, signal).then((answer) => ({ answer, status: undefined }));
    return whole.catch((error: unknown) => brokenOff(services, call, ticket, error));
  }
  const { hooks } = services;
  if (hooks && call.isHooked && call.notedAs !== undefined) {
    return { answer: await afterHook(services, call, hooks, ticket, readsReply), status: undefined };
  }
  return ofQueue(services, call, ticket, signal);
}

async function ofQueue(
  services: Services,
  call: LiveCall,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<Ended> {
  const also = call.stream && streamPathOf(ticket.endpoint);
  for (let round = 0; ; round++) {
    const status = await untilCompleted(services, call, ticket, signal).catch((error: unknown) => {
      if (isGone(error)) return undefined;
      if (error instanceof OtherDeploymentError) return error;
      throw error;
    });
    if (status instanceof OtherDeploymentError) {
      return { status: undefined, answer: await recalledFrom(services, ticket, status, signal) };
    }
    try {
      return { status, answer: await readResult(services, ticket, status, signal, also) };
    } catch (error) {
      // Whoever says that it is not there, and cannot be right, may say otherwise soon.
      const isDoubtful = status === undefined && (isGone(error) || isTooEarly(error));
      const pause = isDoubtful && !mayHaveExpired(services, call) ? PAUSES_MS[round] : undefined;
      if (pause === undefined) throw error;
      await services.clock.sleep(pause, signal);
    }
  }
}

/** How long what a stream broke off from is asked for before that is told, in milliseconds. */
const BROKEN_OFF_MS = 10_000;

/**
 * A stream that broke off is asked for by its request's id: a connection that is lost may have ended the request, but need not
 * have. Where nothing comes of that, what is told is how it broke.
 */
async function brokenOff(services: Services, call: LiveCall, ticket: Ticket, error: unknown): Promise<Ended> {
  call.giveUp.signal.throwIfAborted();
  if (!(error instanceof NetworkError) || policyOf(services, call.settings) === "throw") throw error;
  const { controller, unlink } = linkedController(call.giveUp.signal);
  const { signal } = controller;
  services.clock.sleep(BROKEN_OFF_MS, signal).then(
    () => controller.abort(error),
    () => {},
  );
  try {
    return await abortable(ofQueue(services, call, ticket, signal), signal);
  } catch (found) {
    call.giveUp.signal.throwIfAborted();
    throw isRequestEnd(found) ? found : error;
  } finally {
    unlink();
    controller.abort(OVER);
  }
}

/** What the hook brought is in the store; where none came, or without a result, the result is there to be read. */
async function afterHook(
  services: Services,
  { notedAs = "", giveUp: { signal } }: LiveCall,
  hooks: Hooks,
  ticket: Ticket,
  readsReply: boolean,
): Promise<Answer> {
  await hooks.ended(notedAs, ticket, signal);
  const { state, outcome, error } = (await services.store.calls.get(notedAs)) ?? {};
  if (state === "failed" && error) throw asRequestEnd(restoredError(error));
  const read = async () => {
    // Whoever does not know the request says nothing about its result.
    if (services.queue.isElsewhere(ticket)) await services.queue.status(ticket, { logs: false, signal });
    return readResult(services, ticket, { status: "COMPLETED" }, signal);
  };
  if (outcome?.data === undefined) return read();
  const reply = readsReply ? await read().catch(() => undefined) : undefined;
  signal.throwIfAborted();
  if (reply) return reply;
  const data = restoredData(outcome.data);
  return { data, units: outcome.units, response: replyWith(data) };
}

async function untilCompleted(
  services: Services,
  call: LiveCall,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<WireStatus> {
  const options = watchOptions(call.settings, signal);
  for await (const { status, connection } of watch(services.queue, services.clock, ticket, options)) {
    call.times.seen = services.clock.now();
    tellWatched(services, call, ticket, status, connection);
    if (status.status === "COMPLETED") return status;
  }
  const { endpoint } = ticket;
  throw new MalformedReplyError(`The watch over ${endpoint} ended without COMPLETED.`, { endpoint });
}
