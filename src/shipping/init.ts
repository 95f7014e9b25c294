import { copyFileSync, lstatSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { VERSION } from "../base/version.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { filesOf, type Template } from "./template.ts";

export interface InitOptions {
  /** The app's name at fal. @default made of the directory's */
  readonly name?: string | undefined;
  /** What package.json asks for: a version, or a packed file, which is copied. @default this version */
  readonly package?: string | undefined;
  /** @default "memory" */
  readonly store?: Template["store"] | undefined;
}

export interface Written {
  readonly name: string;
  readonly directory: string;
  readonly written: readonly string[];
  /** What was there, and is as it was. */
  readonly left: readonly string[];
}

/** Writes a project that fal takes. What is there is left as it is. @throws {InvalidArgumentError} for a name or a package that cannot be. */
export function initProject(path: string, options: InitOptions = {}): Written {
  const directory = resolve(path);
  const name = options.name ?? nameOf(directory);
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)) {
    throw new InvalidArgumentError(
      `${JSON.stringify(name)} cannot be an app's name: it is of lower-case letters, digits and -, such as ad-maker. Say --name.`,
    );
  }
  const packed = packedFile(options.package);
  const wanted = packed ? `file:./${basename(packed)}` : (options.package ?? `^${VERSION}`);
  if (wanted.startsWith("file:") && !/^file:[\w./@+-]+$/.test(wanted)) {
    throw new InvalidArgumentError(
      `${JSON.stringify(wanted)} cannot be copied by a Dockerfile as it is: rename it, to letters, digits, ".", "-" and "_".`,
    );
  }
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new InvalidArgumentError(`${directory} is no directory. Name another one.`);
  }
  mkdirSync(directory, { recursive: true });
  const files = Object.entries(filesOf({ name, package: wanted, store: options.store ?? "memory" }));
  const left = files.filter(([file]) => isThere(join(directory, file))).map(([file]) => file);
  const written = files.filter(([file]) => !left.includes(file));
  for (const [file, text] of written) writeFileSync(join(directory, file), text, { flag: "wx" });
  if (packed) copyFileSync(packed, join(directory, basename(packed)));
  return { name, directory, written: written.map(([file]) => file), left };
}

/** A link that leads nowhere is there as well. */
const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

const nameOf = (directory: string): string =>
  basename(directory)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");

function packedFile(wanted: string | undefined): string | undefined {
  if (wanted === undefined || !/\.t(ar\.)?gz$/.test(wanted) || /^https?:/.test(wanted)) return undefined;
  const path = resolve(wanted.replace(/^file:/, ""));
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  throw new InvalidArgumentError(`There is no ${path}. Make it with npm pack, or give a version.`);
}
