import { moment } from "../base/clock.ts";
import { parseOwn } from "../base/json.ts";
import type { AmbiguousVerdict } from "../errors/ambiguous-submit.ts";
import { ApiError } from "../errors/api.ts";
import { hostSetting } from "../errors/calls.ts";
import { FalError } from "../errors/fal-error.ts";
import { NetworkError } from "../errors/network.ts";
import { RequestClaimedError } from "../errors/store.ts";
import type { CallRecord, Ticket } from "../journal/call.ts";
import type { Past, PastRequest } from "../platform/requests.ts";
import { parseEndpointId } from "../queue/endpoint.ts";
import { matches } from "./matches.ts";
import type { Services } from "./services.ts";

export type LookUp =
  | Seen
  /** Whoever was to send it has said that it did not. */
  | { readonly verdict: "unsent" };

type Seen = Found | NotFound;

/** A request that can only be this call's. It is claimed in the store. */
interface Found {
  readonly verdict: "found";
  readonly ticket: Ticket;
  readonly evidence: string;
}

interface NotFound {
  readonly verdict: Exclude<AmbiguousVerdict, "not-looked-up">;
  readonly evidence: string;
  readonly candidates: readonly string[];
  /** Whether history gave no answer at all. */
  readonly isUnreached?: boolean;
  /** Whether history shows what was sent well after a call whose sender is gone, and all that is known of. */
  readonly isCaughtUp?: boolean | undefined;
}

/** The call whose submit was ambiguous, and what its reply, if any, claimed to be. */
export interface Suspect {
  readonly id: string;
  readonly endpoint: string;
  readonly body: string;
  /** The base address of the queue that it was sent to. */
  readonly queue: string;
  readonly sentAt: number;
  /** The same by the clock as it is now, where this process sent it: somebody may have set it since. */
  readonly sent?: () => number;
  readonly claimedRequestId: string | undefined;
  /** Whoever sent it is gone, and nothing is paid on the word that it is unseen. */
  readonly isOver?: boolean;
  /** Another endpoint under which history may list it. */
  readonly also?: string | undefined;
}

/** Pauses between two looks, in milliseconds: history lags, and a minute is cheaper than a second charge. */
const PAUSES_MS = [0, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];
const MINUTE_MS = PAUSES_MS.reduce((sum, pause) => sum + pause) + 1;
/** How long before the send a request may seem to have been sent: clocks differ, and `Date` has whole seconds. */
const BEFORE_SEND_MS = 3_000;

/** How long what left a process right before its end may be on its way, in milliseconds. */
const ON_ITS_WAY_MS = 5_000;

/** How long whoever was to send it may need to say that it did not, since the store was gone, in milliseconds. */
const TO_BE_SAID_MS = 20_000;

/** How long history whose answers are no use is asked at least. */
const PATIENCE_MS = 15_000;
/** The pause between two looks at history that cannot be reached, in milliseconds. */
const OUTAGE_PAUSE_MS = 30_000;

/**
 * Finds out what became of an ambiguous submit, and claims its request in the store. Never sends a submit. The minute that
 * it takes counts from the send, whichever process looks: one that begins later takes one look. Only answers of history
 * count: while it cannot be reached it is looked for as long as reads are repeated. A call whose process is gone is looked
 * for no longer once history has caught up and its sender has had time to say that it sent nothing.
 */
export async function lookUp(services: Services, suspect: Suspect, signal: AbortSignal): Promise<LookUp> {
  const claimed = await byClaimedId(services, suspect, signal);
  if (claimed) return claimed;

  let last: NotFound = NOT_READ;
  const { clock, history } = services;
  let unreachedMs = 0;
  // It was sent before it is looked for, whatever the clock said then.
  const began = moment(clock);
  const sentBefore = () => Math.min(latestSend(suspect), began());
  const until = (isCaughtUp?: boolean) =>
    sentBefore() + unreachedMs + (isCaughtUp ? TO_BE_SAID_MS : MINUTE_MS);
  const latest = clock.now() + history.patienceMs;
  for (let [pause, answers] = [0, 0]; ; ) {
    const before = clock.now();
    await clock.sleep(pause, signal);
    const noted = await services.store.calls.get(suspect.id);
    if (noted?.ticket)
      return { verdict: "found", ticket: noted.ticket, evidence: "a webhook named the request" };
    if (noted?.givenUp === "run") return { verdict: "unsent" };
    const answeredBy = Math.max(until(), clock.now() + PATIENCE_MS);
    const seen = await byHistory(services, suspect, { signal, answeredBy, deadline: latest });
    if (seen.verdict === "found" || isFinal(seen)) return seen;
    last = seen;
    const now = clock.now();
    if (last.isUnreached) {
      unreachedMs += now - before;
      pause = OUTAGE_PAUSE_MS;
      if (now + pause > latest) break;
    } else {
      // The last one is at the minute's end, however long the answers took; a clock that stands still ends it too.
      pause = Math.min(PAUSES_MS[++answers] ?? Number.POSITIVE_INFINITY, until(last.isCaughtUp) - now);
      if (pause <= 0 || answers > PAUSES_MS.length) break;
    }
  }
  return services.queue.isElsewhere(suspect) ? unreadable(services, suspect, last) : last;
}

