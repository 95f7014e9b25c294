import type { PgBoss } from "pg-boss";
import { type Clock, inTime } from "../base/clock.ts";
import { OVER } from "../base/signal.ts";
import type { ResumeOptions } from "../chain/chain.ts";
import { StoreError } from "../errors/store.ts";
import { hasMet, postgresError } from "../store/postgres/errors.ts";
import { checkSchema, nameOf } from "../store/postgres/name.ts";
import { untilDone } from "../store/sql/patient.ts";

/** What is dispatched: which run. What it is called with is in the store. */
export interface JobData {
  readonly chain: string;
  readonly id: string;
  /** Whether it is to be resumed; else it is started. */
  readonly resume: boolean;
  /** With what; plain JSON. */
  readonly how: Pick<ResumeOptions, "retryFailed" | "budget">;
}

export interface Job {
  readonly id: string;
  /** Tells its attempts apart. */
  readonly retryCount: number;
  readonly data: JobData;
}

export interface JobOptions {
  readonly group: string | undefined;
  readonly priority: number;
  readonly startAfter: Date | undefined;
}

export interface JobsDatabase {
  /** `postgres://user:password@host:5432/database`. */
  readonly url: string;
  /** Where pg-boss keeps its tables; made if there is none. @default "fal_chain_jobs" */
  readonly schema?: string;
}

/** Jobs in PostgreSQL, kept by pg-boss. */
export interface Jobs {
  /** A job for the same run that nobody has taken yet is enough: then there is no second one. */
  send(data: JobData, options: JobOptions): Promise<void>;
  /** @param perGroup How many jobs of a group may be under way at once, over all processes. */
  take(max: number, perGroup: number | undefined): Promise<readonly Job[]>;
  /** A job without a sign of life for ten seconds is given to somebody else. */
  touch(jobs: readonly Job[]): Promise<void>;
  /** The job is over. Does nothing where somebody else was given it meanwhile. */
  done(job: Job, output: object): Promise<void>;
  /** Somebody else may have it, after so many seconds. */
  handBack(job: Job, seconds: number, why: string): Promise<void>;
  close(): Promise<void>;
}

const QUEUE = "runs";
/** The least that pg-boss takes. One that is given away too soon costs nothing: the run's lease says who may pay. */
const HEARTBEAT_SECONDS = 10;
const DAY_SECONDS = 86_400;

export interface OpenOptions {
  /** Whether to look for jobs of dead processes, which costs a query every two seconds. */
  readonly supervise: boolean;
  readonly onTrouble: (error: unknown) => void;
  readonly clock: Clock;
}

/** How long the database may stay silent: a beat must not wait for as long as a job stays without one. */
const QUERY_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** How long what passes by itself is tried again. */
const PATIENCE = { patienceMs: 5_000, pauses: [10, 500] } as const;

/** Opens them at the first use, and again at the next one if that failed. */
export function openJobs({ url, schema = "fal_chain_jobs" }: JobsDatabase, options: OpenOptions): Jobs {
  checkSchema(schema);
  const name = nameOf(url);
  const { clock } = options;
  const closing = new AbortController();
  const done = untilDone({ clock, ...PATIENCE }, closing.signal);
  let opening: Promise<PgBoss> | undefined;

  /** What is done twice because an answer was lost does nothing the second time, or is given away after a while. */
  const using = <T>(use: (boss: PgBoss) => Promise<T>): Promise<T> =>
    done(async () => {
      opening ??= open({ url, schema }, options);
      try {
        const boss = await opening.catch((error: unknown) => {
          opening = undefined;
          throw error;
        });
        return await use(boss);
      } catch (error) {
        throw postgresError(name, error);
      }
    });

  return {
    send: (data, { group, priority, startAfter }) =>
      using(async (boss) => {
        await boss.send(QUEUE, data, {
          singletonKey: JSON.stringify([data.chain, data.id]),
          priority,
          ...(group !== undefined && { group: { id: group } }),
          ...(startAfter && { startAfter }),
        });
      }),
    take: (max, perGroup) => using((boss) => take(boss, schema, max, perGroup)),
    touch: (jobs) => using(async (boss) => void (await boss.touch(QUEUE, jobs.map(attemptOf)))),
    done: (job, output) => using(async (boss) => void (await boss.complete(QUEUE, attemptOf(job), output))),
    handBack: (job, seconds, why) =>
      using(async (boss) => {
        // One that fails is to be tried again, at once.
        await boss.fail(QUEUE, attemptOf(job), { why });
        if (seconds > 0) await boss.update(QUEUE, undefined, { id: job.id, startAfter: seconds });
      }),
    async close() {
      closing.abort(new StoreError("The jobs are being closed."));
      const boss = await opening?.catch(() => undefined);
      if (boss) await stop(boss, clock);
    },
  };
}

