import { type Clock, systemClock } from "../base/clock.ts";
import type { Chain } from "../chain/chain.ts";
import type { Run } from "../chain/run.ts";
import type { Runs } from "../chain/runs.ts";
import type { SavedError } from "../errors/saved-error.ts";
import { type Job, openJobs, type Place } from "./jobs.ts";

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

export interface WorkerOptions extends Place {
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
   * Takes no more runs, lets go of those that it has, and hands them back, so that another worker has them at once.
   * Nothing is cancelled upstream. Call it before the client is closed.
   */
  stop(): Promise<void>;
}

/** A job gives a sign of life every so often, in milliseconds: three in the time after which it is given away. */
const BEAT_MS = 3_000;
/** How long a run that could not be executed here is left to others, in seconds. */
const LEAVE_SECONDS = 5;

/**
 * Executes the runs that were enqueued, in this process. A run whose worker died goes to another one about ten seconds
 * later, and on when the run's lease allows it: the store says who may pay.
 *
 * @throws {StoreError} where the database cannot be reached, or `pg-boss` is not installed.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { fal, concurrency = 10, groupConcurrency, pollInterval = 1_000, clock = systemClock } = options;
  const chains = new Map(options.chains.map((chain) => [chain.name, chain]));
  const jobs = openJobs(options, { supervise: true, onTrouble: trouble });
  const stopping = new AbortController();
  const over = new AbortController();
  const underWay = new Map<Job, Promise<void>>();
  const runs = new Set<Run<unknown>>();
  let wake = () => {};

  for (const job of await jobs.take(concurrency, groupConcurrency)) begin(job);
  const looking = look();
  const beating = beat();
  let stopped: Promise<void> | undefined;
  return {
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };

  async function look(): Promise<void> {
    while (!stopping.signal.aborted) {
      const room = concurrency - underWay.size;
      const taken = room > 0 ? await jobs.take(room, groupConcurrency).catch(noneBecauseOf) : [];
      for (const job of taken) begin(job);
      // While there is more than there is room for, the end of a run is the time to look again.
      if (taken.length === 0) await pause();
    }
  }

  async function pause(): Promise<void> {
    const woken = new AbortController();
    wake = () => woken.abort();
    if (!stopping.signal.aborted) await clock.sleep(pollInterval, woken.signal).catch(() => {});
  }

  function begin(job: Job): void {
    const execution = execute(job)
      .catch(trouble)
      .finally(() => {
        underWay.delete(job);
        wake();
      });
    underWay.set(job, execution);
  }

  async function execute(job: Job): Promise<void> {
    const { chain: name, id, resume } = job.data;
    if (stopping.signal.aborted) return handBack(job, 0, STOPS);
    const chain = chains.get(name);
    if (!chain) return handBack(job, LEAVE_SECONDS, `This worker does not have the chain ${name}.`);
    const record = await fal.runs.get(name, id);
    if (!record) {
      const why =
        "The store of this worker's client does not have it: give it the store of whoever enqueued.";
      return handBack(job, LEAVE_SECONDS, why);
    }
    if (stopping.signal.aborted) return handBack(job, 0, STOPS);

    tell({ type: "taken", chain: name, id });
    const run = resume ? chain.resume(id) : chain.start(record.input as never, { id, tags: record.tags });
    runs.add(run);
    try {
      await conclude(job, await run.then(nothing, (error: unknown) => error));
    } finally {
      // Calls that a failed run left running end here, and count as long as they do.
      await run.total;
      runs.delete(run);
    }
  }

  /** The store says how the run stands: whatever could not be written there is not over. */
  async function conclude(job: Job, thrown: unknown): Promise<void> {
    const { chain, id } = job.data;
    const record = await fal.runs.get(chain, id);
    switch (record?.state) {
      case "completed":
      case "failed":
      case "cancelled":
      case "blocked":
        await jobs.done(job, { state: record.state });
        return tell({ type: record.state, chain, id, error: record.error });
      default:
        if (stopping.signal.aborted) return handBack(job, 0, STOPS);
        return handBack(job, LEAVE_SECONDS, thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  async function handBack(job: Job, seconds: number, why: string): Promise<void> {
    const { chain, id } = job.data;
    await jobs.handBack(job, seconds, why);
    tell({ type: "handed-back", chain, id, why });
  }

  /** Goes on while runs are let go, so that nobody else is given them in the meantime. */
  async function beat(): Promise<void> {
    while (!over.signal.aborted) {
      await clock.sleep(BEAT_MS, over.signal).catch(() => {});
      if (underWay.size > 0) await jobs.touch([...underWay.keys()]).catch(trouble);
    }
  }

  async function stop(): Promise<void> {
    stopping.abort();
    wake();
    await Promise.all([...runs].map((run) => run.detach()));
    await looking;
    await Promise.all(underWay.values());
    over.abort();
    await beating;
    await jobs.close();
  }

  function noneBecauseOf(error: unknown): Job[] {
    trouble(error);
    return [];
  }

  function trouble(error: unknown): void {
    tell({ type: "trouble", error });
  }

  function tell(event: WorkerEvent): void {
    try {
      if (options.onEvent) options.onEvent(event);
      else if (event.type === "trouble") warn(event.error);
    } catch (error) {
      warn(error);
    }
  }
}

const STOPS = "The worker stops.";
const nothing = () => undefined;

function warn(error: unknown): void {
  process.emitWarning(`A worker: ${error instanceof Error ? error.message : error}`, "FalWarning");
}
