import { ApiError } from "../errors/api.ts";
import { savedError } from "../errors/saved-error.ts";
import type { CallRecord, Ticket } from "../journal/call.ts";
import type { Cost } from "../money/cost.ts";
import type { Answer } from "../queue/answer.ts";
import { billFailure, billNothing, noteCompleted } from "./bill.ts";
import { failureOfResult, isRequestEnd } from "./result.ts";
import type { Services } from "./services.ts";

/**
 * What the queue says of a request that is asked for by its id, noted with the call that it is; a request that is no call of
 * this store is nobody's concern here. Nothing of it can fail what was asked for.
 */

/** @returns what it cost, once that is known; undefined where that is nothing new. */
export const noteResult = (
  services: Services,
  ticket: Ticket,
  { data, units }: Answer,
): Promise<{ readonly cost: Promise<Cost | undefined> } | undefined> =>
  note(services, ticket, async ({ id, endpoint, state, cost }) => {
    services.slots?.free(id);
    if (state === "completed" && cost !== undefined && cost.source !== "unknown") return undefined;
    const outcome = { data, units, waitSeconds: undefined, runSeconds: undefined };
    return noteCompleted(services, { endpoint, notedAs: id }, outcome);
  });

export const noteFailure = (services: Services, ticket: Ticket, error: unknown): Promise<void> =>
  note(services, ticket, async ({ id, endpoint, state }) => {
    if (state === "completed" || !(error instanceof ApiError)) return;
    // What a result that is asked for too early answers is not documented: the status says whether it has ended, and how.
    const status = await services.queue.status(ticket, { logs: false });
    const failure = failureOfResult(error, status);
    if (status.status !== "COMPLETED" || !isRequestEnd(failure)) return;
    services.slots?.free(id);
    await services.store.calls.failed(id, savedError(failure), services.clock.now());
    const failed = { error: failure, isLeft: false, sent: async () => "accepted" as const };
    void billFailure(services, { endpoint, notedAs: id }, failed);
  });

export const noteCancelled = (services: Services, ticket: Ticket): Promise<void> =>
  note(services, ticket, async ({ id, endpoint, state }) => {
    services.slots?.free(id);
    if (state === "completed" || state === "failed") return;
    await services.store.calls.givenUp(id, "cancelled", services.clock.now());
    void billNothing(services, { endpoint, notedAs: id });
  });

async function note<T>(
  { store, report }: Services,
  { endpoint, requestId }: Ticket,
  write: (record: CallRecord) => Promise<T>,
): Promise<T | undefined> {
  try {
    const [record] = await store.calls.list({ requestId, limit: 1 });
    return record && (await write(record));
  } catch (error) {
    const whose = { endpoint, request_id: requestId };
    report(`What became of request ${requestId} could not be noted`, error, whose);
    return undefined;
  }
}
