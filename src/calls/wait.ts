import { OtherDeploymentError } from "../errors/calls.ts";
import { MalformedReplyError } from "../errors/network.ts";
import { restoredError } from "../errors/saved-error.ts";
import type { Ticket } from "../journal/call.ts";
import { replyWith, restoredData } from "../journal/saved-data.ts";
import type { Answer } from "../queue/answer.ts";
import type { WireStatus } from "../queue/wire.ts";
import { type LiveCall, tellWatched } from "./live-call.ts";
import { asRequestEnd, isGone, readResult, recalledFrom } from "./result.ts";
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
  const { answer } = (await call.accepting) ?? {};
  if (answer) return { answer, status: undefined };
  const { hooks } = services;
  if (hooks && call.isHooked && call.notedAs !== undefined) {
    return { answer: await afterHook(services, call, hooks, ticket, readsReply), status: undefined };
  }
  const { signal } = call.giveUp;
  const status = await untilCompleted(services, call, ticket).catch((error: unknown) => {
    if (isGone(error)) return undefined;
    if (error instanceof OtherDeploymentError) return error;
    throw error;
  });
  if (status instanceof OtherDeploymentError) {
    return { status: undefined, answer: await recalledFrom(services, ticket, status, signal) };
  }
  return { status, answer: await readResult(services, ticket, status, signal) };
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

async function untilCompleted(services: Services, call: LiveCall, ticket: Ticket): Promise<WireStatus> {
  const options = watchOptions(call.settings, call.giveUp.signal);
  for await (const { status, connection } of watch(services.queue, services.clock, ticket, options)) {
    tellWatched(services, call, ticket, status, connection);
    if (status.status === "COMPLETED") return status;
  }
  const { endpoint } = ticket;
  throw new MalformedReplyError(`The watch over ${endpoint} ended without COMPLETED.`, { endpoint });
}
