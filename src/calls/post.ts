import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { savedRefusal } from "../errors/saved-error.ts";
import type { Intent, Ticket } from "../journal/call.ts";
import type { Submission } from "../queue/queue.ts";
import { namedRequest, noteOnceMore, type ReserveAgain, resolveDoubt, stillInDoubt } from "./doubt.ts";
import type { Accepted } from "./live-call.ts";
import { noteRequest } from "./note-request.ts";
import type { AmbiguousSubmitPolicy } from "./options.ts";
import type { Services } from "./services.ts";

/** A resubmit can be ambiguous again; this often it is tried, and then it is an error whatever the policy. */
const MAX_SUBMITS = 3;

/** How a call is to be sent. */
export interface Post {
  readonly submission: Submission;
  readonly policy: AmbiguousSubmitPolicy;
  /** Ends pauses and look-ups; a POST under way is seen through. */
  readonly signal: AbortSignal;
  /** What it sets aside of the budgets, should it have to be made once more. */
  readonly reservations: ReserveAgain;
}

/**
 * Sends a call whose intent is in the store. The request id is noted before anything else happens, and an ambiguous
 * submit is looked up and not repeated. Where the policy is to repeat it, the ledger has both: each may be paid.
 *
 * @throws {AmbiguousSubmitError} with what was found out.
 */
export async function post(
  services: Services,
  intent: Intent,
  { submission, policy, signal, reservations }: Post,
): Promise<Accepted> {
  const { queue, clock } = services;
  const { calls } = services.store;
  let again: { readonly doubt: AmbiguousSubmitError; readonly noted: string } | undefined;
  for (let attempt = 1; ; attempt++) {
    const sentAt = clock.now();
    try {
      const { ticket, position } = await queue.submit({ ...submission, signal });
      return { ticket: await noteAccepted(services, intent, ticket), position, adopted: false };
    } catch (error) {
      if (!(error instanceof AmbiguousSubmitError)) {
        if (!again) throw error;
        // The one before may have been accepted, and is in doubt still.
        await calls.failed(again.noted, savedRefusal(error), clock.now());
        const known = await namedRequest(services, intent);
        if (known) return { ticket: known, position: undefined, adopted: true };
        throw stillInDoubt(services, intent, again.doubt, error);
      }
      await calls.ambiguous(intent.id, error.why, clock.now());
      const suspect = { ...intent, sentAt, claimedRequestId: error.requestId };
      const how = attempt < MAX_SUBMITS ? policy : "look-up";
      const ticket = await resolveDoubt(services, suspect, error, how, signal);
      if (ticket) return { ticket, position: undefined, adopted: true };
      again = { doubt: error, noted: await noteOnceMore(services, intent, reservations, error, attempt) };
    }
  }
}

/** @returns the request that the call is: where a webhook named that of an earlier submit before, it is that one. */
async function noteAccepted(services: Services, intent: Intent, ticket: Ticket): Promise<Ticket> {
  const { store, clock, report } = services;
  const { id: call, endpoint } = intent;
  try {
    const noted = await noteRequest(store.calls, call, ticket, clock.now());
    return (noted === call ? undefined : await namedRequest(services, intent)) ?? ticket;
  } catch (error) {
    // It is paid for: that another call has taken it for its own must not keep it from the caller.
    const { requestId } = ticket;
    report(`Call ${call} is not noted as request ${requestId}`, error, {
      call,
      endpoint,
      request_id: requestId,
    });
    return ticket;
  }
}
