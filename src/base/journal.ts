import { FalError } from "./errors.ts";

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
  readonly step: string | undefined;
  readonly at: number;
}

/** What a completed call gave. `data` is plain JSON. */
export interface Outcome {
  readonly data: unknown;
  readonly units: number | undefined;
  readonly waitSeconds: number | undefined;
  readonly runSeconds: number | undefined;
}

/** An error as it is kept: the facts, without payload or stack. */
export interface SavedError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly status?: number;
  readonly errorType?: string;
  readonly retryable: boolean;
  readonly billed: boolean | "unknown";
}

/**
 * Where a call is. `intended`: nothing is known to have been sent. `submitted`: fal has it. `ambiguous`: fal may have
 * it. The other three are ends; `given-up` means that nobody waits any more, and fal may still have charged.
 */
export type CallState = "intended" | "submitted" | "ambiguous" | "completed" | "failed" | "given-up";

/** Where a call's progress is written down, each step before the next one happens. */
export interface Journal {
  /** Before the POST. If it rejects, nothing is sent. */
  intend(intent: Intent): Promise<void>;
  /**
   * The request id, before anything else happens. A request belongs to one call for ever.
   *
   * @throws {RequestClaimedError} when it belongs to another call.
   */
  submitted(id: string, ticket: Ticket, at: number): Promise<void>;
  /** The POST may or may not have been accepted. */
  ambiguous(id: string, why: string, at: number): Promise<void>;
  /** The result, before the caller's code sees it. */
  completed(id: string, outcome: Outcome, at: number): Promise<void>;
  failed(id: string, error: SavedError, at: number): Promise<void>;
  /** Nobody waits for it any more. A later `submitted`, `completed` or `failed` is still noted: it is evidence. */
  givenUp(id: string, why: string, at: number): Promise<void>;
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
  readonly state: CallState;
  readonly ticket: Ticket | undefined;
  /** Undefined until completed, and where the store keeps ids only. */
  readonly outcome: Outcome | undefined;
  readonly error: SavedError | undefined;
  /** Why it is ambiguous, or was given up. */
  readonly note: string | undefined;
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
  /** The call that a request belongs to. */
  readonly requestId?: string;
  /** Milliseconds since the epoch: intended then or later. */
  readonly since?: number;
  /** Newest first. @default 100 */
  readonly limit?: number;
}

/** Journal and ledger in one. */
export interface Store extends Journal {
  /** `memory`, or where it is kept: for messages. Holds no password. */
  readonly name: string;
  /** Whether it outlives the process. */
  readonly durable: boolean;
  call(id: string): Promise<CallRecord | undefined>;
  /** Newest first. */
  calls(query?: CallQuery): Promise<CallRecord[]>;
  close(): Promise<void>;
}

/** A request belongs to one call, and it belongs to another one already. */
export class RequestClaimedError extends FalError {
  override readonly name = "RequestClaimedError";
  readonly code = "request_claimed";

  constructor(requestId: string) {
    super(`The request ${requestId} belongs to another call already.`, { requestId });
  }
}

/** The store could not be opened, read or written. The message names it, the cause and the cure. */
export class StoreError extends FalError {
  override readonly name = "StoreError";
  readonly code = "store";
}
