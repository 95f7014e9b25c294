import type { Clock } from "../../base/clock.ts";
import { StoreError } from "../../errors/store.ts";
import type { Database } from "../node.ts";
import { CLOCK, type Driver, type Row, type Statement, type Value, type Work } from "../sql/work.ts";
import { sqliteError } from "./errors.ts";
import { rollBack } from "./migrate.ts";

interface Prepared {
  readonly statement: ReturnType<Database["prepare"]>;
  /** Which parameter goes to which place. */
  readonly order: readonly number[];
}

/**
 * Runs work to its end at once: of this process nothing comes in between, and of others the transaction, which has the
 * write lock from its beginning, keeps them out. One that began by reading could not be made to wait for the lock.
 */
export function sqliteDriver(db: Database, path: string, clock: Clock): Driver {
  const prepared = new Map<string, Prepared>();
  let isOpen = true;

  const prepare = (sql: string): Prepared => {
    const known = prepared.get(sql);
    if (known) return known;
    const { text, order } = toSqlite(sql);
    const fresh = { statement: db.prepare(text), order };
    prepared.set(sql, fresh);
    return fresh;
  };

  const all = (asked: Statement): readonly Row[] => {
    if (asked === CLOCK) return [{ now: clock.now() }];
    const { statement, order } = prepare(asked.sql);
    const params = order.map((n) => asked.params[n] as Value);
    try {
      return statement.all(...params) as unknown as Row[];
    } catch (error) {
      // Somebody has put a number there that none of ours is. What only reads can be done again.
      if (!isTooLarge(error) || !asked.sql.startsWith("select")) throw error;
      return inexact(statement, params);
    }
  };

  const guarded = <T>(use: () => T): T => {
    if (!isOpen) throw new StoreError(`The store ${path} has been closed.`);
    try {
      return use();
    } catch (error) {
      throw sqliteError(path, error);
    }
  };

  const inTransaction = <T>(work: Work<T>): T => {
    all(BEGIN);
    try {
      let step = work.next();
      while (!step.done) step = work.next(all(step.value));
      all(COMMIT);
      return step.value;
    } catch (error) {
      rollBack(db);
      throw error;
    }
  };

  return {
    write: async (work) => guarded(() => inTransaction(work(false))),
    read: async (statement) => guarded(() => all(statement)),
    async close() {
      if (isOpen) db.close();
      isOpen = false;
    },
  };
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof RangeError && "code" in error && error.code === "ERR_OUT_OF_RANGE";

/** The rows, with integers beyond 2^53 as the numbers that are next to them. */
function inexact(statement: Prepared["statement"], params: readonly Value[]): Row[] {
  statement.setReadBigInts(true);
  try {
    const rows = statement.all(...params) as Record<string, Value | bigint>[];
    const near = (value: Value | bigint): Value => (typeof value === "bigint" ? Number(value) : value);
    return rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, near(value)])),
    );
  } finally {
    statement.setReadBigInts(false);
  }
}

const BEGIN: Statement = { sql: "begin immediate", params: [] };
const COMMIT: Statement = { sql: "commit", params: [] };

/** Tables have no schema, the transaction has locked the whole file, and node:sqlite does not know numbered placeholders. */
function toSqlite(sql: string): { text: string; order: number[] } {
  const order: number[] = [];
  const unqualified = sql.replaceAll("@", "").replace(/ for update( skip locked)?$/, "");
  const text = unqualified.replace(/\$(\d+)/g, (_, place) => {
    order.push(Number(place) - 1);
    return "?";
  });
  return { text, order };
}
