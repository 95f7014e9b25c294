import { existsSync } from "node:fs";
import { basename, join, normalize } from "node:path";
import { copiedFiles, type Instruction, lastStage, parseDockerfile } from "./dockerfile.ts";
import { type Finding, findingsOf } from "./finding.ts";
import type { ImageApp } from "./pyproject.ts";

/** What an image starts. */
export interface StartCommand {
  /** As they are started; undefined where a shell is. */
  readonly words: readonly string[] | undefined;
  readonly line: number | undefined;
  readonly isSet: boolean;
}

/** What is started, pyproject.toml's word before the Dockerfile's, as Docker puts ENTRYPOINT and CMD together. */
export function commandOf(stage: readonly Instruction[], app: ImageApp): StartCommand {
  const last = (name: string) => stage.findLast((instruction) => instruction.name === name);
  const entrypoint =
    app.entrypoint === undefined ? last("ENTRYPOINT") : { list: app.entrypoint, line: undefined };
  const cmd = app.cmd === undefined ? last("CMD") : { list: app.cmd, line: undefined };
  const lists = [entrypoint, cmd].filter((part) => part !== undefined);
  const isExec = lists.every(({ list }) => Array.isArray(list));
  return {
    words: isExec ? lists.flatMap(({ list }) => list as string[]) : undefined,
    line: (cmd ?? entrypoint)?.line,
    isSet: lists.length > 0,
  };
}

/** What keeps signals from the server, or starts it as a child of its own. */
const WRAPPERS = new Set([
  ...["npm", "npx", "yarn", "pnpm", "pnpx"],
  ...["sh", "bash", "ash", "dash", "zsh"],
  ...["nodemon", "tsx", "ts-node", "pm2", "concurrently"],
]);
const RUNTIMES = new Set(["node", "bun", "deno"]);

const CURE = 'Write CMD ["node", "app.ts"].';

export function checkCommand({ words, line, isSet }: StartCommand, file: string): Finding[] {
  const { error } = findingsOf(file);
  if (!isSet) return [error(`It has no CMD. ${CURE}`)];
  if (words === undefined) {
    const why = "so a shell stands before it and keeps fal's SIGTERM";
    return [error(`The command is not written as a list, ${why}. ${CURE}`, line)];
  }
  const names = words.map((word) => basename(word));
  const runtime = names.findIndex((name) => RUNTIMES.has(name));
  // What stands behind the runtime is its option, or the program's.
  const before = runtime === -1 ? names : names.slice(0, runtime);
  const wrapper = before.find((name) => WRAPPERS.has(name)) ?? names.find((name) => /^--watch\b/.test(name));
  if (wrapper === undefined) return [];
  const why = "and may not pass fal's SIGTERM on: requests would be cut off";
  return [error(`${wrapper} stands between fal and the app, ${why}. ${CURE}`, line)];
}

/** The program among the words of a command, if it is a file of JavaScript or TypeScript. */
export const programIn = (words: readonly string[] = []): string | undefined =>
  words.find((word) => !word.startsWith("-") && /\.[cm]?[jt]s$/.test(word));

/** The file of the project that an image starts; undefined where that cannot be told. */
export function entryOf(source: string, app: ImageApp, directory: string): string | undefined {
  const all = parseDockerfile(source);
  return entryIn(programIn(commandOf(lastStage(all), app).words), all, directory);
}

/** It may have been copied out of a folder. */
function entryIn(
  program: string | undefined,
  all: readonly Instruction[],
  directory: string,
): string | undefined {
  if (program === undefined) return undefined;
  const folders = ["", ...copiedFiles(all).map(({ source }) => source)];
  return folders
    .map((folder) => normalize(join(folder, program)))
    .find((path) => existsSync(join(directory, path)));
}

export function checkEntry(
  { words, line }: StartCommand,
  file: string,
  all: readonly Instruction[],
  directory: string,
): Finding[] {
  const program = programIn(words);
  // What is built in the image is not here.
  if (program === undefined || /^\/|(^|\/)(dist|build)\//.test(program)) return [];
  if (entryIn(program, all, directory) !== undefined) return [];
  return [findingsOf(file).error(`It starts ${program}, and there is no such file.`, line)];
}
