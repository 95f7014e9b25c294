import { FalError } from "../../errors/fal-error.ts";
import { isOfJavaScript, StoreError } from "../../errors/store.ts";

/** SQLite's primary result codes, as `sqlite.org/rescode.html` numbers them: what happened, and what helps. */
const BY_CODE: Readonly<Record<number, string>> = {
  5: "is locked: another process has been writing to it for longer than busyTimeout. Try again, or find out what holds it.",
  8: "cannot be written to: the file or its directory is read-only. Make both writable for this user, or choose another path.",
  10: "cannot be read or written: the disk reports an error. Check the disk, then restore the file from a copy if need be.",
  11: "is corrupt. Move it away together with its -wal and -shm files, and restore it from a copy; `sqlite3 FILE .recover` saves what is left.",
  13: "has no room: the disk or the quota is full. Free some space; nothing was written by halves.",
  14: "cannot be opened: this user may not read it, or its directory is missing. Check the path and its permissions.",
  26: "is not an SQLite database. Choose another path, or move the file away.",
};

/** Too big, a constraint, another type, out of range: it is the value, and not the file. */
const OF_VALUE: ReadonlySet<number | undefined> = new Set([18, 19, 20, 25]);

/** The primary code: SQLite puts details into the higher bits. */
const codeOf = (error: unknown): number | undefined =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : undefined;

export const isBusy = (error: unknown): boolean => codeOf(error) === 5;

/** Another process has the lock, or is opening or recovering the file. */
const isPassing = (error: unknown): boolean => [5, 6, 15].includes(codeOf(error) ?? -1);

/** The error of a file, for people; what is ours already stays as it is. */
export function sqliteError(path: string, error: unknown): FalError {
  if (error instanceof FalError) return error;
  const code = codeOf(error);
  const known = BY_CODE[code ?? -1];
  const said = error instanceof Error ? error.message : String(error);
  if (known) {
    return new StoreError(`The store ${path} ${known}`, { cause: error, retryable: isPassing(error) });
  }
  if (OF_VALUE.has(code) || isOfJavaScript(error)) {
    return new StoreError(`The store ${path} cannot hold this: ${said}.`, { cause: error, isOfValue: true });
  }
  return new StoreError(`The store ${path} failed: ${said}.`, {
    cause: error,
    retryable: isPassing(error),
  });
}

const BY_SYSTEM_CODE: Readonly<Record<string, string>> = {
  EACCES: "cannot be opened: this user may not write there. Change the permissions, or choose another path.",
  EPERM: "cannot be opened: this user may not write there. Change the permissions, or choose another path.",
  EROFS: "cannot be written to: its file system is read-only. Choose another path.",
  ENOSPC: "has no room: the disk is full. Free some space.",
  EISDIR: "is a directory. Give the path of a file.",
  EEXIST: "cannot be made: a part of its path is a file. Choose another path.",
  ENOTDIR: "cannot be made: a part of its path is a file. Choose another path.",
};

/** The error of making the file or its directory. */
export function fileError(path: string, error: unknown): FalError {
  if (error instanceof FalError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known = BY_SYSTEM_CODE[code] ?? `cannot be opened (${code || error}). Check the path.`;
  return new StoreError(`The store ${path} ${known}`, { cause: error });
}
