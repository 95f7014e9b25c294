import type { Accounts } from "../attribution/accounts.ts";
import { atAttribution } from "../attribution/context.ts";
import { withOnward } from "../attribution/onward.ts";
import { byRootNames } from "../attribution/root.ts";
import { tagsHeader } from "../attribution/tags.ts";
import { derivedId } from "../base/sha256.ts";
import { ApiError } from "../errors/api.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { CallStateError } from "../errors/calls.ts";
import { FalError } from "../errors/fal-error.ts";
import type { CallQuery, CallRecord, Ticket } from "../journal/call.ts";
import type { PastRequest } from "../platform/requests.ts";
import { parseEndpointId } from "../queue/endpoint.ts";
import { startCall } from "./call.ts";
import { matches } from "./matches.ts";
import type { Prepared } from "./options.ts";
import type { Call, CallDeps } from "./plan.ts";
import type { SubscribeDeps } from "./subscribe.ts";

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

/** The calls that are in the store. */
export interface RecordedCalls {
  /** Newest first. */
  list(query?: CallQuery): Promise<CallRecord[]>;
  get(id: string): Promise<CallRecord | undefined>;
  /**
   * Picks a recorded call up, whoever made it: gives what the store has of it without asking fal, else watches its
   * request as `fal.queue.attach` does.
   *
   * @throws {CallStateError} (the call rejects with it) where there is neither.
   */
  collect(id: string): Call<unknown>;
  /**
   * Says what became of a call whose submit was ambiguous, or that a process left behind in the middle of it.
   * `adopt` claims a request after checking that fal has it and that its input is the same; `collect` then gives its
   * result. `resubmit` sends the same input and tags again, at once for a call of its own (other settings, such as
   * `webhookUrl`, are not kept), at the next resume for a call within a run. `give-up` leaves it.
   *
   * @throws {CallStateError} saying why it cannot be. @throws {RequestClaimedError} where another call has the request.
   */
  settle(id: string, how: Settlement): Promise<Settled>;
}

/** Longer than a submit goes on being repeated where fal refuses it: who sends it may still be at it. */
const UNDER_WAY_MS = 15 * 60 * 1000;
/** Clocks differ; a request that was sent this long before the call is another one all the same. */
const LARGEST_SKEW_MS = 5 * 60 * 1000;

/** @param deps.store Whose failures are told: here nothing is paid that has to be delivered first. */
export function createRecordedCalls(deps: SubscribeDeps, callDeps: CallDeps): RecordedCalls {
  const { store, clock, queue, history } = deps;

  const read = async (id: string): Promise<CallRecord> => {
    const record = await store.calls.get(id);
    if (record) return record;
    const cure = store.durable ? "" : " It is a store in memory: set FAL_CHAIN_STORE to keep calls.";
    throw new InvalidArgumentError(`The store ${store.name} has no call ${JSON.stringify(id)}.${cure}`);
  };

  return {
    list: async (query = {}) => store.calls.list(await byRootNames(query)),
    get: (id) => store.calls.get(id),

    collect(id) {
      return startCall(callDeps, {
        endpoint: `call ${id}`,
        caller: undefined,
        settings: {},
        output: undefined,
        begin: { collect: async () => collectable(await read(id)) },
      });
    },

    async settle(id, how) {
      const record = await read(id);
      mustBeOpen(record, clock.now());
      if (typeof how === "object") {
        await store.calls.submitted(id, await ticketToAdopt(record, how.adopt), clock.now());
        return { record: await read(id), call: undefined };
      }
      if (how === "give-up") {
        await store.calls.givenUp(id, "by-hand", clock.now());
        return { record: await read(id), call: undefined };
      }
      if (how !== "resubmit") {
        throw new InvalidArgumentError(
          `A call is settled by { adopt: requestId }, "resubmit" or "give-up", not ${how}.`,
        );
      }
      const prepared = preparedAgain(record, deps.context().accounts);
      // Before the new call, since a death in between must not leave it open. What was given up before is in doubt
      // again first: a call is given up once.
      if (record.state === "given-up") await store.calls.ambiguous(id, "settled by hand", clock.now());
      await store.calls.givenUp(id, "resubmit", clock.now());
      // Two who settle it at once have the same id in mind, and the store takes it once.
      const newId = await derivedId(`instead of ${id}`);
      const call = record.for.run === undefined ? resubmit(record, newId, prepared) : undefined;
      return { record: await read(id), call };
    },
  };

  function resubmit(record: CallRecord, id: string, prepared: Prepared): Call<unknown> {
    // On behalf of whom it was made for, whoever settles it.
    return atAttribution({ tags: record.for.userTags, request: record.for.request }, () =>
      startCall(callDeps, {
        endpoint: record.endpoint,
        step: record.for.step,
        caller: undefined,
        settings: {},
        output: undefined,
        begin: { prepare: async () => prepared, instead: { of: record.id, id } },
      }),
    );
  }

  /** Fal has it, it is of that endpoint, and it had that input, as far as fal tells. */
  async function ticketToAdopt(record: CallRecord, requestId: string): Promise<Ticket> {
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
}

const differenceOf = ({ body, intendedAt }: CallRecord, past: PastRequest): string | undefined => {
  if (past.sentAt < intendedAt - LARGEST_SKEW_MS) return "that one was sent before the call was made";
  if (past.input === undefined || body === undefined) return undefined;
  return matches(JSON.parse(body), past.input) ? undefined : "that one had another input";
};

/** What can be collected has a result, or a request that may have one. */
function collectable(record: CallRecord): CallRecord & { readonly ticket: Ticket } {
  const { id, state, ticket, error } = record;
  if (state === "failed" && (!ticket || error?.billed === false)) {
    throw new CallStateError(
      record,
      `failed, so there is nothing to collect: ${error?.message ?? "unknown"}`,
    );
  }
  if (ticket) return { ...record, ticket };
  throw new CallStateError(
    record,
    `is ${state} and has no request to collect. If a submit was lost, say what became of it: ` +
      `fal.calls.settle("${id}", …), or fal-chain calls settle ${id}.`,
  );
}

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

/** The submit as it was, from what the store keeps of it. */
function preparedAgain(record: CallRecord, accounts: Accounts): Prepared {
  const { body, for: attribution } = record;
  const { tags, rootRun, rootJob } = attribution;
  if (body === undefined) {
    throw new CallStateError(
      record,
      'cannot be submitted again: the store keeps ids only, so its input is gone. Give it up ("give-up") and make a ' +
        "new call.",
    );
  }
  const endpoint = parseEndpointId(record.endpoint);
  const tagged = Object.keys(tags).length > 0 ? { "x-fal-tags": tagsHeader(tags) } : {};
  const root = { run: rootRun, job: rootJob, trace: undefined };
  return {
    content: body,
    async complete() {
      const headers = await withOnward(tagged, { root, incoming: undefined, accounts, app: endpoint.app });
      return { endpoint, body, headers };
    },
    attribution,
    // The request that it was made for is answered.
    heard: undefined,
  };
}

const unlessFal = (error: unknown): undefined => {
  if (!(error instanceof FalError)) throw error;
};

const unlessUnknown = (error: unknown): false => {
  if (error instanceof ApiError && [400, 404, 422].includes(error.status)) return false;
  throw error;
};
