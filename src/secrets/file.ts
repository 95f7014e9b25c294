import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as z from "zod";
import { type Clock, systemClock } from "../base/clock.ts";
import { shellWord } from "../base/text.ts";
import { dataHome } from "../environment/data-home.ts";
import type { Env } from "../environment/environment.ts";
import { StoreError } from "../errors/store.ts";
import { assertFile, assertPrivate } from "../store/private-file.ts";

/** A secret as it is kept. */
export interface KeptSecret {
  readonly value: string;
  /** Whether apps get it that do not list their secrets. Undefined: the account's default decides. */
  readonly exposed?: boolean | undefined;
  /** When it was first set, in ISO form. */
  readonly createdAt: string;
}

/** By environment, then by name. */
export type Kept = Readonly<Record<string, Readonly<Record<string, KeptSecret>>>>;

const File = z.record(
  z.string(),
  z.record(
    z.string(),
    z.strictObject({ value: z.string(), exposed: z.boolean().optional(), createdAt: z.iso.datetime() }),
  ),
);

/** The file of `FAL_CHAIN_SECRETS`, else one among the user's data: outside of every project, so that none commits it. */
export function secretsFile(env: Env): string {
  const given = env["FAL_CHAIN_SECRETS"]?.trim();
  return given ? resolve(given) : join(dataHome(env) ?? ".", "secrets.json");
}

/** Nothing where there is no file. @throws {StoreError} saying what is wrong with it, and never what is in it. */
export function readSecrets(path: string): Kept {
  assertFile(path);
  assertPrivate(path, "secrets");
  const text = contentOf(path);
  if (text === undefined) return {};
  try {
    return File.parse(JSON.parse(text));
  } catch {
    // What a parser says of it may quote it, so that is not even a cause.
    throw new StoreError(
      `${path} is not a file of secrets: it was changed by hand, or another program wrote it. Correct it, or remove it ` +
        "and set the secrets anew.",
    );
  }
}

function contentOf(path: string): string | undefined {
  try {
    const handle = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      return readFileSync(handle, "utf8");
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new StoreError(`${path} could not be read: ${(error as Error).message}.`, { cause: error });
  }
}

/**
 * Replaces the file by what `change` makes of it: readable by this user only from its first byte, whole at any time, and with
 * the changes of everybody who changes it at the same time.
 *
 * @throws {StoreError} where it cannot be read or written; it is then as it was.
 */
export async function changeSecrets(
  path: string,
  change: (kept: Kept) => Kept,
  clock: Clock = systemClock,
): Promise<void> {
  // The new file beside the old one is the lock as well: who made it is the only one that may rename it.
  const next = `${path}.new`;
  const handle = await openNew(next, clock);
  try {
    writeFileSync(handle, `${JSON.stringify(change(readSecrets(path)), null, 2)}\n`);
    fsyncSync(handle);
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
}

const PATIENCE_MS = 3_000;
const PAUSE_MS = 20;

async function openNew(next: string, clock: Clock): Promise<number> {
  for (const until = clock.now() + PATIENCE_MS; ; await clock.sleep(PAUSE_MS)) {
    try {
      mkdirSync(dirname(next), { recursive: true, mode: 0o700 });
      return openSync(next, "wx", 0o600);
    } catch (error) {
      const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
      if (isThere && clock.now() < until) continue;
      throw new StoreError(
        isThere
          ? `Another command is changing the secrets, or was killed while it did. If none is: rm ${shellWord(next)}`
          : `${next} could not be written: ${(error as Error).message}.`,
        { cause: error },
      );
    }
  }
}
