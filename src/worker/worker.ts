import { type Clock, systemClock } from "../base/clock.ts";
import {
  aClock,
  anything,
  callback,
  checkOptions,
  count,
  having,
  limit,
  list,
  milliseconds,
  type OptionsOf,
} from "../base/options.ts";
import type { Chain } from "../chain/chain.ts";
import type { Run } from "../chain/run.ts";
import type { RunInfo } from "../chain/run-handle.ts";
import type { Runs } from "../chain/runs.ts";
import type { SavedError } from "../errors/saved-error.ts";
import { storeErrorIn } from "../errors/store.ts";
import { type Job, type Jobs, type JobsDatabase, openJobs } from "./jobs.ts";

/** What a worker does. */
export type WorkerEvent =
  | { readonly type: "taken"; readonly chain: string; readonly id: string }
  /** How the run stands; its output and more is in the store. A blocked one waits for a person. */
  | {
      readonly type: "completed" | "failed" | "cancelled" | "blocked";
      readonly chain: string;
      readonly id: string;
      readonly error: SavedError | undefined;
    }
  /** Another worker, or this one later, goes on with it. */
  | { readonly type: "handed-back"; readonly chain: string; readonly id: string; readonly why: string }
  /** The database did not do what it was asked to; it is asked again. */
  | { readonly type: "trouble"; readonly error: unknown };

export interface WorkerOptions extends JobsDatabase {
  /** The client that the chains belong to. Its store is shared with whoever enqueues. */
  readonly fal: { readonly runs: Pick<Runs, "get"> };
  /** What it can execute. Runs of other chains are left to other workers. */
  readonly chains: readonly Chain<never, unknown>[];
  /** Runs at once in this process. @default 10 */
  readonly concurrency?: number;
  /** Runs of one group at once, over all workers: give each of them the same. @default as many as there is room for */
  readonly groupConcurrency?: number;
  /** How often to look for new runs while there is room, in milliseconds. @default 1000 */
  readonly pollInterval?: number;
  /** Told of what it does. @default trouble goes to process.emitWarning */
  readonly onEvent?: (event: WorkerEvent) => void;
  /** Time as a parameter, for what it waits for. */
  readonly clock?: Clock;
}

export interface Worker {
  /**
   * Takes no more runs, detaches from those that it has, and hands them back, so that another worker has them at once.
   * Nothing is cancelled upstream. Call it before the client is closed.
   */
  stop(): Promise<void>;
}

/** A job gives a sign of life every so often, in milliseconds: three in the time after which it is given away. */
const BEAT_MS = 3_000;
/** How long a run that could not be executed here is left to others, in seconds. */
const LEAVE_SECONDS = 5;

/** A worker at work. */
interface State {
  readonly options: WorkerOptions;
  readonly chains: ReadonlyMap<string, Chain<never, unknown>>;
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly concurrency: number;
  /** Aborts when no more runs are to be taken. */
  readonly stopping: AbortController;
  /** Aborts when its last run has ended here. */
  readonly over: AbortController;
  readonly underWay: Map<Job, Promise<void>>;
  readonly runs: Set<Run<unknown>>;
  /** Ends the pause between two looks. */
  wake: () => void;
}

/** The database is checked where it is opened. */
const WORKER: OptionsOf<WorkerOptions> = {
  url: anything,
  schema: anything,
  fal: having("a client", "subscribe"),
  chains: list,
  concurrency: limit(1),
  groupConcurrency: count(1),
  pollInterval: milliseconds(10),
  onEvent: callback,
  clock: aClock,
};

