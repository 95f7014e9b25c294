import { inBackground } from "../base/background.ts";
import { moment } from "../base/clock.ts";
import { abortable } from "../base/signal.ts";
import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { savedRefusal } from "../errors/saved-error.ts";
import { storeErrorIn } from "../errors/store.ts";
import type { CallRecord, Intent, Ticket } from "../journal/call.ts";
import { type Asked, kindOfCall } from "../ledger/estimate.ts";
import type { Answer } from "../queue/answer.ts";
import { defaultsOf } from "../queue/defaults.ts";
import type { Submission, Submits } from "../queue/queue.ts";
import { streamPathOf } from "../queue/stream.ts";
import { NOTHING, noteCompleted } from "./bill.ts";
import { namedRequest, noteOnceMore, type ReserveAgain, resolveDoubt, stillInDoubt } from "./doubt.ts";
import type { FoundStep } from "./enclosing-run.ts";
import { type Accepted, announce, type LiveCall, tellStatus } from "./live-call.ts";
import { noteRequest, unlessOtherStore } from "./note-request.ts";
import { type AmbiguousSubmitPolicy, policyOf } from "./options.ts";
import { bodyOf, type Prepared } from "./prepare.ts";
import { contentOf } from "./reuse.ts";
import type { Services } from "./services.ts";

/**
 * The one way to spend money: reserve, wait for a slot, note the intent at the last moment, POST. What is accepted is announced.
 *
 * @param replaces The call whose place this one takes.
 * @throws {BudgetExceededError | UnknownPriceError | LeaseLostError | StoreError} before anything is sent.
 * @throws {AmbiguousSubmitError} with what was found out.
 */
export async function send(
  services: Services,
  call: LiveCall,
  prepared: Prepared,
  found: FoundStep | undefined,
  replaces: string | undefined,
): Promise<Ticket> {
  const { queue, clock, slots } = services;
  const to = call.cut ? services.direct : queue;
  const { id, settings } = call;
  const { signal } = call.giveUp;
  const policy = policyOf(services, settings);
  call.body ??= await abortable(bodyOf(services, prepared, found, signal), signal);
  const { body, ...hooked } = await withHook(services, call, prepared, call.body);
  const wanted = { endpoint: prepared.endpoint.id, body, for: prepared.for };
  const content = services.store.keep === "ids" ? undefined : await contentOf(services, call, prepared);
  const asked = askedFor(wanted, prepared.units);
  const kind = await kindOfCall(asked);
  const reservations = await abortable(
    services.reserve({ ...wanted, asked, kind, over: call.over.signal }, call.run?.budgets ?? []),
    signal,
  );
  // The timeout may come while fal refuses: then the refusal is the better error, so it is not waited out.
  const deadline = settings.timeout === undefined ? undefined : call.startedAt + settings.timeout;
  await abortable(to.whenReachable({ endpoint: prepared.endpoint, signal, deadline }), signal);
  call.slot = await slots?.take(id, signal);

  const intent: Intent = {
    id,
    ...wanted,
    queue: queue.base,
    key: found?.key,
    content,
    kind,
    at: clock.now(),
  };
  const notes = lastMoment(services, call, { intent, found, replaces, reservations });
  const { cut, stream } = call;
  const how = { ...hooked, cut: cut?.signal, stream, deadline };
  const submission = { endpoint: prepared.endpoint, body, ...how, ...notes };
  const { doubted } = notes;
  const accepting = post(services, intent, { to, submission, policy, signal, reservations, doubted });
  call.accepting = accepting;
  // Should the call give up meanwhile, the POST goes on, and who cancels its request waits for the answer.
  accepting.then(
    ({ ticket, answer, rest }) => {
      call.ticket = ticket;
      if (answer && signal.aborted) keepAnswer(services, call, answer);
      if (rest) followRest(services, call, rest);
    },
    () => {},
  );
  const { ticket, position, answer, rest } = await abortable(accepting, signal).finally(notes.noted);
  announce(services, call, ticket, prepared.for.tags);
  if (!answer && !rest) tellStatus(services, call, { status: "IN_QUEUE", queue_position: position }, {});
  return ticket;
}

/** What a body asks for, with what the endpoint takes for the rest. */
const askedFor = (
  { endpoint, body }: Pick<Intent, "endpoint" | "body">,
  units: number | undefined,
): Asked => ({
  endpoint,
  input: JSON.parse(body),
  units,
  defaults: defaultsOf(endpoint),
});

/** What a direct call gave that nobody waits for any more: it is kept nowhere but here. */
function keepAnswer(services: Services, call: LiveCall, { data, units }: Answer): void {
  const outcome = { data, units, waitSeconds: undefined, runSeconds: undefined };
  void inBackground(services.background, noteCompleted(services, call, outcome));
}

/** What comes piece by piece and is waited for no more goes on coming, unless it is cut. */
function followRest(services: Services, call: LiveCall, rest: Promise<Answer>): void {
  const { signal } = call.giveUp;
  call.isReading = true;
  const reading = rest.then(
    (answer) => {
      if (signal.aborted) keepAnswer(services, call, answer);
    },
    () => {},
  );
  void inBackground(
    services.background,
    reading.finally(() => {
      call.isReading = false;
    }),
  );
}

