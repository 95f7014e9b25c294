import { ApiError, isOwnEnd } from "../errors/api.ts";
import { savedError } from "../errors/saved-error.ts";
import type { CallRecord, Ticket } from "../journal/call.ts";
import type { Answer, Queue } from "../queue/queue.ts";
import { type BillDeps, billFailure, billNothing, noteCompleted } from "./bill.ts";

/**
 * What the queue says of a request that is asked for by its id, noted with the call that it is; a request that is no call of
 * this store is nobody's concern here. Nothing of it can fail what was asked for.
 */

export const noteResult = (deps: BillDeps, ticket: Ticket, { data, units }: Answer): Promise<void> =>
  note(deps, ticket, async ({ id, endpoint, state, cost }) => {
    if (state === "completed" && cost !== undefined && cost.source !== "unknown") return;
    const outcome = { data, units, waitSeconds: undefined, runSeconds: undefined };
    await noteCompleted(deps, { endpoint, noted: id }, outcome);
  });

export const noteFailure = (
  deps: BillDeps & { readonly queue: Queue },
  ticket: Ticket,
  error: unknown,
): Promise<void> =>
  note(deps, ticket, async ({ id, endpoint, state }) => {
    if (state === "completed" || !(error instanceof ApiError && isOwnEnd(error))) return;
    // What a result that is asked for too early answers is not documented: the status says whether it has ended.
    const { status } = await deps.queue.status(ticket, { logs: false });
    if (status !== "COMPLETED") return;
    await deps.store.calls.failed(id, savedError(error), deps.clock.now());
    void billFailure(deps, { endpoint, noted: id }, { error, left: false, sent: async () => "accepted" });
  });

export const noteCancelled = (deps: BillDeps, ticket: Ticket): Promise<void> =>
  note(deps, ticket, async ({ id, endpoint, state }) => {
    if (state === "completed" || state === "failed") return;
    await deps.store.calls.givenUp(id, "cancelled", deps.clock.now());
    void billNothing(deps, { endpoint, noted: id });
  });

async function note(
  { store, report }: BillDeps,
  { endpoint, requestId }: Ticket,
  write: (record: CallRecord) => Promise<void>,
): Promise<void> {
  try {
    const [record] = await store.calls.list({ requestId, limit: 1 });
    if (record) await write(record);
  } catch (error) {
    const whose = { endpoint, request_id: requestId };
    report(`What became of request ${requestId} could not be noted`, error, whose);
  }
}
