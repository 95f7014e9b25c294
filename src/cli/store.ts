import { dataHome } from "../base/data-home.ts";
import { createFal, type Fal, inspectEnvironment } from "../index.ts";
import { aside } from "../terminal/index.ts";
import type { Io } from "./io.ts";

export interface StoreOptions {
  readonly store?: string;
  readonly json?: boolean;
}

/**
 * The environment with the store that the command uses: the one of `--store`, else of `FAL_CHAIN_STORE`, else a SQLite
 * file among the user's data. What is called on this machine (an emulator, most likely) costs nothing and has a file of
 * its own, so that it does not mix with what fal bills.
 */
export function withStore(env: Io["env"], selector?: string): Io["env"] {
  const given = selector ?? env["FAL_CHAIN_STORE"]?.trim();
  if (given) return { ...env, FAL_CHAIN_STORE: given };
  const { origins } = inspectEnvironment(env);
  const isLocal = origins && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(origins.queue).hostname);
  return { ...env, FAL_CHAIN_STORE: `sqlite:${dataHome(env)}/${isLocal ? "local" : "store"}.db` };
}

/** A client of that store, for as long as `use` takes. */
export async function withClient(
  io: Io,
  { store }: StoreOptions,
  use: (fal: Fal) => Promise<number>,
): Promise<number> {
  const logger = { warn: (_: object, message: string) => aside(io.stderr, message) };
  const fal = createFal({ env: withStore(io.env, store), logger });
  try {
    return await use(fal);
  } finally {
    await fal.close();
  }
}
