import { type Database, nodeModule } from "../node.ts";
import { assertFile, assertPrivate, openPrivate } from "../private-file.ts";
import { fileError, isBusy, sqliteError } from "./errors.ts";
import { assertLocal } from "./location.ts";
import { migrate } from "./migrate.ts";

/** Opens the file, or makes it, and brings it to this version. @throws {StoreError} */
export function openFile(path: string, busyTimeout: number): Database {
  assertLocal(path);
  makeFile(path);
  const { DatabaseSync } = nodeModule("node:sqlite");
  let db: Database | undefined;
  try {
    db = new DatabaseSync(path);
    db.exec(`pragma busy_timeout = ${Math.trunc(busyTimeout)}`);
    patiently(busyTimeout, () => db?.exec("pragma journal_mode = wal"));
    // A result that was noted survives a power cut too.
    db.exec("pragma synchronous = full");
    migrate(db, path);
    // Not before it is known to be a store: nobody is told to change the mode of another program's file.
    for (const ending of ENDINGS) assertPrivate(path + ending);
    return db;
  } catch (error) {
    db?.close();
    throw sqliteError(path, error);
  }
}

/** The file itself, and those that SQLite keeps beside it. */
const ENDINGS = ["", "-wal", "-shm", "-journal"];

/** Prompts and results are in it: nobody but this user may read it. SQLite gives its other files the same mode. */
function makeFile(path: string): void {
  const { closeSync, statSync } = nodeModule("node:fs");
  try {
    for (const ending of ENDINGS) assertFile(path + ending);
    const found = statSync(path, { throwIfNoEntry: false });
    const isFilled = found?.isFile() && found.size > 0;
    if (!isFilled) closeSync(openPrivate(path));
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Changing the journal's mode is refused at once while another process opens the file, whatever busy_timeout says. */
function patiently(busyTimeout: number, change: () => void): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; ; waited += 10) {
    try {
      change();
      return;
    } catch (error) {
      if (!isBusy(error) || waited >= busyTimeout) throw error;
      Atomics.wait(pause, 0, 0, 10);
    }
  }
}
