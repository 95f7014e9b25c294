import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createFal, type Fal, type FalOptions, InvalidArgumentError } from "../index.ts";
import { aside } from "../terminal/index.ts";
import type { Io } from "./cli.ts";
import { withStore } from "./store.ts";

export interface StoreOptions {
  readonly store?: string;
  readonly json?: boolean;
}

/** A mistyped path must not look like an empty ledger. @throws {InvalidArgumentError} */
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

/** Warnings as asides, unless the user asks for the log itself. */
export const loggerFor = ({ env, stderr }: Pick<Io, "env" | "stderr">): Pick<FalOptions, "logger"> =>
  env["FAL_CHAIN_LOG"]?.trim() ? {} : { logger: { warn: (_, message) => aside(stderr, message) } };
