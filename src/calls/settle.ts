import { atAttribution } from "../attribution/context.ts";
import { parseOwn } from "../base/json.ts";
import { derivedId } from "../base/sha256.ts";
import { ApiError } from "../errors/api.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { CallStateError } from "../errors/calls.ts";
import { FalError } from "../errors/fal-error.ts";
import type { CallRecord, Ticket } from "../journal/call.ts";
import type { PastRequest } from "../platform/requests.ts";
import { parseEndpointId } from "../queue/endpoint.ts";
import { NOTHING } from "./bill.ts";
import { type Call, perform, startCall } from "./call.ts";
import { liveCall } from "./live-call.ts";
import { matches } from "./matches.ts";
import { prepareAgain } from "./prepare.ts";
import type { Services } from "./services.ts";

/**
 * What a person says an ambiguous call was. `adopt`: it is this request. `resubmit`: it was never accepted, or may be
 * paid twice; submit it again. `give-up`: nobody wants it any more.
 */
export type Settlement = { readonly adopt: string } | "resubmit" | "give-up";

export interface Settled {
  /** The call as it is now. */
  readonly record: CallRecord;
  /** The new call, where one was submitted in its place. */
  readonly call: Call<unknown> | undefined;
}

/** Longer than a submit goes on being repeated where fal refuses it: who sends it may still be at it. */
const UNDER_WAY_MS = 15 * 60 * 1000;
/** Clocks differ; a request that was sent this long before the call is another one all the same. */
const LARGEST_SKEW_MS = 5 * 60 * 1000;

/** Says what became of a call that is in doubt. @throws {CallStateError} saying why it cannot be. */
export async function settle(services: Services, record: CallRecord, how: Settlement): Promise<Settled> {
  const { directStore, clock } = services;
  const { calls } = directStore;
  const { id } = record;
  mustBeOpen(record, clock.now());
  const now = async () => (await calls.get(id)) ?? record;
  if (typeof how === "object") {
    await calls.submitted(id, await ticketToAdopt(services, record, how.adopt), clock.now());
    return { record: await now(), call: undefined };
  }
  if (how === "give-up") {
    await calls.givenUp(id, "by-hand", clock.now());
    return { record: await now(), call: undefined };
  }
  if (how === "resubmit") {
    const { call } = await resubmit(services, record);
    return { record: await now(), call };
  }
  throw new InvalidArgumentError(
    `A call is settled by { adopt: requestId }, "resubmit" or "give-up", not ${how}.`,
  );
}

/** @returns the new call, not awaited; none for one within a run, whose next resume submits it. */
async function resubmit(
  services: Services,
  record: CallRecord,
): Promise<{ readonly call: Call<unknown> | undefined }> {
  const { clock, directStore } = services;
  const { id, body } = record;
  if (body === undefined || sentBy(record) === undefined) throw withoutInput(record);
  const preparing = prepareAgain(services, record, body);
  await preparing;
  // Before the new call, since a death in between must not leave it open. What was given up before is in doubt
  // again first: a call is given up once.
  if (record.state === "given-up") await directStore.calls.ambiguous(id, "settled by hand", clock.now());
  await directStore.calls.givenUp(id, "resubmit", clock.now());
  // What was never accepted leaves its place in the budgets to the one that is sent instead.
  await directStore.calls.charged(id, NOTHING, clock.now());
  if (record.for.run !== undefined) return { call: undefined };
  // Two who settle it at once have the same id in mind, and the store takes it once.
  const newId = await derivedId(`instead of ${id}`);
  const { userTags, request, step } = record.for;
  // On behalf of whom it was made for, whoever settles it.
  const call = atAttribution({ tags: userTags, request }, () => {
    const settings = step === undefined ? {} : { step };
    const call = liveCall<unknown>(services, record.endpoint, settings, { id: newId, outsideRun: true });
    return startCall(services, call, () => perform(services, call, preparing, id));
  });
  return { call };
}

const withoutInput = (record: CallRecord) =>
  new CallStateError(
    record,
    `cannot be submitted again: ${record.body === undefined ? "the store keeps ids only, so its input is gone" : "what the store has of its input is not JSON"}. ` +
      'Give it up ("give-up") and make a new call.',
  );

/** What was sent; undefined where that is not known any more. */
function sentBy({ body }: CallRecord): unknown {
  try {
    return body === undefined ? undefined : parseOwn(body);
  } catch {
    // Something else has changed it.
    return undefined;
  }
}

/** fal has it, it is of that endpoint, and it had that input, as far as fal tells. */
async function ticketToAdopt(
  { queue, history }: Services,
  record: CallRecord,
  requestId: string,
): Promise<Ticket> {
  const ticket = queue.ticket(parseEndpointId(record.endpoint), requestId);
  const [past, isQueued] = await Promise.all([
    history.find(record.endpoint, requestId).catch(unlessFal),
    queue.status(ticket, { logs: false }).then(() => true, unlessUnknown),
  ]);
  if (!past && !isQueued) {
    throw new CallStateError(
      record,
      `cannot be request ${requestId}: neither fal's queue nor the account's history has it under this endpoint. ` +
        "History lags by some minutes; check the id.",
    );
  }
  const difference = past && differenceOf(record, past);
  if (difference) throw new CallStateError(record, `cannot be request ${requestId}: ${difference}.`);
  return ticket;
}

const differenceOf = (record: CallRecord, past: PastRequest): string | undefined => {
  const { intendedAt } = record;
  const sent = sentBy(record);
  if (past.sentAt < intendedAt - LARGEST_SKEW_MS) return "that one was sent before the call was made";
  if (past.input === undefined || sent === undefined) return undefined;
  return matches(sent, past.input) ? undefined : "that one had another input";
};

function mustBeOpen(record: CallRecord, now: number): void {
  const { id, state, ticket, intendedAt, givenUp } = record;
  if (ticket) {
    throw new CallStateError(
      record,
      `is request ${ticket.requestId}, so there is nothing to settle. fal.calls.collect("${id}") gives its result.`,
    );
  }
  if (state === "completed" || state === "failed") {
    throw new CallStateError(record, `has ${state}, so there is nothing to settle.`);
  }
  if (givenUp === "resubmit") {
    throw new CallStateError(record, "is settled already: it was, or will be, submitted again.");
  }
  if (state === "intended" && now - intendedAt < UNDER_WAY_MS) {
    throw new CallStateError(
      record,
      `was begun less than ${UNDER_WAY_MS / 60_000} minutes ago and may be on its way. Wait for it.`,
    );
  }
}

const unlessFal = (error: unknown): undefined => {
  if (!(error instanceof FalError)) throw error;
};

const unlessUnknown = (error: unknown): false => {
  if (error instanceof ApiError && [400, 404, 422].includes(error.status)) return false;
  throw error;
};
