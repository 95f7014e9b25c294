import { existsSync } from "node:fs";
import { join } from "node:path";
import { copiedFiles, type Instruction, lastStage, parseDockerfile } from "./dockerfile.ts";
import { type Finding, findingsOf } from "./finding.ts";
import type { ImageApp } from "./pyproject.ts";
import { checkCommand, checkEntry, commandOf, programIn } from "./start-command.ts";

/** What fal leaves out of what it uploads: https://fal.ai/docs/documentation/development/migrate-external-docker-server.md */
const NOT_UPLOADED = /^(\.\/)?(node_modules|\.git|\.env)(\/|$)|\.md$/;

/** The first release that runs TypeScript as it is, without a flag. */
const READS_TYPESCRIPT = [22, 18] as const;
const LEAST = [22, 13] as const;

/** What of a Dockerfile fal would refuse, or would not work there. @param file Its name, for the findings. */
export function checkDockerfile(source: string, file: string, directory: string, app: ImageApp): Finding[] {
  const all = parseDockerfile(source);
  const stage = lastStage(all);
  const { error } = findingsOf(file);
  if (stage[0]?.name !== "FROM")
    return [error("It has no FROM: name the image to start from, such as node:24-slim.")];
  const command = commandOf(stage, app);
  return [
    ...checkCommand(command, file),
    ...checkEntry(command, file, all, directory),
    ...checkNode(stage[0], command.words, file),
    ...checkPorts(stage, file, app),
    ...checkCopies(all, file, directory),
    ...checkInstall(all, file, directory),
    ...checkVariables(all, file),
  ];
}

function checkNode(from: Instruction, words: readonly string[] | undefined, file: string): Finding[] {
  const { error, warning } = findingsOf(file);
  const version = /^(?:docker\.io\/)?(?:library\/)?node:(\d+)(?:\.(\d+))?/.exec(from.text);
  if (!version) return [];
  const [, major = "0", minor] = version;
  const isOlder = ([needed, least]: readonly [number, number]) =>
    Number(major) < needed || (Number(major) === needed && minor !== undefined && Number(minor) < least);
  if (isOlder(LEAST))
    return [error(`fal-chain needs Node ${LEAST.join(".")} or newer: start from node:24-slim.`, from.line)];
  const isTypeScript = /\.[cm]?ts$/.test(programIn(words) ?? "");
  if (isTypeScript && isOlder(READS_TYPESCRIPT)) {
    return [
      warning(
        `Node reads TypeScript from ${READS_TYPESCRIPT.join(".")} on: start from node:24-slim, or build it.`,
        from.line,
      ),
    ];
  }
  return [];
}

function checkPorts(stage: readonly Instruction[], file: string, app: ImageApp): Finding[] {
  const { error } = findingsOf(file);
  const { exposedPort, metricsPort } = app;
  if (exposedPort === undefined) return [];
  const exposed = stage
    .filter(({ name }) => name === "EXPOSE")
    .flatMap(({ text, line }) =>
      text.split(/\s+/).map((port) => ({ port: Number.parseInt(port, 10), line })),
    );
  return exposed
    .filter(({ port }) => port !== exposedPort && port !== metricsPort)
    .map(({ port, line }) =>
      error(`It exposes ${port}, and pyproject.toml has exposed_port = ${exposedPort}.`, line),
    );
}

/** The variables that an image sets. */
export const environmentOf = (source: string): readonly { readonly name: string; readonly value: string }[] =>
  variables(parseDockerfile(source));

/** `ENV A=b C=d` and `ENV A b`. */
function variables(instructions: readonly Instruction[]) {
  return instructions
    .filter(({ name }) => name === "ENV" || name === "ARG")
    .flatMap(({ text, line }) => {
      const pairs = [...text.matchAll(/(\w+)=("[^"]*"|'[^']*'|\S*)/g)];
      if (pairs.length === 0) {
        const [name = "", ...value] = text.split(/\s+/);
        return [{ name, value: value.join(" "), line }];
      }
      return pairs.map(([, name = "", value = ""]) => ({
        name,
        value: value.replace(/^(["'])(.*)\1$/, "$2"),
        line,
      }));
    });
}

function checkVariables(all: readonly Instruction[], file: string): Finding[] {
  const { error } = findingsOf(file);
  return variables(all)
    .filter(({ name }) => /^FAL_(?!CHAIN_)/.test(name))
    .map(({ name, line }) =>
      error(`${name} is the platform's, and is set when a runner starts: leave it out of the image.`, line),
    );
}

function checkCopies(all: readonly Instruction[], file: string, directory: string): Finding[] {
  const { error } = findingsOf(file);
  return copiedFiles(all).flatMap(({ source, line }) => {
    if (NOT_UPLOADED.test(source)) {
      const cure = "What is installed is installed by the image: RUN npm install";
      return [error(`fal does not upload ${source}. ${cure}.`, line)];
    }
    if (/[*?[]/.test(source) || existsSync(join(directory, source))) return [];
    const cure = source.endsWith("package-lock.json") ? ": npm install writes it" : "";
    return [error(`It copies ${source}, and there is no such file${cure}.`, line)];
  });
}

function checkInstall(all: readonly Instruction[], file: string, directory: string): Finding[] {
  if (!existsSync(join(directory, "package.json"))) return [];
  const installs = /\b(npm\s+(ci|i|install)|yarn(\s+install|\s*$)|pnpm\s+(i|install)|bun\s+(i|install))\b/;
  if (all.some(({ name, text }) => name === "RUN" && installs.test(text))) return [];
  return [
    findingsOf(file).error(
      "Nothing installs what package.json needs, and fal uploads no node_modules: RUN npm install.",
    ),
  ];
}