/** Of a clock that was set meanwhile nobody knows whether it was right before or is now: both are allowed for. */
const earliestSend = ({ sentAt, sent }: Suspect): number => Math.min(sentAt, sent?.() ?? sentAt);
const latestSend = ({ sentAt, sent }: Suspect): number => Math.max(sentAt, sent?.() ?? sentAt);

const NOT_READ = { verdict: "unknown", evidence: "history was not read", candidates: [] } as const;

/** That a deployment does not have what was sent to another proves nothing. */
function unreadable({ queue }: Services, suspect: Suspect, last: NotFound): NotFound {
  if (last.verdict !== "unseen") return last;
  const evidence =
    `it was sent to ${suspect.queue}, and the history that can be read is that of ${queue.base}: ` +
    `${hostSetting(suspect.queue)} to look there`;
  return { ...last, verdict: "unknown", evidence };
}

const NO_PERMISSION = "this key may not read the account's request history";
const isFinal = ({ verdict, evidence }: Seen): boolean => verdict === "unknown" && evidence === NO_PERMISSION;

/** A gateway's error page may carry the id of the request that it made all the same. The queue knows. */
async function byClaimedId(
  services: Services,
  suspect: Suspect,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const { claimedRequestId: requestId, endpoint } = suspect;
  if (!requestId) return undefined;
  try {
    const ticket = services.queue.ticket(parseEndpointId(endpoint), requestId);
    await services.queue.status(ticket, { logs: false, signal });
    await services.store.calls.submitted(suspect.id, ticket, services.clock.now());
    return {
      verdict: "found",
      ticket,
      evidence: `the answer named request ${requestId}, and the queue knows it`,
    };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FalError) return undefined;
    throw error;
  }
}

async function byHistory(
  services: Services,
  suspect: Suspect,
  limits: { signal: AbortSignal; answeredBy: number; deadline: number },
): Promise<Seen> {
  const { store, history, clock } = services;
  const askedAt = clock.now();
  let listed: Past;
  try {
    const { endpoint, also } = suspect;
    listed = await history.since(endpoint, () => earliestSend(suspect) - BEFORE_SEND_MS, { ...limits, also });
  } catch (error) {
    limits.signal.throwIfAborted();
    if (!(error instanceof FalError)) throw error;
    const status = error instanceof ApiError ? error.status : undefined;
    const evidence = status === 401 || status === 403 ? NO_PERMISSION : error.message;
    const isUnreached = error instanceof NetworkError || (status !== undefined && isTransient(status));
    return { verdict: "unknown", evidence, candidates: [], isUnreached };
  }

  const { requests: past } = listed;
  const sent = sentBy(suspect);
  if (sent === undefined) return { verdict: "unknown", evidence: UNREADABLE_INPUT, candidates: [] };
  const isAlike = ({ input }: PastRequest) => input !== undefined && matches(sent, input);
  const candidates = await unclaimedOf(store, past.filter(isAlike));
  const ids = candidates.map(({ requestId }) => requestId);
  const equals = await equalCalls(store, suspect);

  // An equal call that is under way may own any of them, and will soon say so.
  const underWay = equals.filter((call) => mayBeUnderWay(call, suspect)).length;
  const ambiguous = 1 + equals.filter(({ state }) => state === "ambiguous").length;

  if (candidates.length === 0) {
    const withoutInput = past.filter(({ input }) => input === undefined);
    const { length: hidden } = await unclaimedOf(store, withoutInput);
    if (hidden > 0) {
      const evidence = `history holds ${hidden} requests without their input`;
      return { verdict: "unknown", evidence, candidates: [] };
    }
    const doubt = clockDoubt(
      suspect,
      listed,
      askedAt,
      await unclaimedOf(store, listed.earlier.filter(isAlike)),
    );
    if (doubt) return { verdict: "unknown", ...doubt };
    const evidence = `none of ${past.length} requests in history matches`;
    const isCaughtUp = suspect.isOver && (await hasCaughtUp(store, suspect, past, askedAt));
    return { verdict: "unseen", evidence, candidates: [], isCaughtUp };
  }
  if (underWay > 0 || candidates.length > ambiguous) {
    const evidence = `${candidates.length} requests match, ${ambiguous + underWay} calls may have made them`;
    return { verdict: "several", evidence, candidates: ids };
  }
  // Equal calls are interchangeable: each claims one, and no two can claim the same.
  for (const requestId of ids) {
    const ticket = services.queue.ticket(parseEndpointId(suspect.endpoint), requestId);
    try {
      await store.calls.submitted(suspect.id, ticket, services.clock.now());
      return { verdict: "found", ticket, evidence: `history has request ${requestId} with the same input` };
    } catch (error) {
      if (!(error instanceof RequestClaimedError)) throw error;
    }
  }
  return {
    verdict: "unseen",
    evidence: "every request that matches belongs to another call",
    candidates: [],
  };
}

