import type { SavedError } from "../errors/saved-error.ts";

/** The process that executes a run. The same host, boot and pid with another start is another process. */
export interface Owner {
  readonly host: string;
  /** Which boot of the host: pids begin anew with each. */
  readonly boot: string;
  readonly pid: number;
  /** When the process started, in whatever unit the host counts. */
  readonly started: string;
}

/**
 * Where a run is. `running`: somebody executes it, or did until it died. `blocked`: it waits for a person to say what
 * became of an ambiguous submit. The others are ends.
 */
export type RunState = "running" | "blocked" | "completed" | "failed" | "cancelled";

export interface RunRecord {
  readonly chain: string;
  readonly id: string;
  /** JSON; undefined for a chain that was started without input. */
  readonly input: string | undefined;
  /** The user's own tags. */
  readonly tags: Readonly<Record<string, string>>;
  /** JSON; undefined for a run that has none. */
  readonly budget: string | undefined;
  /** JSON: on whose behalf it was started. Undefined where nobody said. */
  readonly origin: string | undefined;
  readonly state: RunState;
  /** JSON; undefined until completed, and for a chain that gives nothing. */
  readonly output: string | undefined;
  /** Why it failed, or what it is blocked on. */
  readonly error: SavedError | undefined;
  /** The key of the step that it failed with or is blocked on, if it was a step; a failed run keeps it when it is taken up again. */
  readonly failedKey: string | undefined;
  /** Counts the owners that it had: 0 for a run that was only noted. */
  readonly epoch: number;
  /** Undefined once it has ended or was let go. */
  readonly owner: Owner | undefined;
  /** Why somebody wants it cancelled, if somebody does. */
  readonly cancelReason: string | undefined;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
}

/** That a run is ours: what is written under it is written only while epoch and lease hold. */
export interface Fence {
  readonly chain: string;
  readonly run: string;
  readonly epoch: number;
}

export interface RunClaim {
  readonly chain: string;
  readonly id: string;
  readonly input: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** JSON. Takes the place of the one that the run had. */
  readonly budget?: string | undefined;
  /** JSON. Of a new run only. */
  readonly origin?: string | undefined;
  /** Undefined: a new run is only noted, and whoever claims it next has it; one that exists is left as it is. */
  readonly owner: Owner | undefined;
  /** Milliseconds that it stays ours without being renewed. */
  readonly leaseMs: number;
  /** Take it although its lease stands, if this is still its epoch: its owner is known to be dead. */
  readonly evict?: number | undefined;
  /** Ended states, or `blocked`, that it may be taken out of. @default none */
  readonly reopen?: readonly RunState[] | undefined;
  readonly at: number;
}

/** How a run ended, or why it waits. */
export interface RunEnd {
  readonly state: Exclude<RunState, "running">;
  readonly output?: string | undefined;
  readonly error?: SavedError | undefined;
  readonly failedKey?: string | undefined;
  /** Paid calls of the run that it completed without. */
  readonly leftOver?: readonly string[] | undefined;
}

/** A memoized function's outcome. */
export interface StepRecord {
  readonly key: string;
  readonly name: string;
  /** JSON; undefined for a step that gave nothing, or failed. */
  readonly value: string | undefined;
  readonly error: SavedError | undefined;
  readonly at: number;
}

export interface RunQuery {
  readonly chain?: string;
  readonly state?: RunState;
  /** Milliseconds since the epoch: started then or later. */
  readonly since?: number;
  /** Newest first. @default 100 */
  readonly limit?: number;
}

/** Where runs are kept. Leases count on the store's own clock. */
export interface RunJournal {
  /**
   * Makes the run if there is none, or takes it over if nobody has it: its lease is over, it was let go, or `evict`
   * and `reopen` allow it. Input, tags and origin of a run that exists are left alone.
   */
  claimRun(claim: RunClaim): Promise<{ readonly run: RunRecord; readonly owned: boolean }>;
  /** Keeps the run ours for longer, also where the lease is over and nobody took it. `held: false`: it is not ours any more, or has ended. */
  renewRun(
    fence: Fence,
    leaseMs: number,
  ): Promise<{ readonly held: boolean; readonly cancelReason: string | undefined }>;
  /** Lets it go without ending it, if it is still ours: the next claim has it at once. */
  releaseRun(fence: Fence): Promise<void>;
  /** @throws {LeaseLostError} */
  endRun(fence: Fence, end: RunEnd, at: number): Promise<void>;
  /**
   * Asks its owner to cancel it. A run that nobody has, or that is blocked, is cancelled at once.
   *
   * @returns the state it is in now; undefined where there is no such run.
   */
  cancelRun(chain: string, id: string, reason: string, at: number): Promise<RunState | undefined>;
  run(chain: string, id: string): Promise<RunRecord | undefined>;
  /** Newest first. */
  runs(query?: RunQuery): Promise<RunRecord[]>;
  /**
   * Deletes an ended run with its steps and events. Its calls stay in the ledger, without keys and payloads.
   *
   * @returns false where there is no such run. @throws {StoreError} while it is running or blocked.
   */
  forgetRun(chain: string, id: string): Promise<boolean>;

  /** A second outcome for the same key is ignored. @throws {LeaseLostError} */
  saveStep(fence: Fence, step: StepRecord): Promise<void>;
  /** Takes back what steps gave, by key, so that they run anew. @throws {LeaseLostError} */
  dropSteps(fence: Fence, keys: readonly string[]): Promise<void>;
  /** Oldest first. */
  steps(chain: string, run: string): Promise<StepRecord[]>;

  /** JSON texts, numbered on from the last one. @throws {LeaseLostError} */
  appendEvents(fence: Fence, events: readonly string[]): Promise<void>;
  /** From this number on, the first being 0. @default limit 1000 */
  events(
    chain: string,
    run: string,
    from: number,
    limit?: number,
  ): Promise<{ readonly seq: number; readonly event: string }[]>;

  /** One of `max` places that an account has for calls under way. False while all are taken. Taking it twice is one. */
  takeSlot(slot: {
    readonly account: string;
    readonly call: string;
    /** Who keeps it alive with `renewSlots`. */
    readonly holder: string;
    readonly max: number;
    readonly leaseMs: number;
  }): Promise<boolean>;
  renewSlots(holder: string, leaseMs: number): Promise<void>;
  freeSlot(call: string): Promise<void>;
}
