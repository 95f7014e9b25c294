import { shellWord } from "../base/text.ts";
import { StoreError } from "../errors/store.ts";
import { nodeModule } from "./node.ts";

/**
 * Opens a file to add to it, and makes it and its directory if there are none. Prompts and results are in it: it is this
 * user's, nobody else may read it, and it is no link to somewhere else, which whoever may write in the directory could
 * have put there.
 *
 * @returns its descriptor, for whoever closes it. @throws {StoreError} saying what is wrong and what helps; else what the
 * file system throws.
 */
export function openPrivate(path: string): number {
  const { closeSync, constants, fstatSync, mkdirSync, openSync } = nodeModule("node:fs");
  const { dirname, resolve } = nodeModule("node:path");
  mkdirSync(dirname(resolve(path)), { recursive: true, mode: 0o700 });
  assertFile(path);
  // A link that is put there right now is not followed either, where the system can say so.
  const { O_APPEND, O_CREAT, O_RDWR, O_NOFOLLOW = 0 } = constants;
  const handle = openSync(path, O_APPEND | O_CREAT | O_RDWR | O_NOFOLLOW, 0o600);
  try {
    assertOwn(path, fstatSync(handle));
    return handle;
  } catch (error) {
    closeSync(handle);
    throw error;
  }
}

/** Refuses a link, and what is no file. What is not there passes. @throws {StoreError} */
export function assertFile(path: string): void {
  const found = nodeModule("node:fs").lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSymbolicLink()) {
    throw new StoreError(
      `${path} is a symbolic link. What is kept there is private, so no link is followed: give the path of the file itself.`,
    );
  }
  // It would be waited for until somebody reads it.
  if (found?.isFIFO() || found?.isSocket()) {
    throw new StoreError(`${path} is no file. Choose another path.`);
  }
}

/**
 * Refuses a file that others may read. What is not there passes.
 *
 * @param holds What is kept in it, for the message. @throws {StoreError}
 */
export function assertPrivate(path: string, holds?: string): void {
  const found = nodeModule("node:fs").lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) assertOwn(path, found, holds);
}

/** Windows knows no such modes: there a file is as private as its directory. */
function assertOwn(
  path: string,
  { mode, uid }: { readonly mode: number; readonly uid: number },
  holds = "prompts and results",
): void {
  const me = globalThis.process?.getuid?.();
  if (me === undefined) return;
  if (uid !== me) {
    throw new StoreError(
      `${path} belongs to another user (${uid}; this process runs as ${me}), who could read the ${holds} that ` +
        "are kept in it. Give it to this user, or choose another path.",
    );
  }
  if ((mode & 0o077) === 0) return;
  throw new StoreError(
    `${path} is open to other users (its mode is ${(mode & 0o777).toString(8)}), and ${holds} are kept in it. ` +
      `Close it, and try again: chmod 600 ${shellWord(path)}`,
  );
}