async function open(
  { url, schema }: Required<JobsDatabase>,
  { supervise, onTrouble, clock }: OpenOptions,
): Promise<PgBoss> {
  const { PgBoss } = await loadPgBoss();
  const boss = new PgBoss({
    connectionString: url,
    schema,
    max: 5,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // Goes to the pool of pg as it is: a connection that falls silent is thrown away.
    ...{ query_timeout: QUERY_TIMEOUT_MS, keepAlive: true },
    supervise,
    superviseIntervalSeconds: 2,
    monitorIntervalSeconds: 2,
    schedule: false,
    registerInstance: false,
  });
  boss.on("error", (error) => {
    // Two who looked after the jobs at the same time: it is done again in two seconds.
    if (!hasMet(error)) onTrouble(postgresError(nameOf(url), error));
  });
  try {
    await boss.start();
    await boss.createQueue(QUEUE, {
      // Of one run there is at most one job that waits and one that is under way.
      policy: "stately",
      heartbeatSeconds: HEARTBEAT_SECONDS,
      // The longest that pg-boss takes. A run that takes longer is observed by whoever is given it next.
      expireInSeconds: DAY_SECONDS,
      // Nothing is given up: how a run ended is the run's own state.
      retryLimit: 1_000_000,
      retentionSeconds: 90 * DAY_SECONDS,
      deleteAfterSeconds: DAY_SECONDS,
    });
    return boss;
  } catch (error) {
    await stop(boss, clock);
    throw error;
  }
}

/** Connections that have fallen silent never say that they are closed. What does not end well is ended by the database. */
const stop = (boss: PgBoss, clock: Clock): Promise<void> =>
  inTime(clock, QUERY_TIMEOUT_MS, OVER, () => boss.stop({ graceful: false })).catch(() => {});

/** Two who count a group's jobs at the same time would both find room: where it matters, they come one by one. */
async function take(
  boss: PgBoss,
  schema: string,
  max: number,
  perGroup: number | undefined,
): Promise<readonly Job[]> {
  const fetch = { includeMetadata: true, batchSize: max } as const;
  if (perGroup === undefined) return boss.fetch<JobData>(QUEUE, fetch);
  const transaction = await boss.getDb().beginTransaction?.();
  if (!transaction) throw new StoreError("This version of pg-boss has no transactions. Use version 12.");
  const { db } = transaction;
  try {
    await db.executeSql("select pg_advisory_xact_lock(hashtext($1))", [`fal-chain ${schema}`]);
    const jobs = await boss.fetch<JobData>(QUEUE, { ...fetch, groupConcurrency: perGroup, db });
    await transaction.commit();
    return jobs;
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}

/** Names the attempt too, so that nothing is done to the job once somebody else has it. */
const attemptOf = ({ id, retryCount }: Job) => ({ id, retryCount });

async function loadPgBoss() {
  try {
    // No part of a bundle, as pg is none.
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ "pg-boss");
  } catch (error) {
    throw new StoreError(
      "Workers need the package pg-boss, which is not installed: run `npm install pg-boss pg`.",
      { cause: error },
    );
  }
}
