import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { savedRefusal } from "../errors/saved-error.ts";
import type { Intent, Ticket } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import type { Reservation } from "../money/cost.ts";
import type { History } from "../platform/requests.ts";
import type { Queue, Submission } from "../queue/queue.ts";
import { lookUp, type Suspect } from "./look-up.ts";
import { besideId, noteRequest } from "./resubmits.ts";

/**
 * What to do about a submit that may or may not have been accepted. `look-up` asks the account's request history and
 * adopts what it finds there; `throw` does not ask. The other two may pay twice, and say so by their names:
 * `resubmit-if-unseen` submits again where history shows nothing, which a history that lags also does; `resubmit`
 * submits again at once.
 */
export type AmbiguousSubmitPolicy = (typeof AMBIGUOUS_SUBMIT_POLICIES)[number];
export const AMBIGUOUS_SUBMIT_POLICIES = ["look-up", "throw", "resubmit-if-unseen", "resubmit"] as const;

export interface SubmitDeps {
  readonly queue: Queue;
  readonly history: History;
  readonly store: Store;
  readonly clock: Clock;
  readonly report: Report;
}

export interface Accepted {
  readonly ticket: Ticket;
  readonly position: number | undefined;
  /** It was found in history: it is probably ours, so nothing cancels it by itself. */
  readonly adopted: boolean;
}

/** A resubmit can be ambiguous again; this often it is tried, and then it is an error whatever the policy. */
const MAX_SUBMITS = 3;

/** What a submit sets aside, should it have to be made once more. */
export type ReserveAgain = (at: number) => readonly Reservation[];

/**
 * The one place that spends money. The intent is in the store already; the request id is noted before anything
 * else happens, and an ambiguous submit is looked up and not repeated. Where the policy is to repeat it, the ledger has
 * both: each may be paid.
 *
 * @param signal Ends pauses and look-ups; a POST under way is seen through.
 * @throws {AmbiguousSubmitError} with what was found out.
 */
export async function submitOnce(
  deps: SubmitDeps,
  intent: Intent,
  submission: Submission,
  policy: AmbiguousSubmitPolicy,
  signal: AbortSignal,
  reserve: ReserveAgain,
): Promise<Accepted> {
  const { queue, store, clock } = deps;
  let again: { readonly doubt: AmbiguousSubmitError; readonly noted: string } | undefined;
  for (let attempt = 1; ; attempt++) {
    const sentAt = clock.now();
    try {
      const { ticket, position } = await queue.submit({ ...submission, signal });
      return { ticket: await noteAccepted(deps, intent, ticket), position, adopted: false };
    } catch (error) {
      if (!(error instanceof AmbiguousSubmitError)) {
        if (!again) throw error;
        // The one before may have been accepted, and is in doubt still.
        await store.calls.failed(again.noted, savedRefusal(error), clock.now());
        const known = await namedRequest(deps, intent);
        if (known) return { ticket: known, position: undefined, adopted: true };
        throw stillInDoubt(deps, intent, again.doubt, error);
      }
      await store.calls.ambiguous(intent.id, error.why, clock.now());
      const suspect = { ...intent, sentAt, claimedRequestId: error.requestId };
      const how = attempt < MAX_SUBMITS ? policy : "look-up";
      const ticket = await resolveDoubt(deps, suspect, error, how, signal);
      if (ticket) return { ticket, position: undefined, adopted: true };
      again = { doubt: error, noted: await noteOnceMore(deps, intent, reserve, error, attempt) };
    }
  }
}

/** @returns the request that the call is: where a webhook named that of an earlier submit before, it is that one. */
async function noteAccepted(deps: SubmitDeps, intent: Intent, ticket: Ticket): Promise<Ticket> {
  const { store, clock, report } = deps;
  const { id: call, endpoint } = intent;
  try {
    const noted = await noteRequest(store, call, ticket, clock.now());
    return (noted === call ? undefined : await namedRequest(deps, intent)) ?? ticket;
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

/** The request that a webhook has named. A store that cannot say so leaves the call in the doubt that it is in. */
const namedRequest = async ({ store }: SubmitDeps, { id }: Pick<Intent, "id">): Promise<Ticket | undefined> =>
  (await store.calls.get(id).catch(() => undefined))?.ticket;

/**
 * The call that is submitted again stays what it is; the submit that may be paid beside it is a call of its own in the
 * ledger, with what it sets aside of the budgets.
 *
 * @returns its id. @throws {AmbiguousSubmitError} where a budget has no room for it.
 */
async function noteOnceMore(
  deps: SubmitDeps,
  intent: Intent,
  reserve: ReserveAgain,
  doubt: AmbiguousSubmitError,
  nth: number,
): Promise<string> {
  const { store, clock } = deps;
  const at = clock.now();
  const other = { ...intent, id: await besideId(intent.id, nth), key: undefined, at };
  try {
    await store.calls.intend(other, { reserve: reserve(at) });
  } catch (error) {
    throw stillInDoubt(deps, intent, doubt, error);
  }
  await store.calls.ambiguous(other.id, `${doubt.why}; call ${intent.id} was submitted again`, at);
  return other.id;
}

const stillInDoubt = (
  { store }: SubmitDeps,
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
 * @returns its ticket; undefined where the policy is to submit it again.
 * @throws {AmbiguousSubmitError} with what was found out.
 */
export async function resolveDoubt(
  deps: SubmitDeps,
  suspect: Suspect,
  doubt: { readonly why: string; readonly cause?: unknown },
  policy: AmbiguousSubmitPolicy,
  signal: AbortSignal,
): Promise<Ticket | undefined> {
  if (policy === "resubmit") return namedRequest(deps, suspect);
  const found =
    policy === "throw"
      ? ({ verdict: "not-looked-up", evidence: "nobody looked it up", candidates: [] } as const)
      : await lookUp(deps, suspect, signal).catch(cutShort(signal));
  if (found.verdict === "found") return found.ticket;
  if (policy === "resubmit-if-unseen" && found.verdict === "unseen") return undefined;

  const { endpoint, claimedRequestId: requestId } = suspect;
  const { why, cause } = doubt;
  throw new AmbiguousSubmitError(endpoint, why, {
    ...found,
    requestId,
    callId: suspect.id,
    durable: deps.store.durable,
    ...(cause !== undefined && { cause }),
  });
}

/** Who gives up in the middle of a look-up has an ambiguous submit all the same, and so has one whose store fails then. */
const cutShort = (signal: AbortSignal) => (error: unknown) => {
  const problem = error instanceof Error ? error.message : String(error);
  const evidence = signal.aborted ? "the look-up was cut short" : `the look-up failed: ${problem}`;
  return { verdict: "unknown", evidence, candidates: [] } as const;
};