/** Why nobody knows whether what was sent at that time can be told from what was not. */
function clockDoubt(
  { sentAt, sent }: Suspect,
  { isDated }: Past,
  now: number,
  earlier: readonly PastRequest[],
): { readonly evidence: string; readonly candidates: readonly string[] } | undefined {
  // This process knows by how much its own clock was set, and by how much fal's differs.
  if (sent && isDated) return undefined;
  const candidates = earlier.map(({ requestId }) => requestId);
  const [first] = candidates;
  if (first !== undefined) {
    const evidence = `request ${first} has the same input, and seems to have been sent before: a clock may have been set`;
    return { evidence, candidates };
  }
  if (!isDated) return { evidence: "history does not tell what its clock says (no Date)", candidates };
  if (sentAt <= now + BEFORE_SEND_MS) return undefined;
  return { evidence: "by the clock as it is, it is still to be sent: somebody has set it", candidates };
}

/** What says nothing of history itself, and may be otherwise the next time. */
const isTransient = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/**
 * Whether history shows a request that was sent well after the call and has not ended, and every one that this store has
 * noted since: then it neither lags nor lists ended ones only.
 */
async function hasCaughtUp(
  store: Services["store"],
  suspect: Suspect,
  past: readonly PastRequest[],
  askedAt: number,
): Promise<boolean> {
  const { endpoint } = suspect;
  const since = earliestSend(suspect);
  const isLater = ({ sentAt, endedAt }: PastRequest) =>
    endedAt === undefined && sentAt >= latestSend(suspect) + ON_ITS_WAY_MS;
  if (!past.some(isLater)) return false;
  const listed = new Set(past.map(({ requestId }) => requestId));
  const calls = await store.calls.list({ endpoint, since, limit: Number.MAX_SAFE_INTEGER });
  return calls.every(
    ({ ticket, submittedAt = 0 }) => !ticket || submittedAt >= askedAt || listed.has(ticket.requestId),
  );
}

const UNREADABLE_INPUT = "what the store has of its input is not JSON";

function sentBy({ body }: Suspect): unknown {
  try {
    return parseOwn(body);
  } catch {
    return undefined;
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Those that belong to no call yet. */
async function unclaimedOf(store: Services["store"], past: readonly PastRequest[]): Promise<PastRequest[]> {
  const found: PastRequest[] = [];
  for (const request of past) {
    const { requestId } = request;
    if ((await store.calls.list({ requestId, limit: 1 })).length === 0) found.push(request);
  }
  return found;
}

/** The other calls that sent the same and may have made a request that none of them has yet. */
async function equalCalls(
  store: Services["store"],
  { id, endpoint, body, sentAt }: Suspect,
): Promise<CallRecord[]> {
  const query = { endpoint, since: sentAt - DAY_MS, limit: Number.MAX_SAFE_INTEGER };
  const states = ["intended", "ambiguous", "given-up"] as const;
  const open = await Promise.all(states.map((state) => store.calls.list({ ...query, state })));
  return open.flat().filter((call) => call.body === body && call.id !== id);
}

/** How long the POST of a call that was given up may still be under way, in milliseconds. */
const LAST_WORD_MS = 5 * 60 * 1000;

/** A POST under way is seen through, though its caller has gone. */
const mayBeUnderWay = ({ state, ticket, endedAt = 0 }: CallRecord, { sentAt }: Suspect): boolean =>
  state === "intended" || (state === "given-up" && !ticket && endedAt > sentAt - LAST_WORD_MS);
