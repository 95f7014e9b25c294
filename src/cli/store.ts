import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { dataHome } from "../environment/data-home.ts";
import { createFal, type Fal, InvalidArgumentError, inspectEnvironment } from "../index.ts";
import type { Io } from "./io.ts";
import { loggerFor } from "./logger.ts";

export interface StoreOptions {
  readonly store?: string;
  readonly json?: boolean;
}

/** Where a program that asks for no other place keeps what belongs to its project, as the examples do. */
const OF_PROJECT = join(".fal-chain", "store.db");

/**
 * The environment with the store that the command uses: the one of `--store`, else of `FAL_CHAIN_STORE`, else the
 * project's, where the current directory has one, else a SQLite file among the user's data. What is called on this machine
 * (an emulator, most likely) costs nothing and has a file of its own there, so that it does not mix with what fal bills.
 */
export function withStore({ env, cwd }: Pick<Io, "env" | "cwd">, selector?: string): Io["env"] {
  const ofProject = join(cwd(), OF_PROJECT);
  const given =
    selector ?? (env["FAL_CHAIN_STORE"]?.trim() || (existsSync(ofProject) && `sqlite:${ofProject}`));
  if (given) return { ...env, FAL_CHAIN_STORE: given };
  const { origins } = inspectEnvironment(env);
  const isLocal = origins && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(origins.queue).hostname);
  return { ...env, FAL_CHAIN_STORE: `sqlite:${dataHome(env)}/${isLocal ? "local" : "store"}.db` };
}

/** A mistyped path must not read as a ledger in which nobody owes anything. @throws {InvalidArgumentError} */
function assertThere({ cwd }: Pick<Io, "cwd">, selector: string, isGiven: boolean): void {
  const [, path = selector] = /^sqlite:(.+)$/.exec(selector) ?? [];
  const isFile = selector.startsWith("sqlite:") || /\.(db|sqlite3?)$/.test(selector);
  if (!isGiven || !isFile || selector.includes("://") || existsSync(resolve(cwd(), path))) return;
  throw new InvalidArgumentError(`There is no store at ${path}. Check --store or FAL_CHAIN_STORE.`);
}

/** A client of that store, for as long as `use` takes. */
export async function withClient(
  io: Io,
  { store }: StoreOptions,
  use: (fal: Fal) => Promise<number>,
): Promise<number> {
  const env = withStore(io, store);
  assertThere(
    io,
    env["FAL_CHAIN_STORE"] ?? "",
    store !== undefined || Boolean(io.env["FAL_CHAIN_STORE"]?.trim()),
  );
  const fal = createFal({ env, ...loggerFor(io) });
  try {
    return await use(fal);
  } finally {
    await fal.close();
  }
}
