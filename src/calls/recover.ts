import { inBackground } from "../base/background.ts";
import { restoredError } from "../errors/saved-error.ts";
import type { CallRecord, Outcome, Ticket } from "../journal/call.ts";
import { whyText } from "../journal/why-text.ts";
import { streamPathOf } from "../queue/stream.ts";
import { resolveDoubt } from "./doubt.ts";
import { hasFailed } from "./events.ts";
import { announce, type LiveCall } from "./live-call.ts";
import { policyOf } from "./options.ts";
import { type Recorded, ticketFor } from "./record.ts";
import { isGone, isUnknownHere } from "./result.ts";
import type { Services } from "./services.ts";

/** A call that fal has, and what the journal has of its result. */
export interface Known {
  readonly ticket: Ticket;
  /** Undefined for one that was sent just now. */
  readonly record: Recorded["record"] | undefined;
  readonly outcome: Outcome | undefined;
}

/**
 * Goes on with a recorded call without paying for it twice. A failure is a result too: it is thrown again. Undefined
 * where nothing of it can be had or was paid, so that it is submitted anew in the old one's place.
 *
 * @param wants Whoever wants the request only takes it as it is, whatever came of it.
 * @throws {AmbiguousSubmitError} when it stays unknown whether it was accepted.
 */
export async function recover(
  services: Services,
  call: LiveCall,
  record: CallRecord,
  wants: "result" | "request",
): Promise<Known | undefined> {
  call.isInDoubt = true;
  const found = await whatIsThere(services, call, record, wants);
  call.isInDoubt = false;
  if (!found) {
    call.admitted?.startsAnew();
    return undefined;
  }
  const known = { record, ticket: found.ticket, outcome: found.outcome };
  if (known.outcome) countReuse(services, record);
  else pickUp(services, call, known, found.isAdopted);
  return known;
}

/** A request that was sent before: it is waited for, whoever sent it. */
export function pickUp(
  services: Services,
  call: LiveCall,
  { record, ticket }: Known & { readonly record: CallRecord },
  isAdopted = false,
): void {
  call.notedAs = record.id;
  call.isHooked = services.hooks !== undefined;
  call.slot = services.slots?.claim(record.id);
  call.times.submitted = record.submittedAt ?? record.intendedAt;
  call.accepting = Promise.resolve({ ticket, position: undefined, adopted: isAdopted });
  announce(services, call, ticket, record.for.tags, { takenUp: true });
}

interface Found {
  readonly ticket: Ticket;
  readonly outcome: Outcome | undefined;
  readonly isAdopted: boolean;
}

async function whatIsThere(
  services: Services,
  call: LiveCall,
  record: CallRecord,
  wants: "result" | "request",
): Promise<Found | undefined> {
  const { state, ticket, outcome } = record;
  if (wants === "request" && ticket && (state !== "given-up" || record.givenUp === "cancelled")) {
    return { ticket, outcome, isAdopted: false };
  }
  if (state === "failed") throw restored(record, "failed without a reason");
  if (state === "given-up") return unlessGone(services, call, record);
  if (outcome && outcome.data !== undefined) {
    // An equal call that was in doubt may have claimed its request.
    return { ticket: ticketFor(record), outcome, isAdopted: false };
  }
  // It goes on, or the store keeps ids only, and fal may still have it.
  if (ticket) return { ticket, outcome: undefined, isAdopted: false };
  const policy = policyOf(services, call.settings);
  const suspect = {
    id: record.id,
    endpoint: record.endpoint,
    body: record.body ?? "{}",
    queue: record.queue,
    sentAt: record.sentAgainAt ?? record.intendedAt,
    claimedRequestId: undefined,
    isOver: policy === "look-up",
    also: call.stream && streamPathOf(record.endpoint),
  };
  const doubt = { why: record.doubt ?? "the process ended in the middle of it" };
  const adopted = await resolveDoubt(services, suspect, doubt, policy, call.giveUp.signal);
  return adopted && { ticket: adopted, outcome: undefined, isAdopted: true };
}

/**
 * Somebody stopped waiting for it. It may have completed all the same, and then it is paid for. One without a request
 * was not accepted.
 */
async function unlessGone(
  { queue }: Services,
  { giveUp }: LiveCall,
  record: CallRecord,
): Promise<Found | undefined> {
  const { ticket, givenUp } = record;
  const mayStartAnew = givenUp === "run" || givenUp === "resubmit";
  if (ticket && givenUp !== "resubmit") {
    const isNotHere = givenUp === "unread" ? isUnknownHere : isGone;
    const status = await queue
      .status(ticket, { logs: false, signal: giveUp.signal })
      .catch((error: unknown): undefined => {
        if (!isNotHere(error)) throw error;
      });
    // Where its end could not be read, its own failure is still to be had.
    const mayBeHad = status ? !hasFailed(status) : mayStartAnew;
    if (mayBeHad || givenUp === "unread") return { ticket, outcome: undefined, isAdopted: false };
  }
  if (mayStartAnew) return undefined;
  throw restored(record, `was given up: ${whyText(record)}`);
}

const restored = ({ id, error }: CallRecord, otherwise: string): unknown =>
  error ? restoredError(error) : new Error(`Call ${id} ${otherwise}.`);

/** For the reports, so nobody waits for it. */
function countReuse({ store, background, report }: Services, { id }: CallRecord): void {
  const counting = store.calls
    .reused(id)
    .catch((error: unknown) => report(`That call ${id} was reused could not be noted`, error));
  void inBackground(background, counting);
}
