import type { Pool, PoolClient } from "pg";
import type { Clock } from "../../base/clock.ts";
import { OVER } from "../../base/signal.ts";
import { turns } from "../../base/turns.ts";
import type { Driver, Row, Statement, Work } from "../sql/work.ts";
import { isConnectionLost, SilentError } from "./errors.ts";
import { socketOf, type Types } from "./pool.ts";

export interface PostgresDriverOptions {
  readonly pool: Pool;
  /** Where its tables are. */
  readonly schema: string;
  /** Connections of the pool. */
  readonly max: number;
  /** How long a connection may stay silent while it owes an answer, in milliseconds. */
  readonly queryTimeout: number;
  /** How long a connection may take to be had. */
  readonly connectTimeout: number;
  readonly clock: Clock;
  readonly types: Types;
  readonly close: () => Promise<void>;
}

/**
 * Runs work with a transaction of a pooled connection. Nothing is set on the session, so a pooler may stand in between,
 * and each transaction says what it needs, so a server may have other defaults.
 */
export function postgresDriver(options: PostgresDriverOptions): Driver {
  const { schema, max, queryTimeout } = options;
  const turn = turns(max);
  const withClient = borrowing(options);
  // Whoever falls silent in the middle of a transaction holds no lock for longer than this.
  const begin =
    "begin isolation level read committed; " +
    `set local statement_timeout = ${queryTimeout}; set local idle_in_transaction_session_timeout = ${queryTimeout}`;

  const all = async (client: PoolClient, { sql, params }: Statement): Promise<readonly Row[]> => {
    const query = { text: sql.replaceAll("@", `${schema}.`), values: [...params], types: options.types };
    const { rows } = await heard(options, client, client.query<Row>(query as { text: string }));
    return rows;
  };
  const command = (client: PoolClient, text: string) => heard(options, client, client.query(text));

  async function inTransaction<T>(client: PoolClient, work: Work<T>): Promise<T> {
    await command(client, begin);
    try {
      let step = work.next();
      while (!step.done) step = work.next(await all(client, step.value));
      await command(client, "commit");
      return step.value;
    } catch (error) {
      // A connection that is lost rolls back by itself.
      if (!isConnectionLost(error)) await command(client, "rollback");
      throw error;
    }
  }

  return {
    write: (work) => turn(() => withClient((client) => inTransaction(client, work(false)))),
    read: (statement) => turn(() => withClient((client) => all(client, statement))),
    close: options.close,
  };
}

/** Lends connections of a pool. One that has fallen silent or broken is thrown away after its use. */
export function borrowing(
  options: Pick<PostgresDriverOptions, "pool" | "clock" | "connectTimeout">,
): <T>(use: (client: PoolClient) => Promise<T>) => Promise<T> {
  const eras = new WeakMap<PoolClient, number>();
  let era = 0;

  /** When one has fallen silent the others that were open at the time may have too: of those none is used again. */
  async function take(): Promise<PoolClient> {
    for (;;) {
      const client = await connected(options);
      const since = eras.get(client) ?? era;
      eras.set(client, since);
      // A connection that breaks says so here too, also once it is thrown away; who waits for its answer is told by that.
      client.on("error", ignore);
      if (since === era) return client;
      client.release(true);
    }
  }

  return async (use) => {
    const client = await take();
    let isBroken = false;
    try {
      return await use(client);
    } catch (error) {
      isBroken = isConnectionLost(error);
      if (error instanceof SilentError) era++;
      throw error;
    } finally {
      if (!isBroken) client.off("error", ignore);
      client.release(isBroken);
    }
  };
}

/** The pool's own timeout, where it has one, does not count whoever waits for a connection that hangs. */
async function connected({
  pool,
  clock,
  connectTimeout,
}: Pick<PostgresDriverOptions, "pool" | "clock" | "connectTimeout">): Promise<PoolClient> {
  const connecting = pool.connect();
  const over = new AbortController();
  const late = clock.sleep(connectTimeout, over.signal).then(() => {
    connecting.then((client) => client.release(), ignore);
    throw new SilentError(`no connection within ${connectTimeout} ms`);
  });
  late.catch(ignore);
  try {
    return await Promise.race([connecting, late]);
  } finally {
    over.abort(OVER);
  }
}

type Hearing = Pick<PostgresDriverOptions, "clock" | "queryTimeout">;

/** A connection whose every answer is waited for as long as something of it comes. */
export const heardClient = (options: Hearing, client: PoolClient) => ({
  query: (text: string, values: unknown[] = []) => heard(options, client, client.query(text, values)),
});

/** Waits for an answer as long as something of it comes. @throws {SilentError} */
async function heard<T>(
  { clock, queryTimeout }: Hearing,
  client: PoolClient,
  answer: Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const silence = async (): Promise<never> => {
    for (let heard = bytesFrom(client); ; ) {
      await clock.sleep(queryTimeout, over.signal);
      const now = bytesFrom(client);
      if (now === heard) throw new SilentError(`no answer within ${queryTimeout} ms`);
      heard = now;
    }
  };
  const silent = silence();
  silent.catch(ignore);
  answer.catch(ignore);
  try {
    return await Promise.race([answer, silent]);
  } finally {
    over.abort(OVER);
  }
}

/** Undefined where the driver of the pool does not say. */
const bytesFrom = (client: PoolClient): number | undefined => socketOf(client)?.bytesRead;

const ignore = (): void => {};
