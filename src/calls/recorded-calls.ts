import { byRootNames } from "../attribution/root.ts";
import { anyText, checkOptions, count, flag, type OptionsOf, oneOf, time } from "../base/options.ts";
import { inMilliseconds, type Timed } from "../base/time.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { CallStateError } from "../errors/calls.ts";
import {
  CALL_STATES,
  type CallQuery,
  type CallRecord,
  FOUND_BY,
  type FoundBy,
  type Ticket,
} from "../journal/call.ts";
import { type Call, collect, startCall } from "./call.ts";
import { liveCall } from "./live-call.ts";
import { ticketFor } from "./record.ts";
import type { Services } from "./services.ts";
import { type Settled, type Settlement, settle } from "./settle.ts";

/** The calls that are in the store. */
export interface RecordedCalls {
  /** Newest first. @throws {InvalidArgumentError} for what cannot be asked. */
  list(query?: Timed<CallQuery>): Promise<CallRecord[]>;
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

const QUERY: OptionsOf<CallQuery> = {
  ...(Object.fromEntries(FOUND_BY.map((name) => [name, anyText])) as Record<FoundBy, typeof anyText>),
  endpoint: anyText,
  requestId: anyText,
  state: oneOf(CALL_STATES),
  since: time,
  until: time,
  unpriced: flag,
  limit: count(1),
};

/** What is asked and decided here is not paid for, so that the store's failures are told. */
export function createRecordedCalls(services: Services): RecordedCalls {
  const { calls } = services.directStore;
  return {
    async list(query = {}) {
      checkOptions(query, QUERY, { of: "calls.list" });
      const { limit = Number.MAX_SAFE_INTEGER } = query;
      return calls.list({ ...(await byRootNames(inMilliseconds(query, services.clock.now()))), limit });
    },
    get: (id) => calls.get(id),
    collect(id) {
      const call = liveCall<unknown>(services, `call ${id}`, {}, { outsideRun: true });
      const reading = recordOf(services, id).then(collectable);
      return startCall(services, call, () => collect(services, call, reading));
    },
    settle: async (id, how) => settle(services, await recordOf(services, id), how),
  };
}

/** @throws {InvalidArgumentError} where the store has no such call. */
async function recordOf({ directStore }: Services, id: string): Promise<CallRecord> {
  const record = await directStore.calls.get(id);
  if (record) return record;
  const cure = directStore.durable ? "" : " It is a store in memory: set FAL_CHAIN_STORE to keep calls.";
  throw new InvalidArgumentError(`The store ${directStore.name} has no call ${JSON.stringify(id)}.${cure}`);
}

/** What can be collected has a result, or a request that may have one. */
function collectable(record: CallRecord): CallRecord & { readonly ticket: Ticket } {
  const { id, state, ticket, error, outcome } = record;
  if (state === "failed" && (!ticket || error?.billed === false)) {
    throw new CallStateError(
      record,
      `failed, so there is nothing to collect: ${error?.message ?? "unknown"}`,
    );
  }
  if (ticket || outcome) return { ...record, ticket: ticketFor(record) };
  throw new CallStateError(
    record,
    `is ${state} and has no request to collect. If a submit was lost, say what became of it: ` +
      `fal.calls.settle("${id}", …), or fal-chain calls settle ${id}.`,
  );
}