/**
 * Executes the runs that were enqueued, in this process. A run whose worker died goes to another one about ten seconds
 * later, and on when the run's lease allows it: the store says who may pay.
 *
 * @throws {StoreError} where the database cannot be reached, or `pg-boss` is not installed.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  checkOptions(options, WORKER, { of: "startWorker" });
  const { concurrency = 10, clock = systemClock } = options;
  const onTrouble = (error: unknown) => tell(options, { type: "trouble", error });
  const worker: State = {
    options,
    chains: new Map(options.chains.map((chain) => [chain.name, chain])),
    jobs: openJobs(options, { supervise: true, onTrouble, clock }),
    clock,
    concurrency,
    stopping: new AbortController(),
    over: new AbortController(),
    underWay: new Map(),
    runs: new Set(),
    wake: () => {},
  };
  for (const job of await worker.jobs.take(concurrency, options.groupConcurrency)) begin(worker, job);
  const looking = look(worker);
  const beating = beat(worker);
  let stopped: Promise<void> | undefined;
  return {
    stop() {
      stopped ??= stop(worker, looking, beating);
      return stopped;
    },
  };
}

async function look(worker: State): Promise<void> {
  const { options, jobs, concurrency, stopping, underWay } = worker;
  const noneBecauseOf = (error: unknown): Job[] => {
    tell(options, { type: "trouble", error });
    return [];
  };
  while (!stopping.signal.aborted) {
    const room = concurrency - underWay.size;
    const taken = room > 0 ? await jobs.take(room, options.groupConcurrency).catch(noneBecauseOf) : [];
    for (const job of taken) begin(worker, job);
    // While there is more than there is room for, the end of a run is the time to look again.
    if (taken.length === 0) await pause(worker);
  }
}

async function pause(worker: State): Promise<void> {
  const { clock, options, stopping } = worker;
  const woken = new AbortController();
  worker.wake = () => woken.abort();
  if (stopping.signal.aborted) return;
  await clock.sleep(options.pollInterval ?? 1_000, woken.signal).catch(() => {});
}

function begin(worker: State, job: Job): void {
  const execution = execute(worker, job)
    .catch((error: unknown) => tell(worker.options, { type: "trouble", error }))
    .finally(() => {
      worker.underWay.delete(job);
      worker.wake();
    });
  worker.underWay.set(job, execution);
}

async function execute(worker: State, job: Job): Promise<void> {
  const { options, chains, stopping, runs } = worker;
  const { chain: name, id, resume, how } = job.data;
  if (stopping.signal.aborted) return handBack(worker, job, 0, STOPS);
  const chain = chains.get(name);
  if (!chain) return handBack(worker, job, LEAVE_SECONDS, `This worker does not have the chain ${name}.`);
  const record = await options.fal.runs.get(name, id).catch((error: unknown) => troubled(worker, error));
  if (record instanceof Error) return handBack(worker, job, LEAVE_SECONDS, record.message);
  if (!record) {
    const why = "The store of this worker's client does not have it: give it the store of whoever enqueued.";
    return handBack(worker, job, LEAVE_SECONDS, why);
  }
  if (stopping.signal.aborted) return handBack(worker, job, 0, STOPS);

  tell(options, { type: "taken", chain: name, id });
  const run = resume
    ? chain.resume(id, how)
    : chain.start(record.input as never, { id, tags: record.tags, ...how });
  runs.add(run);
  try {
    await conclude(worker, job, await run.then(nothing, (error: unknown) => error));
  } finally {
    // Calls that a failed run left running end here, and count as long as they do.
    await run.total;
    runs.delete(run);
  }
}

/** The store says how the run stands: whatever could not be written there is not over. */
async function conclude(worker: State, job: Job, thrown: unknown): Promise<void> {
  const { options, jobs, stopping } = worker;
  const { chain, id } = job.data;
  const trouble = storeErrorIn(thrown);
  if (trouble) troubled(worker, trouble);
  const record = await options.fal.runs.get(chain, id).catch((error: unknown) => troubled(worker, error));
  const state = record instanceof Error ? undefined : record?.state;
  switch (state) {
    case "completed":
    case "failed":
    case "cancelled":
    case "blocked":
      await jobs.done(job, { state });
      return tell(options, { type: state, chain, id, error: (record as RunInfo).error });
    default:
      if (stopping.signal.aborted) return handBack(worker, job, 0, STOPS);
      return handBack(worker, job, LEAVE_SECONDS, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** Told of what went wrong in the store, and gives it back. */
function troubled({ options }: State, error: unknown): Error {
  tell(options, { type: "trouble", error });
  return error instanceof Error ? error : new Error(String(error));
}

async function handBack({ jobs, options }: State, job: Job, seconds: number, why: string): Promise<void> {
  const { chain, id } = job.data;
  await jobs.handBack(job, seconds, why);
  tell(options, { type: "handed-back", chain, id, why });
}

/** Goes on while its runs detach, so that nobody else is given them in the meantime. */
async function beat({ over, clock, underWay, jobs, options }: State): Promise<void> {
  while (!over.signal.aborted) {
    await clock.sleep(BEAT_MS, over.signal).catch(() => {});
    if (underWay.size === 0) continue;
    await jobs
      .touch([...underWay.keys()])
      .catch((error: unknown) => tell(options, { type: "trouble", error }));
  }
}

async function stop(worker: State, looking: Promise<void>, beating: Promise<void>): Promise<void> {
  const { stopping, over, runs, underWay, jobs } = worker;
  stopping.abort();
  worker.wake();
  await Promise.all([...runs].map((run) => run.detach()));
  await looking;
  await Promise.all(underWay.values());
  over.abort();
  await beating;
  await jobs.close();
}

function tell({ onEvent }: WorkerOptions, event: WorkerEvent): void {
  try {
    if (onEvent) onEvent(event);
    else if (event.type === "trouble") warn(event.error);
  } catch (error) {
    warn(error);
  }
}

const STOPS = "The worker stops.";
const nothing = () => undefined;

function warn(error: unknown): void {
  process.emitWarning(`A worker: ${error instanceof Error ? error.message : error}`, "FalWarning");
}
