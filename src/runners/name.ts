import { basename, dirname, extname } from "node:path";
import { shellWord } from "../base/text.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";

/** Names that say what a file is for, not whose it is. */
const GENERAL = new Set(["app", "index", "main", "server"]);

/** A program and the name of its app. */
export interface NamedFile {
  readonly name: string;
  readonly file: string;
}

/**
 * What stands on the command line for an app: `poster=src/poster.ts`, or the file alone, which gives its own name to the
 * app, or its folder's where it is one of `app`, `index`, `main`, `server`.
 *
 * @throws {InvalidArgumentError}
 */
export function namedFile(word: string, resolve: (file: string) => string): NamedFile {
  const at = word.indexOf("=");
  const file = resolve(word.slice(at + 1));
  const own = basename(file, extname(file));
  const found = GENERAL.has(own) ? basename(dirname(file)) : own;
  const name = at < 0 ? found.toLowerCase().replaceAll(/[^a-z0-9.-]+/g, "-") : word.slice(0, at);
  if (/^[a-z0-9][a-z0-9.-]*$/i.test(name) && !name.includes("--")) return { name, file };
  throw new InvalidArgumentError(
    `${JSON.stringify(name)} is not the name of an app. It is of letters, digits, . and -: fal-chain dev my-app=${shellWord(word.slice(at + 1))}`,
  );
}

/** An environment other than `main` has apps of its own. */
export const inEnvironment = (name: string, environment: string): string =>
  environment === "main" ? name : `${name}--${environment}`;
