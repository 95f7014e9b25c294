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

/** @throws {InvalidArgumentError} where a schema cannot have this name. */
export function checkSchema(schema: string): void {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return;
  throw new InvalidArgumentError(
    `The schema ${schema} cannot be one here. Use small letters, digits and _, beginning with a letter.`,
  );
}
