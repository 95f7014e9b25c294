import { StoreError } from "../../errors/store.ts";
import type { Database } from "../node.ts";
import { MIGRATIONS, type Migration } from "../sql/schema.ts";

/** Says whose database it is: "falc", in SQLite's `application_id`. */
const APPLICATION_ID = 0x66616c63;

/** Each migration in a transaction of its own, with the version that it leads to. */
export function migrate(db: Database, path: string, migrations: readonly Migration[] = MIGRATIONS): void {
  // Whoever finds it made needs no lock: busy writers would keep it waiting for that.
  if (versionOf(db, path, migrations.length) === migrations.length) return;
  for (let done = false; !done; ) {
    db.exec("begin immediate");
    try {
      const version = versionOf(db, path, migrations.length);
      const next = migrations[version];
      for (const statement of next?.({ serial: "integer primary key", inline: true }) ?? [])
        db.exec(statement);
      if (next !== undefined) {
        db.exec(`pragma application_id = ${APPLICATION_ID}`);
        db.exec(`pragma user_version = ${version + 1}`);
      }
      db.exec("commit");
      done = !next;
    } catch (error) {
      rollBack(db);
      throw error;
    }
  }
}

function versionOf(db: Database, path: string, newest: number): number {
  const read = (sql: string) => Number(Object.values(db.prepare(sql).get() ?? {})[0]);
  const version = read("pragma user_version");
  const isOurs = read("pragma application_id") === APPLICATION_ID;
  if (!isOurs && (version !== 0 || read("select count(*) from sqlite_schema") > 0)) {
    throw new StoreError(`The store ${path} is the database of another program. Choose another path.`);
  }
  if (version > newest) {
    throw new StoreError(
      `The store ${path} was made by a newer version of fal-chain (its schema is ${version}, this one knows ` +
        `${newest}). Install that version, or choose another path.`,
    );
  }
  return version;
}

/** SQLite ends some transactions by itself, such as one that found the disk full. */
export function rollBack(db: Database): void {
  try {
    db.exec("rollback");
  } catch {
    // There is nothing left to undo.
  }
}
