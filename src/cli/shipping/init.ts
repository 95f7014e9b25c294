import { resolve } from "node:path";
import { shellWord } from "../../base/text.ts";
import { type InitOptions, initProject } from "../../shipping/init.ts";
import { EXIT } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { parseOneOf } from "../inputs.ts";

const STORES = ["memory", "postgres"] as const;

interface Options extends Omit<InitOptions, "store"> {
  readonly store?: string;
}

/** Writes a project that fal takes, and says what to do next. */
export function initHere({ stdout, cwd }: Io, path: string, { store, ...options }: Options): number {
  const { name, directory, written, left } = initProject(resolve(cwd(), path), {
    ...options,
    ...(options.package !== undefined && { package: inDirectory(cwd(), options.package) }),
    ...(store !== undefined && { store: parseOneOf("--store", store, STORES) }),
  });
  const lines = [
    ...(written.length > 0 ? [`Wrote ${written.join(", ")}.`] : []),
    ...(left.length > 0 ? [`Left as it was: ${left.join(", ")}.`] : []),
    "Next:",
    ...(directory === resolve(cwd()) ? [] : [`  cd ${shellWord(path)}`]),
    "  npm install",
    "  npm test             on the emulator, without a key",
    "  npm run dev          the platform at home",
    "  npm run check        what fal would refuse",
    `  fal deploy ${name}`,
  ];
  stdout.write(`${lines.join("\n")}\n`);
  return EXIT.ok;
}

/** A packed file is named from where the command is. */
const inDirectory = (cwd: string, wanted: string): string =>
  /\.t(ar\.)?gz$/.test(wanted) && !/^https?:/.test(wanted)
    ? resolve(cwd, wanted.replace(/^file:/, ""))
    : wanted;
