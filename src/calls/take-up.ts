import { restoredError } from "../errors/saved-error.ts";
import type { CallRecord, Outcome, Ticket } from "../journal/call.ts";
import { givenUpText } from "../journal/given-up.ts";
import { parseEndpointId } from "../queue/endpoint.ts";
import { hasFailed } from "./events.ts";
import { isGone } from "./result.ts";
import { type AmbiguousSubmitPolicy, resolveDoubt, type SubmitDeps } from "./submit.ts";

/** What becomes of a call that an earlier execution of its run has begun. */
export type TakenUp =
  | { readonly kind: "result"; readonly ticket: Ticket; readonly outcome: Outcome }
  /** It goes on upstream, or its result is still to be fetched. */
  | { readonly kind: "request"; readonly ticket: Ticket; readonly adopted: boolean }
  /** Nothing of it can be had or was paid: it is submitted anew, in the old one's place. */
  | { readonly kind: "anew" };

/**
 * Takes a recorded call up again without paying for it twice. A failure is a result too: it is thrown again.
 *
 * @throws {AmbiguousSubmitError} when it stays unknown whether it was accepted.
 */
export async function takeUp(
  deps: SubmitDeps,
  record: CallRecord,
  policy: AmbiguousSubmitPolicy,
  signal: AbortSignal,
): Promise<TakenUp> {
  const { state, ticket, outcome, error } = record;
  switch (state) {
    case "failed":
      throw error ? restoredError(error) : new Error(`Call ${record.id} failed without a reason.`);
    case "given-up":
      return takeUpAgain(deps, record, signal);
    default: {
      if (outcome && outcome.data !== undefined) {
        // An equal call that was in doubt may have claimed its request.
        const known = ticket ?? deps.queue.ticket(parseEndpointId(record.endpoint), "unknown");
        return { kind: "result", ticket: known, outcome };
      }
      // It goes on, or the store keeps ids only, and fal may still have it.
      if (ticket) return { kind: "request", ticket, adopted: false };
      const suspect = {
        id: record.id,
        endpoint: record.endpoint,
        body: record.body ?? "{}",
        sentAt: record.intendedAt,
        claimedRequestId: undefined,
      };
      const doubt = { why: record.doubt ?? "the process ended in the middle of it" };
      const found = await resolveDoubt(deps, suspect, doubt, policy, signal);
      return found ? { kind: "request", ticket: found, adopted: true } : { kind: "anew" };
    }
  }
}

/**
 * Somebody stopped waiting for it. It may have completed all the same, and then it is paid for. One without a request
 * was not accepted.
 */
async function takeUpAgain(deps: SubmitDeps, record: CallRecord, signal: AbortSignal): Promise<TakenUp> {
  const { ticket, givenUp, error } = record;
  const again = givenUp === "run" || givenUp === "resubmit";
  if (ticket && givenUp !== "resubmit") {
    const status = await deps.queue.status(ticket, { logs: false, signal }).catch((error: unknown) => {
      if (!isGone(error)) throw error;
    });
    // Where its end could not be read, its own failure is still to be had.
    const mayBeHad = status ? !hasFailed(status) : again;
    if (mayBeHad || givenUp === "unread") return { kind: "request", ticket, adopted: false };
  }
  if (again) return { kind: "anew" };
  throw error
    ? restoredError(error)
    : new Error(`Call ${record.id} was given up: ${givenUp ? givenUpText(givenUp) : "no reason"}.`);
}
