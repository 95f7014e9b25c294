import { existsSync } from "node:fs";
import { join } from "node:path";
import { dataHome } from "../environment/data-home.ts";
import { inspectEnvironment } from "../environment/environment.ts";
import type { Io } from "./cli.ts";

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
