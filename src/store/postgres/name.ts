import type { Pool } from "pg";
import { InvalidArgumentError } from "../../errors/arguments.ts";

/** Host and database of a PostgreSQL URL: what may be shown. @throws {InvalidArgumentError} */
export function nameOf(url: string): string {
  const { protocol, host, pathname } = URL.parse(url) ?? {};
  if (protocol !== "postgres:" && protocol !== "postgresql:") {
    throw new InvalidArgumentError(
      "The URL of a PostgreSQL store has the form postgres://user:password@host:5432/database.",
    );
  }
  return `postgres://${host || "localhost"}${pathname}`;
}

/** The same of a pool of `pg`. @throws {InvalidArgumentError} */
export function nameOfPool(pool: Pool): string {
  if (typeof pool?.connect !== "function") {
    throw new InvalidArgumentError(
      "A PostgreSQL store needs a URL, postgres://user:password@host:5432/database, or a Pool of pg.",
    );
  }
  const { connectionString, host = "localhost", port, database = "" } = pool.options ?? {};
  if (connectionString) return nameOf(connectionString);
  return `postgres://${host}${port ? `:${port}` : ""}/${database}`;
}

/** @throws {InvalidArgumentError} where a schema cannot have this name. */
export function checkSchema(schema: string): void {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return;
  throw new InvalidArgumentError(
    `The schema ${schema} cannot be one here. Use small letters, digits and _, beginning with a letter.`,
  );
}
