import { statSync } from "node:fs";
import { resolve } from "node:path";
import { createFal, type Fal, type FalOptions, InvalidArgumentError, type Store } from "../index.ts";
import { parseSelector } from "../store/selector.ts";
import { aside } from "../terminal/index.ts";
import type { Io } from "./cli.ts";
import { withStore } from "./store.ts";

export interface StoreOptions {
  readonly store?: string;
  readonly json?: boolean;
}

/** A client of a store that is there, for as long as `use` takes. @throws {InvalidArgumentError} where a path was mistyped. */
export async function withClient(
  io: Io,
  { store }: StoreOptions,
  use: (fal: Fal) => Promise<number>,
): Promise<number> {
  const env = withExistingStore(io, store);
  const opened = await onServer(env["FAL_CHAIN_STORE"]);
  const fal = createFal({ env, ...loggerFor(io), ...(opened && { store: opened }) });
  try {
    return await use(fal);
  } finally {
    await fal.close();
    await opened?.close();
  }
}

/**
 * The environment with the store that the command uses, which nobody makes by reading it: a mistyped path is an error, and
 * where nothing was called yet there is nothing to read.
 */
function withExistingStore(io: Pick<Io, "env" | "cwd">, given: string | undefined): Io["env"] {
  const env = withStore(io, given);
  const selected = parseSelector(env["FAL_CHAIN_STORE"] ?? "");
  if (selected?.kind !== "sqlite" || isFilled(resolve(io.cwd(), selected.path))) return env;
  if (given === undefined && !io.env["FAL_CHAIN_STORE"]?.trim()) return { ...env, FAL_CHAIN_STORE: "memory" };
  throw new InvalidArgumentError(`There is no store at ${selected.path}. Check --store or FAL_CHAIN_STORE.`);
}

/** A store in PostgreSQL, which is not made either by who looks for one. */
async function onServer(selector: string | undefined): Promise<Store | undefined> {
  const selected = parseSelector(selector?.trim() ?? "");
  if (selected?.kind !== "postgres") return undefined;
  const { postgresStore } = await import("../store/postgres.ts");
  return postgresStore(selected.url, { create: false });
}

/** What cannot be looked at is there: the store says what is wrong with it. */
function isFilled(path: string): boolean {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found !== undefined && (!found.isFile() || found.size > 0);
  } catch {
    return true;
  }
}

/** Warnings as asides, unless the user asks for the log itself. */
export const loggerFor = ({ env, stderr }: Pick<Io, "env" | "stderr">): Pick<FalOptions, "logger"> =>
  env["FAL_CHAIN_LOG"]?.trim() ? {} : { logger: { warn: (_, message) => aside(stderr, message) } };
