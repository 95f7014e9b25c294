import type { Pool } from "pg";
import { type Clock, systemClock } from "../base/clock.ts";
import {
  aClock,
  checkOptions,
  count,
  flag,
  milliseconds,
  type OptionsOf,
  oneOf,
  text,
} from "../base/options.ts";
import { StoreError } from "../errors/store.ts";
import type { Store } from "../journal/store.ts";
import { borrowing, heardClient, postgresDriver } from "./postgres/driver.ts";
import { postgresError } from "./postgres/errors.ts";
import { migrate } from "./postgres/migrate.ts";
import { checkSchema, nameOf, nameOfPool } from "./postgres/name.ts";
import { closePool, openPool } from "./postgres/pool.ts";
import { patient } from "./sql/patient.ts";
import { sqlStore } from "./sql/store.ts";
import type { Driver } from "./sql/work.ts";

export interface PostgresOptions {
  /** Where its tables are; made if there is none. Small letters, digits and `_`. @default "fal_chain" */
  readonly schema?: string;
  /** Connections that are open at once. @default 10, or what the pool has that is given */
  readonly max?: number;
  /** How long a connection may take to be had, in milliseconds. @default 10_000 */
  readonly connectTimeout?: number;
  /**
   * How long a connection may stay silent while it owes an answer, in milliseconds: then it is thrown away, with those
   * that were open at the time, and another one is asked. @default 10_000
   */
  readonly queryTimeout?: number;
  /**
   * How long what passes by itself is tried again, in milliseconds: a server that restarts, refused and lost connections,
   * too many of them, transactions that met. What fails for longer is a `StoreError`. @default 5_000
   */
  readonly patience?: number;
  /**
   * `ids`: leaves the payloads out, that is a call's input and result and a run's input, output, steps and events. It
   * costs: an ambiguous submit of an earlier process cannot be looked up by what was sent, the result of a completed
   * call is fetched from fal again, which holds it for minutes or an hour, and `step` runs its function again.
   *
   * @default "all"
   */
  readonly keep?: "all" | "ids";
  /** Whether its tables are made where there are none; `false` for who only looks: then that is a `StoreError`. @default true */
  readonly create?: boolean;
  /** Time as a parameter, for what it waits for; leases count on the database's. */
  readonly clock?: Clock;
}

const OPTIONS: OptionsOf<PostgresOptions> = {
  schema: text,
  max: count(1),
  connectTimeout: milliseconds(1),
  queryTimeout: milliseconds(1),
  patience: milliseconds(0),
  keep: oneOf(["all", "ids"]),
  create: flag,
  clock: aClock,
};

type Settings = Required<PostgresOptions>;

/**
 * A store in PostgreSQL, for any number of machines. Leases count on the database's clock. It needs the package `pg`.
 *
 * It connects when it is first used, which is before anything is paid, and then makes its tables or brings them to this
 * version. What goes wrong is a `StoreError` that names host and database, the cause and the cure, never the password.
 *
 * @param database `postgres://user:password@host:5432/database`, with options such as `?sslmode=require` as `pg` knows
 * them; or a `Pool` of `pg`, which whoever made it ends.
 * @throws {InvalidArgumentError} where `database` or `schema` cannot be one.
 */
export function postgresStore(database: string | Pool, options: PostgresOptions = {}): Store {
  checkOptions(options, OPTIONS, { of: "postgresStore" });
  const {
    schema = "fal_chain",
    keep = "all",
    clock = systemClock,
    patience = 5_000,
    create = true,
  } = options;
  checkSchema(schema);
  const isOurs = typeof database === "string";
  const name = isOurs ? nameOf(database) : nameOfPool(database);
  const settings: Settings = {
    ...{ schema, keep, clock, patience, create },
    max: options.max ?? (isOurs ? 10 : (database.options?.max ?? 10)),
    connectTimeout: options.connectTimeout ?? 10_000,
    queryTimeout: options.queryTimeout ?? 10_000,
  };
  const driver = lazily(name, () => open(database, settings, name));
  const pauses = [10, 500] as const;
  return sqlStore(patient(driver, { clock, patienceMs: patience, pauses }), { name, keep });
}

async function open(database: string | Pool, settings: Settings, name: string): Promise<Driver> {
  const { queryTimeout, clock } = settings;
  const { pool, types } = await openPool(database, settings);
  const close = async () => {
    if (typeof database === "string") await closePool(pool, queryTimeout, clock);
  };
  const options = { ...settings, pool, types, close };
  try {
    await borrowing(options)((client) => migrate(heardClient(options, client), settings, name));
    return postgresDriver(options);
  } catch (error) {
    await close();
    throw error;
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
