import type { SavedError } from "../errors/saved-error.ts";
import type { Cost, Reservation } from "../money/cost.ts";
import type { Kind, PastCost } from "./kind.ts";
import type { Fence } from "./run.ts";

/**
 * Where a call is. `intended`: it may have been sent, unless fal has refused it since. `submitted`: fal has it. `ambiguous`: fal may have
 * it. The other three are ends; `given-up` means that nobody waits any more, and fal may still have charged.
 */
export type CallState = (typeof CALL_STATES)[number];
export const CALL_STATES = ["intended", "submitted", "ambiguous", "completed", "failed", "given-up"] as const;

/**
 * Why nobody has a call's result. `superseded`: another call of the run took its place. `left-over`: its run completed
 * without asking for it.
 */
export type Unused = "superseded" | "left-over";

/**
 * Why a call was given up. `caller`: by its signal, its timeout or `cancel()`. `run`: its run had no use for it any more,
 * and may have again. `unread`: its end could not be read, so it may still be had. `cancelled`: fal cancelled it in time.
 * The other two are what a person said of an ambiguous one: `by-hand` that nobody wants it, `resubmit` that it is to be
 * submitted anew.
 */
export type GivenUp = "caller" | "run" | "unread" | "cancelled" | "by-hand" | "resubmit";

/** What the id of a request can be: it becomes a part of addresses, and databases look for it. fal's are UUIDs. */
export const REQUEST_ID: RegExp = /^(?!\.+$)[\w.~-]{1,8000}$/;

/** A request in fal's queue. Where to ask for it is made of this when it is asked, by whichever hosts are set then. Plain JSON. */
export interface Ticket {
  readonly endpoint: string;
  readonly requestId: string;
  /** The base address of the queue that took it. */
  readonly queue: string;
  /** The links that fal gave, where they are others than those made of the rest: paths below `queue`, or whole addresses. */
  readonly links?: { readonly [L in "status" | "response" | "cancel"]?: string };
}

/** Whom a call is for: what its costs can be grouped by, and what its request is tagged with. */
export interface CallFor {
  readonly chain: string | undefined;
  readonly run: string | undefined;
  /** What the step is called, for people. */
  readonly step: string | undefined;
  /** The runner that made it. */
  readonly jobId: string | undefined;
  readonly app: string | undefined;
  /** The incoming request that it was made for. */
  readonly request: string | undefined;
  /** Who sent that, as fal says it to an app: its id, or a hash of it. */
  readonly caller: string | undefined;
  /** The outermost run that it is a part of, `chain/id`, in whichever app of ours that is. */
  readonly rootRun: string | undefined;
  /** The runner that the outermost run, or the call, began on. */
  readonly rootJob: string | undefined;
  /** What a caller that is not one of ours said that it is a part of. Nobody has checked it. */
  readonly claimedRoot: string | undefined;
  /** The key that it was sent with, without its secret half; undefined where somebody else adds one, as a proxy does. */
  readonly keyId: string | undefined;
  /**
   * The account that pays, where that is known: a runner's is its owner's (`FAL_USER_NICKNAME`), and whose bill it is found
   * on has paid.
   */
  readonly account: string | undefined;
  /** What is added to its cost to make the price of it, as a share: 0.2 is 20 %. Undefined where nobody has said. */
  readonly markup: number | undefined;
  /** As they go over the wire. */
  readonly tags: Readonly<Record<string, string>>;
  /** The user's own tags, as they were given. */
  readonly userTags: Readonly<Record<string, string>>;
}

/** A call that is about to be paid for. Times are in milliseconds since the epoch. */
export interface Intent {
  readonly id: string;
  readonly endpoint: string;
  /** The exact JSON that will be sent. */
  readonly body: string;
  /** The base address of the queue that it will be sent to. */
  readonly queue: string;
  readonly for: CallFor;
  /** What the step is: no two calls of a run have the same key at the same time. Undefined outside a run. */
  readonly key: string | undefined;
  /** What is asked for, whoever asks: a hash of it. Undefined where it is not to be found by that. */
  readonly content?: string | undefined;
  /** It is not sent: it is given what another call was paid for. */
  readonly reuseOf?: ReuseOf | undefined;
  /** Which calls cost alike. Undefined where nothing is to be learnt from what it costs. */
  readonly kind?: Kind | undefined;
  readonly at: number;
}

