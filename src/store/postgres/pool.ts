import type { Pool, PoolClient } from "pg";
import type { Clock } from "../../base/clock.ts";
import { OVER } from "../../base/signal.ts";
import { StoreError } from "../../errors/store.ts";

/** How a column of a type is read. */
export interface Types {
  getTypeParser(oid: number, format?: "text" | "binary"): unknown;
}

export interface PoolOptions {
  readonly max: number;
  /** In milliseconds. */
  readonly connectTimeout: number;
}

/** The pool that is given, or a new one for a URL. */
export async function openPool(
  database: string | Pool,
  { max, connectTimeout }: PoolOptions,
): Promise<{ readonly pool: Pool; readonly types: Types }> {
  const pg = await loadPg();
  const { INT8 } = pg.types.builtins;
  const types: Types = {
    // Times and money stay below 2^53.
    getTypeParser: (oid, format) =>
      oid === INT8 ? Number : pg.types.getTypeParser(oid, format as "text" | undefined),
  };
  if (typeof database !== "string") return { pool: unbroken(database), types };
  const pool = new pg.Pool({
    connectionString: database,
    max,
    connectionTimeoutMillis: connectTimeout,
    keepAlive: true,
    // A program that has nothing else to do ends, whether or not it closed the store.
    allowExitOnIdle: true,
  });
  // An idle connection that breaks is replaced at the next use, which says so if that fails too.
  pool.on("error", () => {});
  return { pool: unbroken(pool), types };
}

/**
 * A server that ends may say so in the same breath in which it lets a client in: before the pool has handed that over, and
 * nobody else listens yet. Unheard, it would end the process. Who uses the connection is told by its first query.
 */
function unbroken(pool: Pool): Pool {
  pool.on("connect", (client) => void client.on("error", () => {}));
  return pool;
}

/** A connection that has fallen silent never says that it is closed: it is cut after a while. */
export async function closePool(pool: Pool, timeoutMs: number, clock: Clock): Promise<void> {
  const over = new AbortController();
  const ending = pool.end().finally(() => over.abort(OVER));
  const cut = clock.sleep(timeoutMs, over.signal).then(
    () => {
      for (const client of clientsOf(pool)) socketOf(client)?.destroy();
    },
    () => {},
  );
  await Promise.race([ending, cut]);
}

const clientsOf = (pool: Pool): readonly PoolClient[] => (pool as { _clients?: PoolClient[] })._clients ?? [];

/** Undefined where the driver of the pool has none to show. */
export const socketOf = (client: PoolClient) =>
  (client as { connection?: { stream?: { readonly bytesRead?: number; destroy(): void } } }).connection
    ?.stream;

async function loadPg() {
  try {
    // No part of anybody's bundle: most programs have not got it, and a bundler would warn of that.
    const { default: pg } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "pg");
    return pg;
  } catch (error) {
    throw new StoreError(
      "A PostgreSQL store needs the package pg, which is not installed: run `npm install pg`.",
      { cause: error },
    );
  }
}
