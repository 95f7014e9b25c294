import type { Pool, PoolClient } from "pg";
import type { Driver, Row, Statement, Work } from "../sql/work.ts";
import { hasMet, isConnectionLost } from "./errors.ts";

/** A transaction that met another one is done again so often; the second time it nearly always goes through. */
const ATTEMPTS = 10;

/**
 * Runs work with a transaction of a pooled connection. Nothing is set on the session, so a pooler may stand in between.
 *
 * @param schema Where its tables are. @param max Connections of the pool.
 */
export function postgresDriver(pool: Pool, schema: string, max: number): Driver {
  const turn = turns(max);

  const all = async (client: PoolClient, { sql, params }: Statement): Promise<readonly Row[]> => {
    const { rows } = await client.query<Row>(sql.replaceAll("@", `${schema}.`), [...params]);
    return rows;
  };

  async function toItsEnd<T>(client: PoolClient, work: Work<T>): Promise<T> {
    let step = work.next();
    while (!step.done) step = work.next(await all(client, step.value));
    return step.value;
  }

  async function inTransaction<T>(client: PoolClient, work: Work<T>): Promise<T> {
    await client.query("begin");
    const result = await toItsEnd(client, work).catch(async (error: unknown) => {
      // A connection that is lost has rolled back already.
      await client.query("rollback").catch(ignore);
      throw error;
    });
    await client.query("commit").catch((error: unknown) => {
      throw new CommitError("The commit failed", { cause: error });
    });
    return result;
  }

  /** @param use Done again where it is certain that it has changed nothing. */
  async function withClient<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const client = await pool.connect();
      // A connection that breaks says so here too; who waits for its answer is told by that.
      client.on("error", ignore);
      try {
        return await use(client);
      } catch (error) {
        if (error instanceof CommitError) throw error.cause;
        if (attempt === ATTEMPTS || !(hasMet(error) || isConnectionLost(error))) throw error;
      } finally {
        client.off("error", ignore);
        // The pool throws a broken one away.
        client.release();
      }
    }
  }

  return {
    write: (work) => turn(() => withClient((client) => inTransaction(client, work()))),
    read: (statement) => turn(() => withClient((client) => all(client, statement))),
    close: () => pool.end(),
  };
}

/**
 * Lets so many act at once; the others wait for as long as it takes. The pool would count their waiting as the time that
 * a connection takes, and fail a note of a paid call because many were made at once.
 */
function turns(max: number): <T>(act: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = max;
  return async (act) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

/** Whether it was committed is not known, so it must not be done again. */
class CommitError extends Error {}

const ignore = (): void => {};