/** Whose result a call was given instead of being paid for. */
export interface ReuseOf {
  /** The call that was paid for, */
  readonly call: string;
  /** and its request; undefined where that was not known. */
  readonly requestId?: string | undefined;
  /** Files of it that fal had let go: where each is now, and where it was. */
  readonly rehosted?: Readonly<Record<string, string>> | undefined;
}

/** What is done together with an intent, or not at all. */
export interface IntentTerms {
  /** Only if the run is still ours. */
  readonly fence?: Fence | undefined;
  /** The call whose place in the run this one takes; it stays in the ledger, without its key. */
  readonly replaces?: string | undefined;
  /** Only if each of these budgets has room. */
  readonly reserve?: readonly Reservation[] | undefined;
  /** What it is given instead of being sent. */
  readonly given?: Completion | undefined;
}

/** A call whose result can be given again, and whom it was for. */
export type PaidCall = Pick<CallRecord, "id" | "for">;

/** What a completed call gave. `data` is plain JSON: bytes are `{ "fal-chain": "bytes", "base64": "…" }`. */
export interface Outcome {
  readonly data: unknown;
  readonly units: number | undefined;
  readonly waitSeconds: number | undefined;
  readonly runSeconds: number | undefined;
}

/** The same, with what it cost where that is known at once. */
export type Completion = Outcome & { readonly cost?: Cost | undefined };

/** What a completed call took, without what it gave. */
export type Usage = Omit<Outcome, "data">;

/** Everything that is known of one call. */
export interface CallRecord {
  readonly id: string;
  readonly endpoint: string;
  /** Undefined where the store keeps ids only. */
  readonly body: string | undefined;
  /** The base address of the queue that it was sent to. */
  readonly queue: string;
  readonly for: CallFor;
  /** Undefined outside a run, and once another call has taken its place. */
  readonly key: string | undefined;
  readonly state: CallState;
  readonly ticket: Ticket | undefined;
  /** Undefined until completed, and where the store keeps ids only. */
  readonly outcome: Outcome | undefined;
  /** Undefined until completed. */
  readonly usage: Usage | undefined;
  readonly error: SavedError | undefined;
  /** How its submit ended when it was last ambiguous, for people. */
  readonly doubt: string | undefined;
  /** Undefined unless it is given up. */
  readonly givenUp: GivenUp | undefined;
  /** Undefined until something is known of it. */
  readonly cost: Cost | undefined;
  /** Why nobody has its result, if that is so. */
  readonly unused: Unused | undefined;
  /** Which calls cost alike, as its intent has it. */
  readonly kind?: Kind | undefined;
  /** How often its own run was given its result again instead of paying for it. */
  readonly reuses: number;
  /** What it asks for, as its intent has it. */
  readonly content: string | undefined;
  /** Whose result it was given, where it was not paid for itself. */
  readonly reuseOf: ReuseOf | undefined;
  readonly intendedAt: number;
  /** When fal last refused it, as long as it has not been sent again since: nothing of it is on its way. */
  readonly refusedAt: number | undefined;
  /** When it was last sent after that; undefined where it was sent once, when it was intended. */
  readonly sentAgainAt: number | undefined;
  readonly submittedAt: number | undefined;
  /** When the ambiguous, completed, failed or given-up state began. */
  readonly endedAt: number | undefined;
  /**
   * What of it the store holds that cannot be, by its names there, as after a change by hand: those fields read as if nothing
   * had been noted. Absent where all is well.
   */
  readonly unreadable?: readonly string[];
}

