import { printable, printableJson } from "../base/text.ts";
import { warn } from "../base/warn.ts";
import type { Env } from "../environment/environment.ts";

/** Where the client says what it does. pino fits, and so does an object with nothing but `warn`. */
export interface Logger {
  debug?(details: object, message: string): void;
  info?(details: object, message: string): void;
  warn(details: object, message: string): void;
  error?(details: object, message: string): void;
}

export type Level = keyof Logger;

const LEVELS: readonly Level[] = ["debug", "info", "warn", "error"];

/**
 * What logs where no logger is given: JSON lines on stderr from the level on that `FAL_CHAIN_LOG` names; without it only
 * warnings, the way that the runtime has for them.
 */
export function loggerFrom(env: Env): Logger {
  const wanted = env["FAL_CHAIN_LOG"]?.trim().toLowerCase();
  if (!wanted) return WARNINGS;
  const lines = jsonLinesFrom(wanted);
  if (lines) return lines;
  // A call does not fail for its log.
  if (wanted !== "silent") {
    const cure = "it is one of debug, info, warn, error and silent";
    WARNINGS.warn({}, `FAL_CHAIN_LOG is ${JSON.stringify(wanted)}; ${cure}`);
    return WARNINGS;
  }
  return { warn() {} };
}

/** JSON lines on stderr from this level on; undefined for one that there is not. */
export function jsonLinesFrom(level: string): Logger | undefined {
  const least = LEVELS.indexOf(level as Level);
  return least === -1 ? undefined : jsonLines(LEVELS.slice(least));
}

const WARNINGS: Logger = {
  warn(details, message) {
    const { err } = details as { err?: { message?: string } };
    const cause = err?.message ? `: ${printable(err.message)}` : "";
    warn(`${message}${cause}`);
  },
};

function jsonLines(levels: readonly Level[]): Logger {
  const writer = (level: Level) => (details: object, message: string) => {
    const line = printableJson({ level, time: new Date().toISOString(), msg: message, ...details });
    // biome-ignore lint/suspicious/noConsole: with a write of our own, a stderr that nobody reads any more would end the process
    console.error(line);
  };
  return { warn() {}, ...Object.fromEntries(levels.map((level) => [level, writer(level)])) };
}
