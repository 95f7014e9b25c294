import type { SavedError } from "../errors/saved-error.ts";
import type { Budget } from "../money/budget.ts";

/** A process, as others of its host can recognise it. The same host, boot and pid with another start is another one. */
export interface ProcessIdentity {
  readonly host: string;
  /** Which boot of the host: pids begin anew with each. */
  readonly boot: string;
  readonly pid: number;
  /** When the process started, in whatever unit the host counts. */
  readonly started: string;
  /** Which of the process's claims it is: one whose answer was lost is told from another client's. */
  readonly claim?: string | undefined;
}

/**
 * Where a run is. `running`: somebody executes it, or did until it died. `blocked`: it waits for a person to say what
 * became of an ambiguous submit. The others are ends.
 */
export type RunState = (typeof RUN_STATES)[number];
export const RUN_STATES = ["running", "blocked", "completed", "failed", "cancelled"] as const;

/** Which run of which chain. */
export interface RunName {
  readonly chain: string;
  readonly id: string;
}

/**
 * On whose behalf a run was started, besides its tags. It is noted with the run, so that whoever goes on with it makes its
 * calls for the same, and not for whom it works itself. Plain JSON.
 */
export interface StartedFor {
  /** The incoming request that it was started for. */
  readonly request?: string | undefined;
  /** Who sent that. */
  readonly caller?: string | undefined;
  /** What it is a part of; undefined where it is a part of nothing. `run` is `chain/id`. */
  readonly root?:
    | {
        readonly run: string | undefined;
        readonly job: string | undefined;
        readonly trace: { readonly traceId: string; readonly flags: string } | undefined;
      }
    | undefined;
  /** The runner that it was started on. */
  readonly job?: string | undefined;
  /** What a caller that is not one of ours said that it is a part of. */
  readonly claimedRoot?: string | undefined;
  /** Whether it has no id of its own: it lives and ends with the run that it was started within. */
  readonly inner?: boolean | undefined;
  /** The runs that it was started within, from the outside in. */
  readonly within?: readonly RunName[] | undefined;
}

export interface RunRecord extends RunName {
  /** JSON; undefined for a chain that was started without input. */
  readonly input: string | undefined;
  /** The user's own tags. */
  readonly tags: Readonly<Record<string, string>>;
  readonly budget: Budget | undefined;
  /** Undefined where nobody said. */
  readonly startedFor: StartedFor | undefined;
  readonly state: RunState;
  /** JSON; undefined until completed, and for a chain that gives nothing. */
  readonly output: string | undefined;
  /** Why it failed, or what it is blocked on. */
  readonly error: SavedError | undefined;
  /**
   * The keys of the steps that its failure came through, or of the one that it is blocked on, the innermost first; a
   * failed run keeps them when it is taken up again.
   */
  readonly failedKeys: readonly string[];
  /** Counts the owners that it had: 0 for a run that was only noted. */
  readonly epoch: number;
  /** Undefined once it has ended or was released. */
  readonly owner: ProcessIdentity | undefined;
  /** Why somebody wants it cancelled, if somebody does. */
  readonly cancelReason: string | undefined;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  /** What of it the store holds that cannot be, by its names there. Absent where all is well. */
  readonly unreadable?: readonly string[];
}

/** That a run is ours: what is written under it is written only while epoch and lease hold. */
export interface Fence {
  readonly chain: string;
  readonly run: string;
  readonly epoch: number;
}

export interface RunClaim extends RunName {
  readonly input: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** Takes the place of the one that the run had. */
  readonly budget?: Budget | undefined;
  /** Of a new run only. */
  readonly startedFor?: StartedFor | undefined;
  /** Undefined: a new run is only noted, and whoever claims it next has it; one that exists is left as it is. */
  readonly owner: ProcessIdentity | undefined;
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
  /** @default none */
  readonly failedKeys?: readonly string[] | undefined;
  /** Paid calls of the run that it completed without. */
  readonly leftOver?: readonly string[] | undefined;
  /** What is told of it: its last events, which are there when the end is. */
  readonly events?: readonly string[] | undefined;
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
  /** Newest first. @default all of them; 100 where a store itself is asked */
  readonly limit?: number;
}

/** What became of a lease that was to be renewed. */
export interface Renewed {
  readonly held: boolean;
  /** Why somebody wants the run cancelled, if somebody does. */
  readonly cancelReason: string | undefined;
}

/** Where runs are kept, with their steps and events. Leases count on the store's own clock. */
export interface RunJournal {
  /**
   * Makes the run if there is none, or takes it over if nobody has it: its lease is over, it was released, or `evict`
   * and `reopen` allow it. Input, tags and `startedFor` of a run that exists are left alone.
   */
  claim(claim: RunClaim): Promise<{ readonly run: RunRecord; readonly owned: boolean }>;
  /** Keeps the run ours for longer, also where the lease is over and nobody took it. `held: false`: it is not ours any more, or has ended. */
  renew(fence: Fence, leaseMs: number): Promise<Renewed>;
  /** The same for many at once, in their order. Undefined where somebody writes to a run at this moment: ask again later. */
  renewAll(fences: readonly Fence[], leaseMs: number): Promise<readonly (Renewed | undefined)[]>;
  /** Lets it go without ending it, if it is still ours: the next claim has it at once. */
  release(fence: Fence): Promise<void>;
  /** @throws {LeaseLostError} */
  end(fence: Fence, end: RunEnd, at: number): Promise<void>;
  /**
   * Asks its owner to cancel it. A run that nobody has, or that is blocked, is cancelled at once.
   *
   * @returns the state it is in now; undefined where there is no such run.
   */
  cancel(chain: string, id: string, reason: string, at: number): Promise<RunState | undefined>;
  get(chain: string, id: string): Promise<RunRecord | undefined>;
  /** Newest first. */
  list(query?: RunQuery): Promise<RunRecord[]>;
  /**
   * Deletes an ended run with its steps and events. Its calls stay in the ledger, without keys and payloads.
   *
   * @returns false where there is no such run. @throws {StoreError} while it is running or blocked.
   */
  forget(chain: string, id: string): Promise<boolean>;

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
}
