/** What a column holds. */
export type Value = string | number | null;

/** A row as the database gives it. */
export type Row = Readonly<Record<string, Value>>;

export interface Statement {
  /** As PostgreSQL has it, with `$1` for the first parameter and `@` before the name of each table. */
  readonly sql: string;
  readonly params: readonly Value[];
}

/**
 * What is done in one transaction: yields statements, and is given their rows. It does not know who runs it: SQLite
 * runs it to its end at once, PostgreSQL awaits each statement. It may be run again from the start, so it changes
 * nothing but the database.
 */
export type Work<T> = Generator<Statement, T, readonly Row[]>;

/** A database that runs work. */
export interface Driver {
  /**
   * All of it or nothing, and nobody else's in between.
   *
   * @param work Is told where it is done `again` because it failed, or its answer was lost: it may have been done before.
   */
  write<T>(work: (again: boolean) => Work<T>): Promise<T>;
  read(statement: Statement): Promise<readonly Row[]>;
  close(): Promise<void>;
}

/** The time on the database's clock, which leases count on. SQLite has none and is given its store's. */
export const CLOCK: Statement = {
  sql: "select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now",
  params: [],
};

export function* query(sql: string, ...params: Value[]): Work<readonly Row[]> {
  return yield { sql, params };
}

/** The number of rows as a query has it; `Infinity` is all of them. */
export const rowLimit = (limit: number): number => Math.trunc(Math.min(limit, Number.MAX_SAFE_INTEGER));

export function* now(): Work<number> {
  const [row] = yield CLOCK;
  return Number(row?.["now"]);
}

/** `($1, $2), ($3, $4)`: the placeholders of so many rows. */
export function placeholders(rows: number, columns: number): string {
  const place = (row: number) =>
    `(${Array.from({ length: columns }, (_, n) => `$${row * columns + n + 1}`).join(", ")})`;
  return Array.from({ length: rows }, (_, row) => place(row)).join(", ");
}
