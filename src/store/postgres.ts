import type { Pool } from "pg";
import { StoreError } from "../errors/store.ts";
import type { Store } from "../journal/store.ts";
import { postgresDriver } from "./postgres/driver.ts";
import { postgresError } from "./postgres/errors.ts";
import { migrate } from "./postgres/migrate.ts";
import { checkSchema, nameOf } from "./postgres/name.ts";
import { sqlStore } from "./sql/store.ts";
import type { Driver } from "./sql/work.ts";

export interface PostgresOptions {
  /** Where its tables are; made if there is none. Small letters, digits and `_`. @default "fal_chain" */
  readonly schema?: string;
  /** Connections that are open at once. @default 10 */
  readonly max?: number;
  /** How long a new connection may take, in milliseconds. @default 10_000 */
  readonly connectTimeout?: number;
  /**
   * `ids`: leaves the payloads out, that is a call's input and result and a run's input, output, steps and events. It
   * costs: an ambiguous submit of an earlier process cannot be looked up by what was sent, the result of a completed
   * call is fetched from fal again, which holds it for minutes or an hour, and `step` runs its function again.
   *
   * @default "all"
   */
  readonly keep?: "all" | "ids";
}

/**
 * A store in PostgreSQL, for any number of machines. Leases count on the database's clock. It needs the package `pg`.
 *
 * It connects when it is first used, which is before anything is paid, and then makes its tables or brings them to this
 * version. What goes wrong is a `StoreError` that names host and database, the cause and the cure, never the password.
 *
 * @param url `postgres://user:password@host:5432/database`, with options such as `?sslmode=require` as `pg` knows them.
 * @throws {InvalidArgumentError} where `url` or `schema` cannot be one.
 */
export function postgresStore(url: string, options: PostgresOptions = {}): Store {
  const { schema = "fal_chain", max = 10, connectTimeout = 10_000, keep = "all" } = options;
  checkSchema(schema);
  const name = nameOf(url);

  async function open(): Promise<Driver> {
    const { Pool, types } = await loadPg();
    const pool = new Pool({
      connectionString: url,
      max,
      connectionTimeoutMillis: connectTimeout,
      keepAlive: true,
      // A program that has nothing else to do ends, whether or not it closed the store.
      allowExitOnIdle: true,
      types: {
        // Times and money stay below 2^53.
        getTypeParser: (oid: number, format: "text") =>
          oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format),
      },
    } as ConstructorParameters<typeof Pool>[0]);
    // An idle connection that breaks is replaced at the next use, which says so if that fails too.
    pool.on("error", () => {});
    try {
      const driver = postgresDriver(pool, schema, max);
      await prepareSchema(pool, schema, name);
      return driver;
    } catch (error) {
      await pool.end();
      throw error;
    }
  }

  return sqlStore(lazily(name, open), { name, keep });
}

async function prepareSchema(pool: Pool, schema: string, name: string): Promise<void> {
  const client = await pool.connect();
  try {
    await migrate(client, schema, name);
  } finally {
    client.release();
  }
}

/** Opens at the first use, and again at the next one if that failed. */
function lazily(name: string, open: () => Promise<Driver>): Driver {
  let opening: Promise<Driver> | undefined;
  let isClosed = false;

  const using = async <T>(use: (driver: Driver) => Promise<T>): Promise<T> => {
    if (isClosed) throw new StoreError(`The store ${name} has been closed.`);
    opening ??= open();
    const driver = await opening.catch((error: unknown) => {
      opening = undefined;
      throw postgresError(name, error);
    });
    return use(driver).catch((error: unknown) => {
      throw postgresError(name, error);
    });
  };

  return {
    write: (work) => using((driver) => driver.write(work)),
    read: (statement) => using((driver) => driver.read(statement)),
    async close() {
      if (isClosed) return;
      isClosed = true;
      const driver = await opening?.catch(() => undefined);
      await driver?.close();
    },
  };
}

async function loadPg() {
  try {
    const { default: pg } = await import("pg");
    return pg;
  } catch (error) {
    throw new StoreError(
      "A PostgreSQL store needs the package pg, which is not installed: run `npm install pg`.",
      { cause: error },
    );
  }
}