/** What calls are found by, and grouped by, of whom they are for. */
export const FOUND_BY = [
  "chain",
  "run",
  "step",
  "jobId",
  "app",
  "request",
  "caller",
  "rootRun",
  "rootJob",
  "keyId",
  "account",
] as const;
export type FoundBy = (typeof FOUND_BY)[number];

/** Which calls are meant, by whom they are for and by when they were intended. */
export interface CallFilter extends Partial<Pick<CallFor, FoundBy>> {
  readonly endpoint?: string | undefined;
  /** Milliseconds since the epoch: intended then or later. */
  readonly since?: number | undefined;
  /** Milliseconds since the epoch: intended before then. */
  readonly until?: number | undefined;
}

export interface CallQuery extends CallFilter {
  readonly state?: CallState | undefined;
  /** The call that a request belongs to. */
  readonly requestId?: string | undefined;
  /** Those that have ended, and whose price could not be had or has not been looked up. */
  readonly unpriced?: boolean | undefined;
  /** Newest first. @default all of them; 100 where a store itself is asked */
  readonly limit?: number | undefined;
}

/** Where calls are written down, each step of their progress before the next one happens. */
export interface CallJournal {
  /**
   * Right before the POST, with nothing in between. If it rejects, nothing is sent. One that is `given` something is completed
   * with it at once.
   *
   * @throws {LeaseLostError} when the fence no longer stands. @throws {BudgetExceededError} naming the budget.
   * @throws {StoreError} when the run has a current call with this key already.
   */
  intend(intent: Intent, terms?: IntentTerms): Promise<void>;
  /** It was provably not accepted, and is sent again later, if at all. Ignored once more is known of it. */
  refused(id: string, at: number): Promise<void>;
  /**
   * Right before it is sent again after that. If it rejects, nothing is sent.
   *
   * @param terms.inDoubt It is sent again though what became of it before is in doubt: whoever sends it has noted so.
   * @throws {LeaseLostError} when the fence no longer stands. @throws {StoreError} when somebody has given it up since, or its
   * request is known by now.
   */
  leaves(
    id: string,
    at: number,
    terms?: { readonly fence?: Fence | undefined; readonly inDoubt?: boolean },
  ): Promise<void>;
  /**
   * The request id, before anything else happens. A request belongs to one call for ever, and a call to one request.
   *
   * @throws {RequestClaimedError} when it belongs to another call, or the call is another request already.
   */
  submitted(id: string, ticket: Ticket, at: number): Promise<void>;
  /** The POST may or may not have been accepted. Ignored where its request is known already. */
  ambiguous(id: string, doubt: string, at: number): Promise<void>;
  /** The result, before the caller's code sees it. It is final: of what is noted later only request and cost count. */
  completed(id: string, outcome: Completion, at: number): Promise<void>;
  failed(id: string, error: SavedError, at: number): Promise<void>;
  /**
   * Nobody waits for it any more; ignored once it has failed. A later `submitted`, `completed` or `failed` is still
   * noted: it is evidence.
   *
   * @param error What the caller was told, if it was told anything.
   */
  givenUp(id: string, why: GivenUp, at: number, error?: SavedError): Promise<void>;
  /**
   * What it cost, as far as is known; may be said again when more is known, and a less certain one is ignored. A known
   * cost takes the place of what its budgets had reserved; an unknown one leaves it reserved. A failure with
   * `billed: false` frees it without this.
   */
  charged(id: string, cost: Cost, at: number): Promise<void>;
  /** Its result was given once more instead of being paid for again. Counted for the reports. */
  reused(id: string): Promise<void>;
  /** What the newest completed calls of a kind have cost, the newest first: those of known cost. */
  pastCosts(kind: string): Promise<PastCost[]>;
  get(id: string): Promise<CallRecord | undefined>;
  /**
   * The calls that were paid for this content and have their results here, the newest first; not those that were given
   * another one's.
   *
   * @param since Those that completed then or later, in milliseconds since the epoch.
   */
  paidFor(content: string, since: number): Promise<PaidCall[]>;
  /** Newest first. */
  list(query?: CallQuery): Promise<CallRecord[]>;
}
