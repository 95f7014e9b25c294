import { derivedId } from "../base/sha256.ts";
import { LeaseLostError, RunStateError } from "../errors/runs.ts";
import { RequestClaimedError } from "../errors/store.ts";
import type { CallJournal, Ticket } from "../journal/call.ts";
import { runName } from "../journal/run-name.ts";
import type { LiveCall } from "./live-call.ts";
import type { Services } from "./services.ts";

/**
 * The id of the row for the nth submit of a call that was in doubt when the call was submitted again. It follows from the
 * call's own, so that whoever hears of a second request of the call finds where it belongs.
 */
export const besideId = (callId: string, nth: number): Promise<string> =>
  derivedId(`submit ${nth} of ${callId}, in doubt`);

/**
 * Notes a request with the call that it was made for or, where that is another request already, with a submit of it that was
 * in doubt: which of them is which nobody can tell, and nobody need.
 *
 * @returns the id that it is noted under. @throws {RequestClaimedError} where the call has no such submit either.
 */
export async function noteRequest(
  calls: Pick<CallJournal, "submitted" | "get">,
  callId: string,
  ticket: Ticket,
  at: number,
): Promise<string> {
  let id = callId;
  for (let nth = 1; ; nth++) {
    try {
      await calls.submitted(id, ticket, at);
      return id;
    } catch (error) {
      if (!(error instanceof RequestClaimedError)) throw error;
      id = await besideId(callId, nth);
      if (!(await calls.get(id))) throw error;
    }
  }
}

/** A store that has never heard of the run says that it is not ours. */
export async function unlessOtherStore({ store }: Services, call: LiveCall, error: unknown): Promise<never> {
  const { chain = "", run = "" } = call.run?.of ?? {};
  if (!(error instanceof LeaseLostError) || (await store.runs.get(chain, run))) throw error;
  throw new RunStateError(
    "run_elsewhere",
    `The call to ${call.endpoint} was made within the run ${runName(chain, run)} by another client, whose store ` +
      `(${store.name}) does not have that run: it could not be found again. Nothing was sent. Give both clients the same ` +
      "store.",
  );
}
