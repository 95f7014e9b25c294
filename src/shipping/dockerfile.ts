/** An instruction of a Dockerfile. */
export interface Instruction {
  /** In upper case, such as `COPY`. */
  readonly name: string;
  /** What stands behind it, its lines joined, without the flags. */
  readonly text: string;
  /** `--from=build` and the like. */
  readonly flags: readonly string[];
  /** The list, where it is written as one. */
  readonly list: readonly string[] | undefined;
  /** Where it begins, counted from 1. */
  readonly line: number;
}

/**
 * Reads a Dockerfile: comments left out, continued lines joined, a here-document left to the instruction that it belongs to.
 * Source: https://docs.docker.com/reference/dockerfile/
 */
export function parseDockerfile(source: string): readonly Instruction[] {
  const lines = source.split(/\r?\n/);
  const continues = /^#\s*escape\s*=\s*`\s*$/im.test(source) ? "`" : "\\";
  const instructions: Instruction[] = [];
  for (let at = 0; at < lines.length; at++) {
    if (isSkipped(lines[at])) continue;
    const line = at + 1;
    let text = (lines[at] ?? "").trim();
    // Comments and empty lines between continued ones are skipped.
    while (text.endsWith(continues) && at + 1 < lines.length) {
      text = text.slice(0, -1);
      do at++;
      while (at < lines.length && isSkipped(lines[at]));
      text += ` ${(lines[at] ?? "").trim()}`;
    }
    const end = /<<-?\s*["']?(\w+)["']?/.exec(text)?.[1];
    if (end !== undefined) {
      do at++;
      while (at < lines.length && lines[at]?.trim() !== end);
    }
    instructions.push(instruction(text, line));
  }
  return instructions;
}

const isSkipped = (line = ""): boolean => /^\s*(#|$)/.test(line);

function instruction(whole: string, line: number): Instruction {
  const [name = ""] = whole.split(/\s/, 1);
  const flags: string[] = [];
  let text = whole.slice(name.length).trim();
  for (let flag: string | undefined; ; ) {
    flag = /^--\S+/.exec(text)?.[0];
    if (flag === undefined) break;
    flags.push(flag);
    text = text.slice(flag.length).trim();
  }
  return { name: name.toUpperCase(), text, flags, list: listIn(text), line };
}

function listIn(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((item) => typeof item === "string") ? list : undefined;
  } catch {
    return undefined;
  }
}

/** What an earlier stage starts is of no interest. */
export const lastStage = (all: readonly Instruction[]): readonly Instruction[] =>
  all.slice(all.findLastIndex(({ name }) => name === "FROM"));

/** The files and folders of the project that COPY and ADD name, as they are written. */
export function copiedFiles(
  all: readonly Instruction[],
): readonly { readonly source: string; readonly line: number }[] {
  const isFromHere = ({ name, flags }: Instruction) =>
    (name === "COPY" || name === "ADD") && !flags.some((flag) => flag.startsWith("--from"));
  return all.filter(isFromHere).flatMap(({ text, list, line }) =>
    (list ?? text.split(/\s+/))
      .slice(0, -1)
      .filter((source) => !/^(https?:|git@|<<)/.test(source))
      .map((source) => ({ source, line })),
  );
}
