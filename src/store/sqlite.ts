import { type Clock, systemClock } from "../base/clock.ts";
import { aClock, checkOptions, milliseconds, type OptionsOf, oneOf } from "../base/options.ts";
import { turns } from "../base/turns.ts";
import { StoreError } from "../errors/store.ts";
import type { Store } from "../journal/store.ts";
import { nodeModule } from "./node.ts";
import { isOfServer } from "./selector.ts";
import { patient } from "./sql/patient.ts";
import { sqlStore } from "./sql/store.ts";
import type { Driver } from "./sql/work.ts";
import { sqliteDriver } from "./sqlite/driver.ts";
import { openFile } from "./sqlite/open.ts";

export interface SqliteOptions {
  /**
   * `ids`: leaves the payloads out, that is a call's input and result and a run's input, output, steps and events. It
   * costs: an ambiguous submit of an earlier process cannot be looked up by what was sent, the result of a completed
   * call is fetched from fal again, which holds it for minutes or an hour, and `step` runs its function again.
   *
   * @default "all"
   */
  readonly keep?: "all" | "ids";
  /** What leases count on; the processes that share the file must agree on it. @default the system's */
  readonly clock?: Clock;
  /** How long a write waits for other processes, in milliseconds; the program goes on meanwhile. @default 5_000 */
  readonly busyTimeout?: number;
}

const OPTIONS: OptionsOf<SqliteOptions> = {
  keep: oneOf(["all", "ids"]),
  clock: aClock,
  busyTimeout: milliseconds(0),
};

/**
 * A store in one SQLite file, for one machine and any number of its processes. The file is made if there is none, with
 * its directory, readable for this user only. What was noted survives the process and a power cut.
 *
 * @throws {StoreError} naming the file, the cause and the cure: it cannot be opened or written, is no database, is
 * corrupt, comes from a newer version, or lies under `/data` or on a network file system, where SQLite's locks do not
 * hold.
 */
export function sqliteStore(path: string, options: SqliteOptions = {}): Store {
  checkOptions(options, OPTIONS, { of: "sqliteStore" });
  const { keep = "all", clock = systemClock, busyTimeout = 5_000 } = options;
  if (path === ":memory:" || path === "") {
    throw new StoreError(
      "A SQLite store is a file. For one that is forgotten with the process use memoryStore().",
    );
  }
  if (isOfServer(path)) {
    throw new StoreError(
      "A SQLite store is a file, and this is the address of a server. For PostgreSQL use postgresStore() of fal-chain/postgres.",
    );
  }
  const file = nodeModule("node:path").resolve(path);
  const db = openFile(file, busyTimeout);
  // From here on the event loop waits with it, so each try is short, and whoever has to wait tries alone.
  db.exec(`pragma busy_timeout = ${TRY_MS}`);
  const driver = patient(sqliteDriver(db, file, clock), { clock, patienceMs: busyTimeout, pauses: PAUSES });
  const turn = turns(1);
  const oneByOne: Driver = { ...driver, write: (work) => turn(() => driver.write(work)) };
  return sqlStore(oneByOne, { name: file, keep });
}

/** How long the event loop waits for a lock at a time, and how long it goes on between two tries. */
const TRY_MS = 5;
const PAUSES = [5, 20] as const;
