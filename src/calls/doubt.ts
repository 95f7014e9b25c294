import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { storeErrorIn } from "../errors/store.ts";
import type { Intent, Ticket } from "../journal/call.ts";
import type { Reservation } from "../money/cost.ts";
import { lookUp, type Suspect } from "./look-up.ts";
import { besideId } from "./note-request.ts";
import type { AmbiguousSubmitPolicy } from "./options.ts";
import type { Services } from "./services.ts";

/** What a submit sets aside at a time. */
export type ReserveAgain = (at: number) => readonly Reservation[];

/** The request that a webhook has named. A store that cannot say so leaves the call in the doubt that it is in. */
export const namedRequest = async (
  { store }: Services,
  { id }: Pick<Intent, "id">,
): Promise<Ticket | undefined> => (await store.calls.get(id).catch(() => undefined))?.ticket;

/**
 * The call that is submitted again stays what it is; the submit that may be paid beside it is a call of its own in the
 * ledger, with what it sets aside of the budgets.
 *
 * @returns its id. @throws {AmbiguousSubmitError} where a budget has no room for it.
 */
export async function noteOnceMore(
  services: Services,
  intent: Intent,
  reservations: ReserveAgain,
  doubt: AmbiguousSubmitError,
  nth: number,
): Promise<string> {
  const { store, clock } = services;
  const at = clock.now();
  const other = { ...intent, id: await besideId(intent.id, nth), key: undefined, at };
  try {
    await store.calls.intend(other, { reserve: reservations(at) });
  } catch (error) {
    throw stillInDoubt(services, intent, doubt, error);
  }
  await store.calls.ambiguous(other.id, `${doubt.why}; call ${intent.id} was submitted again`, at);
  return other.id;
}

export const stillInDoubt = (
  { store }: Services,
  { id, endpoint }: Intent,
  { why, requestId }: AmbiguousSubmitError,
  cause: unknown,
): AmbiguousSubmitError =>
  new AmbiguousSubmitError(endpoint, why, {
    verdict: "not-looked-up",
    evidence: "submitting it again was refused",
    repeated: true,
    candidates: [],
    requestId,
    callId: id,
    durable: store.durable,
    cause,
  });

/**
 * Finds out what became of an ambiguous submit, as the policy says.
 *
 * @returns its ticket; undefined where the policy is to submit it again, or it was never sent.
 * @throws {AmbiguousSubmitError} with what was found out.
 */
export async function resolveDoubt(
  services: Services,
  suspect: Suspect,
  doubt: { readonly why: string; readonly cause?: unknown },
  policy: AmbiguousSubmitPolicy,
  signal: AbortSignal,
): Promise<Ticket | undefined> {
  if (policy === "resubmit") return namedRequest(services, suspect);
  const found =
    policy === "throw"
      ? ({ verdict: "not-looked-up", evidence: "nobody looked it up", candidates: [] } as const)
      : await lookUp(services, suspect, signal).catch(cutShort(signal));
  if (found.verdict === "found") return found.ticket;
  if (found.verdict === "unsent") return undefined;
  if (policy === "resubmit-if-unseen" && found.verdict === "unseen") return undefined;

  const { endpoint, claimedRequestId: requestId } = suspect;
  const { why } = doubt;
  const cause = "cause" in found ? found.cause : doubt.cause;
  throw new AmbiguousSubmitError(endpoint, why, {
    ...found,
    requestId,
    callId: suspect.id,
    durable: services.store.durable,
    ...(cause !== undefined && { cause }),
  });
}

/** Who gives up in the middle of a look-up has an ambiguous submit all the same, and so has one whose store fails then. */
const cutShort = (signal: AbortSignal) => (cause: unknown) => {
  const problem = cause instanceof Error ? cause.message : String(cause);
  const evidence = signal.aborted ? "the look-up was cut short" : `the look-up failed: ${problem}`;
  // What the store failed with is told: its run is let go, and does not wait for a person.
  return { verdict: "unknown", evidence, candidates: [], ...(storeErrorIn(cause) && { cause }) } as const;
};
