import { systemClock } from "../base/clock.ts";
import { anything, checkOptions, type OptionsOf, record, text } from "../base/options.ts";
import type { Chain, ResumeOptions } from "../chain/chain.ts";
import { RETRY_FAILED } from "../chain/mode.ts";
import type { RunInfo } from "../chain/run-handle.ts";
import type { AddOptions, Runs } from "../chain/runs.ts";
import { checkedBudget } from "../chain/start-with.ts";
import { type JobData, type JobOptions, type JobsDatabase, openJobs } from "./jobs.ts";

export interface DispatchOptions {
  /** Runs of a group share what `groupConcurrency` allows, for instance those of one customer. */
  readonly group?: string;
  /** The highest comes first. @default 0 */
  readonly priority?: number;
  /** No worker takes it earlier. */
  readonly startAfter?: Date;
}

/** An id makes it one run, however often it is enqueued. */
export interface EnqueueOptions extends DispatchOptions, AddOptions, Pick<ResumeOptions, "retryFailed"> {}

export interface ResumeJobOptions extends DispatchOptions, Pick<ResumeOptions, "retryFailed" | "budget"> {}

/** Runs for workers on any machine. */
export interface RunQueue {
  /**
   * Notes a run in the client's store, as `waiting`, and has a worker start it. One that has ended is left as it is, unless
   * it has failed and `retryFailed` says otherwise; one that is blocked is tried again.
   *
   * @param chain The chain, or its name where its code is not at hand.
   * @returns what the store has of the run, at this moment.
   * @throws {InvalidArgumentError} for a bad id, tag or input. @throws {RunInputMismatchError} when the id belongs to a
   * run with another input. @throws {StoreError} where the database cannot be reached.
   */
  enqueue<I, O>(chain: Chain<I, O>, input: NoInfer<I>, options?: EnqueueOptions): Promise<RunInfo>;
  enqueue(chain: string, input: unknown, options?: EnqueueOptions): Promise<RunInfo>;
  /**
   * Has a worker go on with a run that exists: one that was blocked and is settled, was interrupted, or has failed, from
   * the step that it failed with, whatever it cost: see `retryFailed`.
   *
   * @returns what the store has of the run; undefined where there is no such run.
   */
  resume(chain: string, id: string, options?: ResumeJobOptions): Promise<RunInfo | undefined>;
  /** Closes the connections. Nothing that was enqueued is lost. */
  close(): Promise<void>;
}

export interface QueueOptions extends JobsDatabase {
  /** A client whose store the workers share, such as `createFal({ store: postgresStore(url) })`. It needs no key. */
  readonly fal: { readonly runs: Pick<Runs, "add" | "get"> };
}

/**
 * A queue of runs in PostgreSQL. It needs the package `pg-boss`, and connects when it is first used.
 *
 * @throws {InvalidArgumentError} where `url` or `schema` cannot be one.
 */
export function createQueue({ fal, ...place }: QueueOptions): RunQueue {
  // Whoever enqueues hears of what goes wrong by the call that it made.
  const jobs = openJobs(place, { supervise: false, onTrouble: () => {}, clock: systemClock });

  return {
    async enqueue(chain: string | { readonly name: string }, input: unknown, options: EnqueueOptions = {}) {
      const name = typeof chain === "string" ? chain : chain.name;
      checkOptions(options, ENQUEUE, { of: "enqueue", so: NOT_ENQUEUED });
      const how = howOf(options);
      const { id, tags, budget } = options;
      const run = await fal.runs.add(name, input, onlyGiven({ id, tags, budget }));
      const isOver = isEnded(run) && !(run.state === "failed" && options.retryFailed);
      if (!isOver) await jobs.send({ chain: name, id: run.id, resume: false, how }, jobOptions(options));
      return run;
    },
    async resume(chain, id, options = {}) {
      checkOptions(options, RESUME, { of: "resume", so: NOT_ENQUEUED });
      const how = howOf(options);
      const run = await fal.runs.get(chain, id);
      if (run) await jobs.send({ chain, id, resume: true, how }, jobOptions(options));
      return run;
    },
    close: () => jobs.close(),
  };
}

const isEnded = ({ state }: RunInfo): boolean => ["completed", "failed", "cancelled"].includes(state);

const RESUME: OptionsOf<ResumeJobOptions> = {
  group: text,
  priority: { what: "a whole number", is: Number.isSafeInteger },
  startAfter: { what: "a Date", is: (value) => value instanceof Date && !Number.isNaN(value.getTime()) },
  retryFailed: RETRY_FAILED,
  budget: record,
};
/** The id and the tags are checked more closely where the run is added. */
const ENQUEUE: OptionsOf<EnqueueOptions> = { ...RESUME, id: anything, tags: record };
const NOT_ENQUEUED = "Nothing was enqueued.";

type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };

const onlyGiven = <T extends object>(options: T): Partial<Given<T>> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<Given<T>>;

/** @throws {InvalidArgumentError} here, rather than where it is executed. */
function howOf({ retryFailed, budget }: ResumeJobOptions): JobData["how"] {
  return onlyGiven({ retryFailed, budget: checkedBudget(budget) });
}

const jobOptions = ({ group, priority = 0, startAfter }: DispatchOptions): JobOptions => ({
  group,
  priority,
  startAfter,
});
