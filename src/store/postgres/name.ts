import type { Pool } from "pg";
import { InvalidArgumentError } from "../../errors/arguments.ts";
import { rememberSecret } from "../../errors/secrets.ts";

/**
 * Host and database of a PostgreSQL URL: what may be shown. What may not is known as a secret from then on.
 *
 * @throws {InvalidArgumentError}
 */
export function nameOf(url: string): string {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== "postgres:" && parsed?.protocol !== "postgresql:") {
    throw new InvalidArgumentError(
      "The URL of a PostgreSQL store has the form postgres://user:password@host:5432/database.",
    );
  }
  const { host, pathname, search, hash, password, searchParams } = parsed;
  const secrets = SECRET_SETTINGS.flatMap((name) => searchParams.getAll(name));
  for (const secret of [password, decoded(password), ...secrets]) rememberSecret(secret);
  // A password with an unwritten / ? or # in it ends the host's place: then what stands there is a part of it.
  const isWhole = !(pathname + search + hash).includes("@") && /^(\/[\w.~%-]*)?$/.test(pathname);
  return isWhole ? `postgres://${host || "localhost"}${pathname}` : "postgres://…";
}

/** What `pg` takes from the query of a URL, and nobody else may read. */
const SECRET_SETTINGS = ["password", "sslpassword", "sslkey"];

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The same of a pool of `pg`. @throws {InvalidArgumentError} */
export function nameOfPool(pool: Pool): string {
  if (typeof pool?.connect !== "function") {
    throw new InvalidArgumentError(
      "A PostgreSQL store needs a URL, postgres://user:password@host:5432/database, or a Pool of pg.",
    );
  }
  const { connectionString, host = "localhost", port, database = "", password } = pool.options ?? {};
  if (typeof password === "string") rememberSecret(password);
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
