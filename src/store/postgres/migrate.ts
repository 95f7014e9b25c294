import { StoreError } from "../../errors/store.ts";
import { MIGRATIONS, type Migration } from "../sql/schema.ts";

/** What a migration asks of a connection. */
interface Connection {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
}

/**
 * Makes the schema, or brings it to this version. Of several processes that start at once one does it, and the others
 * wait. All of it is one transaction: what is cut short is done again.
 *
 * @throws {StoreError} where there is none and none is to be made.
 */
export async function migrate(
  client: Connection,
  { schema, create }: { readonly schema: string; readonly create: boolean },
  name: string,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const found = await versionOf(client, schema, name, migrations.length);
  if (found === migrations.length) return;
  if (found === undefined && !create) {
    throw new StoreError(
      `There is no store in ${name}: nothing has made the schema ${schema} yet. Check the URL.`,
    );
  }
  // Whoever waited for the lock must see what its holder did, whatever the server's default is.
  await client.query("begin isolation level read committed");
  try {
    await client.query("select pg_advisory_xact_lock(hashtext($1))", [`fal-chain ${schema}`]);
    const version = await versionOf(client, schema, name, migrations.length);
    if (version === undefined) await makeSchema(client, schema);
    await client.query(`set local search_path to ${schema}`);
    for (const migration of migrations.slice(version ?? 0)) {
      for (const statement of migration({
        serial: "bigint generated always as identity primary key",
        inline: false,
      })) {
        await client.query(statement);
      }
    }
    await client.query(`update ${schema}.version set version = $1`, [migrations.length]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw error;
  }
}

/** Undefined where there is nothing yet. */
async function versionOf(
  client: Connection,
  schema: string,
  name: string,
  newest: number,
): Promise<number | undefined> {
  // Not to_regclass(): it remembers that there was nothing, also once another process has made it.
  const { rows: tables } = await client.query(
    "select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname = $1 and relname = 'version'",
    [schema],
  );
  if (tables.length === 0) return undefined;
  const { rows } = await client.query(`select version from ${schema}.version`);
  const version = Number(rows[0]?.["version"]);
  if (version > newest) {
    throw new StoreError(
      `The store ${name} was made by a newer version of fal-chain (the schema ${schema} is ${version}, this one knows ` +
        `${newest}). Install that version, or choose another schema.`,
    );
  }
  return version;
}

/** A user who may not make schemas can have one made by somebody else. */
async function makeSchema(client: Connection, schema: string): Promise<void> {
  const { rows } = await client.query("select 1 from pg_namespace where nspname = $1", [schema]);
  if (rows.length === 0) await client.query(`create schema ${schema}`);
  await client.query(`create table ${schema}.version (version integer not null)`);
  await client.query(`insert into ${schema}.version values (0)`);
}
