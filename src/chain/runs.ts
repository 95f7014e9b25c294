import type { UserTags } from "../attribution/tags.ts";
import {
  anyText,
  anything,
  checkName,
  checkOptions,
  count,
  limit,
  type OptionsOf,
  oneOf,
  record,
  time,
} from "../base/options.ts";
import { inMilliseconds, type Timed } from "../base/time.ts";
import { type Turn, turns } from "../base/turns.ts";
import { RunInputMismatchError } from "../errors/runs.ts";
import { StoreError } from "../errors/store.ts";
import { RUN_STATES, type RunName, type RunQuery, type RunRecord, type RunState } from "../journal/run.ts";
import type { Store } from "../journal/store.ts";
import type { Budget } from "../money/budget.ts";
import type { Chains } from "./chain.ts";
import { partsOf, type RunPart } from "./parts.ts";
import { isDead, isThisProcess } from "./process-identity.ts";
import type { Run } from "./run.ts";
import { findRun, handleOf, infoOf, type RunHandle, type RunInfo, runNamed } from "./run-handle.ts";
import { toJson } from "./saved.ts";
import type { ChainServices } from "./services.ts";
import { checkedBudget, checkId, idForNow, startWithNow } from "./start-with.ts";
import { type RunStep, stepsOf } from "./steps.ts";

export interface AddOptions {
  /** With the chain's name it is the run's identity. @default random */
  readonly id?: string;
  /** Up to five tags of your own, on every call of the run. */
  readonly tags?: UserTags;
  /** What the run may cost. @default no limit */
  readonly budget?: Budget;
}

export interface CancelOptions {
  /** For those who look at the run. @default "cancelled" */
  readonly reason?: string;
}

export interface ResumeAllOptions {
  /** How many are executed at once; the others wait for their turn. @default all of them: fal keeps a result for an hour */
  readonly concurrency?: number;
}

export interface Runs {
  /**
   * Notes a run without executing it: it is `waiting` until a process that has the chain starts its id. One that exists
   * is left as it is.
   *
   * @throws {InvalidArgumentError} for a bad id, tag, budget or input. @throws {RunInputMismatchError} when the id belongs to a
   * run with another input. @throws {StoreError} where the store keeps no inputs.
   */
  add(chain: string, input: unknown, options?: AddOptions): Promise<RunHandle>;
  /** Newest first. @throws {InvalidArgumentError} for what cannot be asked. */
  list(query?: Timed<RunQuery>): Promise<RunInfo[]>;
  /**
   * A run as the store has it, to be read only: nothing is executed, claimed or paid for it, whoever executes it.
   *
   * @param name `chain/id`, or the two apart. @returns undefined where there is no such run.
   * @throws {InvalidArgumentError} for a name without a slash, or one that is that of several runs.
   * @example
   * const run = await fal.runs.get("poster/order-1042");
   * if (run) console.log(run.state, run.output, run.total.nanoUsd / 1e9);
   */
  get(name: string): Promise<RunHandle | undefined>;
  get(chain: string, id: string): Promise<RunHandle | undefined>;
  /**
   * What it has done so far: its calls, memoized functions and uploads, in the order in which they came to be. Empty where
   * there is no such run.
   *
   * @param name As `get` takes it, as everything below does. @throws {InvalidArgumentError} as `get`.
   */
  steps(name: string): Promise<RunStep[]>;
  steps(chain: string, id: string): Promise<RunStep[]>;
  /**
   * The same of the run and, after it, of whatever else was called for it: by runs that were started within it, and by
   * apps of ours that it called and that share the store.
   */
  parts(name: string): Promise<RunPart[]>;
  parts(chain: string, id: string): Promise<RunPart[]>;
  /**
   * Asks whoever executes it to cancel it, wherever that is. One that nobody executes is cancelled at once.
   *
   * @returns the state it is in now; undefined where there is no such run.
   * @example
   * await fal.runs.cancel("poster/order-1042", { reason: "no longer wanted" });
   */
  cancel(name: string, options?: CancelOptions): Promise<RunState | undefined>;
  cancel(chain: string, id: string, reason?: string): Promise<RunState | undefined>;
  /**
   * Deletes an ended run. What its calls cost stays in the ledger.
   *
   * @returns false where there is no such run. @throws {StoreError} while it is running.
   */
  forget(name: string): Promise<boolean>;
  forget(chain: string, id: string): Promise<boolean>;
  /** Goes on with every interrupted run of the chains that this client has. @throws {InvalidArgumentError} */
  resumeAll(options?: ResumeAllOptions): Promise<Run<unknown>[]>;
}

