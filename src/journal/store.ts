import type { SavedError } from "../errors/saved-error.ts";
import type { Cost, Reservation } from "../money/cost.ts";
import type { CallState, Unused } from "./call-state.ts";
import type { Fence, RunJournal } from "./runs.ts";
import type { Spend, SpendQuery } from "./spend.ts";

/** A request in fal's queue, and where to ask for it. Plain JSON. */
export interface Ticket {
  readonly endpoint: string;
  readonly requestId: string;
  readonly statusUrl: string;
  readonly responseUrl: string;
  readonly cancelUrl: string;
}

/** A call that is about to be paid for. Times are in milliseconds since the epoch. */
export interface Intent {
  readonly id: string;
  readonly endpoint: string;
  /** The exact JSON that will be sent. */
  readonly body: string;
  /** As they go over the wire. */
  readonly tags: Readonly<Record<string, string>>;
  readonly chain: string | undefined;
  readonly run: string | undefined;
  /** What the step is called, for people. */
  readonly step: string | undefined;
  /** What the step is: no two calls of a run have the same key at the same time. Undefined outside a run. */
  readonly key: string | undefined;
  readonly jobId: string | undefined;
  readonly app: string | undefined;
  /** The incoming request that it was made for. */
  readonly request: string | undefined;
  /** The outermost run that it is a part of, `chain/id`, in whichever app of ours that is. */
  readonly rootRun: string | undefined;
  /** The runner that the outermost run, or the call, began on. */
  readonly rootJob: string | undefined;
  /** What a caller that is not one of ours said that it is a part of. Nobody has checked it. */
  readonly claimedRoot: string | undefined;
  /** The user's own tags, as they were given. */
  readonly userTags: Readonly<Record<string, string>>;
  readonly at: number;
}

/** What is done together with an intent, or not at all. */
export interface IntentTerms {
  /** Only if the run is still ours. */
  readonly fence?: Fence | undefined;
  /** The call whose place in the run this one takes; it stays in the ledger, without its key. */
  readonly replaces?: string | undefined;
  /** Only if each of these budgets has room. */
  readonly reserve?: readonly Reservation[] | undefined;
}

/** What a completed call gave. `data` is plain JSON. */
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

/** Where a call's progress is written down, each step before the next one happens. */
export interface Journal {
  /**
   * Before the POST. If it rejects, nothing is sent.
   *
   * @throws {LeaseLostError} when the fence no longer stands. @throws {BudgetExceededError} naming the budget.
   * @throws {StoreError} when the run has a current call with this key already.
   */
  intend(intent: Intent, terms?: IntentTerms): Promise<void>;
  /**
   * The request id, before anything else happens. A request belongs to one call for ever, and a call to one request.
   *
   * @throws {RequestClaimedError} when it belongs to another call, or the call is another request already.
   */
  submitted(id: string, ticket: Ticket, at: number): Promise<void>;
  /** The POST may or may not have been accepted. Ignored where its request is known already. */
  ambiguous(id: string, why: string, at: number): Promise<void>;
  /** The result, before the caller's code sees it. It is final: of what is noted later only request and cost count. */
  completed(id: string, outcome: Completion, at: number): Promise<void>;
  failed(id: string, error: SavedError, at: number): Promise<void>;
  /**
   * Nobody waits for it any more; ignored once it has failed. A later `submitted`, `completed` or `failed` is still
   * noted: it is evidence.
   *
   * @param error What the caller was told, if it was told anything.
   */
  givenUp(id: string, why: string, at: number, error?: SavedError): Promise<void>;
  /**
   * What it cost, as far as is known; may be said again when more is known, and a less certain one is ignored. A known
   * cost takes the place of what its budgets had reserved; an unknown one leaves it reserved. A failure with
   * `billed: false` frees it without this.
   */
  charged(id: string, cost: Cost, at: number): Promise<void>;
  /** Its result was given once more instead of being paid for again. Counted for the reports. */
  reused(id: string): Promise<void>;
}

/** Everything that is known of one call. */
export interface CallRecord {
  readonly id: string;
  readonly endpoint: string;
  /** Undefined where the store keeps ids only. */
  readonly body: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly chain: string | undefined;
  readonly run: string | undefined;
  readonly step: string | undefined;
  /** Undefined outside a run, and once another call has taken its place. */
  readonly key: string | undefined;
  readonly jobId: string | undefined;
  readonly app: string | undefined;
  readonly request: string | undefined;
  readonly rootRun: string | undefined;
  readonly rootJob: string | undefined;
  readonly claimedRoot: string | undefined;
  readonly userTags: Readonly<Record<string, string>>;
  readonly state: CallState;
  readonly ticket: Ticket | undefined;
  /** Undefined until completed, and where the store keeps ids only. */
  readonly outcome: Outcome | undefined;
  /** Undefined until completed. */
  readonly usage: Usage | undefined;
  readonly error: SavedError | undefined;
  /** Why it is ambiguous, or was given up. */
  readonly note: string | undefined;
  /** Undefined until something is known of it. */
  readonly cost: Cost | undefined;
  /** Why nobody has its result, if that is so. */
  readonly unused: Unused | undefined;
  /** How often its result was given again instead of being paid for. */
  readonly reuses: number;
  readonly intendedAt: number;
  readonly submittedAt: number | undefined;
  /** When the ambiguous, completed, failed or given-up state began. */
  readonly endedAt: number | undefined;
}

export interface CallQuery {
  readonly state?: CallState;
  readonly endpoint?: string;
  readonly chain?: string;
  readonly run?: string;
  /** The outermost run, `chain/id`: whatever was called for it, in each app of ours that has this store. */
  readonly rootRun?: string;
  readonly rootJob?: string;
  /** The call that a request belongs to. */
  readonly requestId?: string;
  /** Milliseconds since the epoch: intended then or later. */
  readonly since?: number;
  /** Milliseconds since the epoch: intended before then. */
  readonly until?: number;
  /** Newest first. @default 100 */
  readonly limit?: number;
}

/** Journal and ledger in one. */
export interface Store extends Journal, RunJournal {
  /** `memory`, or where it is kept: for messages. Holds no password. */
  readonly name: string;
  /** Whether it outlives the process. */
  readonly durable: boolean;
  /** `ids`: no payload is kept, so neither a call's body and outcome nor a run's input, output, steps and events. */
  readonly keep: "all" | "ids";
  call(id: string): Promise<CallRecord | undefined>;
  /** Newest first. */
  calls(query?: CallQuery): Promise<CallRecord[]>;
  /** What the calls that match took and cost, grouped, in no order. */
  spend(query: SpendQuery): Promise<Spend[]>;
  close(): Promise<void>;
}

/** Whether what one of them keeps is what the other one keeps: a store in memory is itself only. */
export const isSameStore = (a: Store, b: Store): boolean =>
  a === b || (a.durable && b.durable && a.name === b.name);
