import type { FalOptions } from "../index.ts";
import { aside } from "../terminal/index.ts";
import type { Io } from "./io.ts";

/** Warnings as asides, unless the user asks for the log itself. */
export const loggerFor = ({ env, stderr }: Pick<Io, "env" | "stderr">): Pick<FalOptions, "logger"> =>
  env["FAL_CHAIN_LOG"]?.trim() ? {} : { logger: { warn: (_, message) => aside(stderr, message) } };