/** What a submit is noted with. */
interface Noted {
  readonly intent: Intent;
  readonly found: FoundStep | undefined;
  readonly replaces: string | undefined;
  readonly reservations: ReserveAgain;
}

/**
 * What the store is told at the last moment, after every pause: nothing is awaited between the note that a submit may be on
 * its way and its first byte, and while it waits after a refusal the store has that it is not. So whoever goes on with a call
 * of a process that has ended rarely has to ask what became of it.
 */
function lastMoment(
  services: Services,
  call: LiveCall,
  { intent, found, replaces, reservations }: Noted,
): Required<Pick<Submission, "permit" | "onRepeat">> & { doubted(): void; noted(): Promise<void> } {
  const { clock, store } = services;
  const { id } = intent;
  let noting: Promise<void> | undefined;
  let isRefused = false;
  let inDoubt = false;
  const intend = async () => {
    const at = clock.now();
    const terms = { fence: found?.fence, replaces, reserve: reservations(at) };
    await store.calls.intend({ ...intent, at }, terms).catch((error: unknown) => {
      if (storeErrorIn(error)) void inBackground(services.background, sayUnsent(services, call));
      return unlessOtherStore(services, call, error);
    });
    call.notedAs = id;
    call.times.submitted = at;
    call.observer?.sending(intent.body);
  };
  return {
    async permit() {
      const { signal } = call.giveUp;
      signal.throwIfAborted();
      if (isRefused || inDoubt) await store.calls.leaves(id, clock.now(), { fence: found?.fence, inDoubt });
      isRefused = false;
      noting ??= intend();
      await noting;
      await found?.permit();
      signal.throwIfAborted();
    },
    async onRepeat() {
      isRefused = await store.calls.refused(id, clock.now()).then(
        () => true,
        // Then it counts as being on its way.
        () => false,
      );
    },
    doubted() {
      inDoubt = true;
    },
    // What it is noted under is known once that is over, also to one that was given up meanwhile.
    noted: async () => noting?.catch(() => {}),
  };
}

/** When it is tried to say so, in milliseconds after the time before: within what a look-up waits for it. */
const UNSENT_AFTER_MS = [0, 1_000, 2_000, 4_000, 8_000];

/**
 * A store that failed may have taken the note all the same, and lost its answer only. Nothing was sent then, and nobody
 * else can know that: left as it is, the note is a submit in doubt to whoever goes on with the call.
 */
async function sayUnsent({ directStore, clock }: Services, { id, run }: LiveCall): Promise<void> {
  const { calls } = directStore;
  for (const pause of UNSENT_AFTER_MS) {
    await clock.sleep(pause);
    try {
      const noted = await calls.get(id);
      if (!noted || !isOpen(noted)) return;
      await calls.givenUp(id, run ? "run" : "caller", clock.now());
      await calls.charged(id, NOTHING, clock.now());
      return;
    } catch {
      // It is gone still. What is not said in time is looked up.
    }
  }
}

const isOpen = ({ state, ticket }: CallRecord): boolean =>
  !ticket && (state === "intended" || state === "ambiguous");

/** A resubmit can be ambiguous again; this often it is tried, and then it is an error whatever the policy. */
const MAX_SUBMITS = 3;

/** How a call is to be sent. */
interface Post {
  readonly to: Submits;
  readonly submission: Submission;
  readonly policy: AmbiguousSubmitPolicy;
  /** Ends pauses and look-ups; a POST under way is seen through. */
  readonly signal: AbortSignal;
  /** What it sets aside of the budgets, should it have to be made once more. */
  readonly reservations: ReserveAgain;
  /** Told once the ledger says that it may have been accepted. */
  doubted(): void;
}

/**
 * Sends a call, whose permit notes its intent. The request id is noted before anything else happens, and an ambiguous
 * submit is looked up and not repeated. Where the policy is to repeat it, the ledger has both: each may be paid.
 *
 * @throws {AmbiguousSubmitError} with what was found out.
 */
async function post(
  services: Services,
  intent: Intent,
  { to, submission, policy, signal, reservations, doubted }: Post,
): Promise<Accepted> {
  const { clock } = services;
  const { calls } = services.store;
  let again: { readonly doubt: AmbiguousSubmitError; readonly noted: string } | undefined;
  for (let attempt = 1; ; attempt++) {
    let sentAt = clock.now();
    let sent = moment(clock);
    const permit = async () => {
      await submission.permit?.();
      sentAt = clock.now();
      sent = moment(clock);
    };
    try {
      const { ticket, ...rest } = await to.submit({ ...submission, permit, signal });
      return { ...rest, ticket: await noteAccepted(services, intent, ticket), adopted: false };
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
      doubted();
      const also = submission.stream && streamPathOf(intent.endpoint);
      const suspect = { ...intent, sentAt, sent, claimedRequestId: error.requestId, also };
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

/** A call that has a hook of its own is watched as any other: whoever gets that hook is not this client. */
async function withHook(
  { hooks }: Services,
  call: LiveCall,
  { headers, webhookUrl }: Prepared,
  body: string,
) {
  if (!hooks || call.cut || webhookUrl !== undefined) return { body, headers, webhookUrl };
  call.isHooked = true;
  // The result must outlive its time in the queue: the sweep may come later.
  return {
    body,
    headers: { ...headers, "x-fal-store-io": "1" },
    webhookUrl: await hooks.addressOf(call.id),
  };
}