const QUERY: OptionsOf<RunQuery> = {
  chain: anyText,
  state: oneOf(RUN_STATES),
  since: time,
  limit: count(1),
};
/** Id, tags and budget are checked more closely where they are used. */
const RESUME_ALL: OptionsOf<ResumeAllOptions> = { concurrency: limit(1) };
const CANCEL: OptionsOf<CancelOptions> = { reason: anyText };
const ADD: OptionsOf<AddOptions> = { id: anything, tags: record, budget: record };

const ALL = Number.MAX_SAFE_INTEGER;

export function createRuns(services: () => ChainServices, chains: Chains): Runs {
  return {
    async add(chain, input, options = {}) {
      const { store, clock, jobId } = services();
      checkOptions(options, ADD, { of: "runs.add" });
      checkName("A chain's name", chain);
      const json = toJson(input, "input");
      const { id = idForNow(chain, json), tags = {}, budget } = options;
      checkId(id);
      const startWith = { ...startWithNow(json, tags, jobId(), false), budget: checkedBudget(budget) };
      if (store.keep !== "all") {
        throw new StoreError(
          `The store ${store.name} keeps ids only, so no input can wait in it. Open it with keep: "all".`,
        );
      }
      const claim = { chain, id, ...startWith, owner: undefined, leaseMs: 0, at: clock.now() };
      const { run } = await store.runs.claim(claim);
      if (run.input !== json) throw new RunInputMismatchError(chain, id);
      return handleOf(services(), run);
    },
    async list(query = {}) {
      checkOptions(query, QUERY, { of: "runs.list" });
      const { store, clock } = services();
      const { limit = ALL } = query;
      return (await store.runs.list({ ...inMilliseconds(query, clock.now()), limit })).map(infoOf);
    },
    get: (chain: string, id?: string) => findRun(services(), id === undefined ? chain : { chain, id }),
    async steps(chain: string, id?: string) {
      const { store } = services();
      const run = await named(store, chain, id);
      return run ? stepsOf(store, run.chain, run.id) : [];
    },
    async parts(chain: string, id?: string) {
      const { store } = services();
      const run = await named(store, chain, id);
      return run ? partsOf(store, run.chain, run.id) : [];
    },
    async cancel(chain: string, idOrOptions: string | CancelOptions = {}, why?: string) {
      const { store, clock } = services();
      const [id, { reason = why ?? "cancelled" }] =
        typeof idOrOptions === "string" ? [idOrOptions, {} as CancelOptions] : [undefined, idOrOptions];
      if (id === undefined) checkOptions(idOrOptions, CANCEL, { of: "runs.cancel" });
      const run = await named(store, chain, id);
      return run && store.runs.cancel(run.chain, run.id, reason, clock.now());
    },
    async forget(chain: string, id?: string) {
      const { store } = services();
      const run = await named(store, chain, id);
      return run ? store.runs.forget(run.chain, run.id) : false;
    },
    async resumeAll(options = {}) {
      checkOptions(options, RESUME_ALL, { of: "resumeAll" });
      const { concurrency = Number.POSITIVE_INFINITY } = options;
      const { store, clock } = services();
      const turn = turns(concurrency);
      const runs: Run<unknown>[] = [];
      for (const record of await store.runs.list({ state: "running", limit: ALL })) {
        if (!chains.byName.has(record.chain) || record.epoch === 0 || isOurs(record)) continue;
        const outer = await outerOf(store, record);
        // Its outer run asks for it when that is resumed itself.
        if (outer && outer.state !== "completed" && outer.state !== "cancelled") continue;
        if (outer?.state !== "cancelled") runs.push(resumed(chains, record, turn));
        else await store.runs.cancel(record.chain, record.id, outer.cancelReason ?? "cancelled", clock.now());
      }
      return runs;
    },
  };
}

/** Which run is meant: by chain and id, or by a name that is that of one. */
const named = async (store: Store, chain: string, id: string | undefined): Promise<RunName | undefined> =>
  id === undefined ? runNamed(store, chain) : { chain, id };

function resumed(chains: Chains, { chain, id }: RunRecord, turn: Turn): Run<unknown> {
  const { promise: after, resolve } = Promise.withResolvers<void>();
  const { run, outcome } = chains.resumeAfter(chain, id, after);
  void turn(async () => {
    resolve();
    await outcome.catch(() => {});
  });
  return run;
}

/** The run that one without an id of its own is a part of, if the store has it. */
async function outerOf(store: Store, record: RunRecord): Promise<RunRecord | undefined> {
  const { inner, within } = record.startedFor ?? {};
  const outer = inner ? within?.at(-1) : undefined;
  return outer && (await store.runs.get(outer.chain, outer.id));
}

const isOurs = ({ owner }: RunRecord): boolean =>
  owner !== undefined && isThisProcess(owner) && !isDead(owner);
