import type { Accounts } from "../attribution/accounts.ts";
import type { Attribution, OfRun } from "../attribution/context.ts";
import type { Background } from "../base/background.ts";
import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import type { KeptFiles } from "../files/kept-files.ts";
import type { Ticket } from "../journal/call.ts";
import type { Store } from "../journal/store.ts";
import type { Reserve } from "../ledger/budget.ts";
import type { UnitsOf } from "../ledger/estimate.ts";
import type { MarkedCall } from "../ledger/markup.ts";
import type { Price } from "../platform/prices.ts";
import type { History } from "../platform/requests.ts";
import type { Direct } from "../queue/direct.ts";
import type { Queue } from "../queue/queue.ts";
import type { IssueToken } from "../queue/tokens.ts";
import type { StorageClient } from "../storage/storage.ts";
import type { ObserveCall } from "./observer.ts";
import type { AmbiguousSubmitPolicy, Reuse } from "./options.ts";
import type { Unpriced } from "./unpriced.ts";

/** What calls are made with: put together once for each client. */
export interface Services {
  readonly clock: Clock;
  /** What goes on after its call has ended. */
  readonly background: Background;
  /** For what went wrong beside a call and must not fail it, such as a callback that threw. */
  readonly report: Report;
  /** A text without keys and secrets, as failures are kept. */
  readonly hide: (text: string) => string;
  readonly observe: ObserveCall;
  /** What is noted here once a call is paid never rejects: a store that fails then is not the caller's concern. */
  readonly store: Store;
  /** The same store, its failures told: for what is asked of it, and for what a person decides. */
  readonly directStore: Store;
  readonly queue: Queue;
  /** Calls that do without the queue. */
  readonly direct: Direct;
  /** Gives tokens for connections that must not have the key. */
  readonly issueToken: IssueToken;
  readonly history: History;
  readonly price: {
    /** What one unit of an endpoint costs; undefined where the platform does not say. Nobody waits longer than `until`. */
    (endpoint: string, until?: AbortSignal): Promise<Price | undefined>;
    /** The same, where it was asked for before and is still fresh. */
    known(endpoint: string): Price | undefined;
  };
  /** How long to wait before a call is made again, in milliseconds. @param attempt How often it was made. */
  readonly retryPause: (attempt: number) => number;
  /** How many units calls of an endpoint take, as far as the client is told. */
  readonly units: Readonly<Record<string, UnitsOf>> | undefined;
  /** Calls that the next price of their endpoint is for, too. */
  readonly unpriced: Unpriced;
  /** What a call sets aside of its budgets. */
  readonly reserve: Reserve;
  /** How many calls may be under way at once, where the client has a limit. */
  readonly slots: Slots | undefined;
  /** Webhooks instead of waiting, where the client has them. */
  readonly hooks: Hooks | undefined;
  readonly storage: StorageClient;
  readonly files: KeptFiles;
  readonly reuse: ReuseHere;
  /** What is added to a call's cost to make its price. @throws {InvalidArgumentError} for what a function gave that is no share. */
  readonly markup: (call: MarkedCall) => number | undefined;
  readonly ambiguousSubmit: AmbiguousSubmitPolicy | undefined;
  readonly requireRun: boolean;
  readonly accounts: () => Accounts;
  /** Asked once for each call, at the moment of the call. @throws {EnvironmentError} */
  readonly context: () => CallContext;
}

/** Who calls and from where, taken at the moment of the call and not later. */
export interface CallContext {
  readonly attribution: Attribution;
  /** Undefined outside of any run. */
  readonly of: OfRun | undefined;
  readonly jobId: string | undefined;
  readonly app: string | undefined;
  /** What it is paid with, as far as that is known here. */
  readonly payer: { readonly keyId: string | undefined; readonly account: string | undefined };
  readonly accounts: Accounts;
}

/** What the calls of a client know of each other, so that one need not be paid for twice. */
export interface ReuseHere {
  /** What the client says of all its calls. */
  readonly settings: Reuse | false | undefined;
  /**
   * Calls under way that equal ones wait for, by what they are found by: each gives the call that was paid for, or nothing
   * where it came to nothing. Never rejects.
   */
  readonly underWay: Map<string, Promise<string | undefined>>;
  /** Where a file is that fal had let go of, by where it was; */
  readonly rehosted: Map<string, string>;
  /** and where it was, by where it is. */
  readonly originals: Map<string, string>;
}

/** The slots that an account has for calls under way, shared by every process that has the same store. */
export interface Slots {
  /** Waits for a slot, first come first served within this client. Gives what gives it back. */
  take(call: string, signal: AbortSignal): Promise<SlotHolder>;
  /** For a call that is under way whatever the limit says. */
  claim(call: string): SlotHolder;
  /** The request of a call has ended, so its slot is free, whoever took it here. */
  free(call: string): void;
}

export interface SlotHolder {
  release(): void;
  /** Nobody here waits for its request: whoever waits for a slot asks fal whether it has ended. */
  handOver(ticket: Ticket): void;
}

/** Calls that are told of their end instead of watching for it: no connection is held while they wait. */
export interface Hooks {
  /** Where fal is to report the end of this call. */
  addressOf(callId: string): Promise<string>;
  /** Resolves when the call's request has ended, whichever process heard of it, or nobody did. */
  ended(callId: string, ticket: Ticket, signal: AbortSignal): Promise<void>;
  /**
   * Answers a webhook. What it says is in the store before the answer is a yes; the same hook again changes nothing, and
   * one that comes before the submit's own answer tells the request id.
   */
  handle(request: Request): Promise<Response>;
}
