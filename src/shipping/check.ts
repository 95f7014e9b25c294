import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { checkImport, checkTypes } from "./build.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { checkDockerfile, environmentOf } from "./image.ts";
import { type ImageApp, readPyproject } from "./pyproject.ts";
import { checkSecrets, checkServed } from "./served.ts";
import { entryOf } from "./start-command.ts";

/** What was looked at, and what is wrong with it. */
export interface ProjectCheck {
  /** The apps that `fal deploy` can be given. */
  readonly apps: readonly string[];
  readonly findings: readonly Finding[];
}

/**
 * Holds a project against what fal takes: `pyproject.toml`, the Dockerfiles that it names, and what can be built without fal.
 *
 * @param path Of `pyproject.toml`, or of its directory. @throws {InvalidArgumentError} where there is none.
 */
export async function checkProject(path: string): Promise<ProjectCheck> {
  const toml = path.endsWith(".toml") ? resolve(path) : join(resolve(path), "pyproject.toml");
  const directory = dirname(toml);
  if (!isFile(toml)) {
    throw new InvalidArgumentError(`There is no ${toml}. Name one, or let fal-chain init write it.`);
  }
  const { apps, findings } = readPyproject(readFileSync(toml, "utf8"), basename(toml));
  const images = apps.map((app) => checkImage(directory, app, basename(toml)));
  const entries = new Set(images.flatMap(({ entry }) => entry ?? []));
  const imports = await Promise.all([...entries].map((entry) => checkImport(directory, entry)));
  return {
    apps: apps.map(({ key }) => key),
    findings: [
      ...findings,
      ...images.flatMap(({ findings }) => findings),
      ...checkIgnored(directory),
      ...(await checkTypes(directory)),
      ...imports.flat(),
    ],
  };
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

function checkImage(directory: string, app: ImageApp, toml: string) {
  const { dockerfile } = app;
  if (dockerfile === undefined) return { findings: [], entry: undefined };
  const path = join(directory, dockerfile);
  if (!isFile(path)) {
    return {
      findings: [findingsOf(toml).error(`${app.key} is built by ${dockerfile}, and there is no such file.`)],
      entry: undefined,
    };
  }
  const source = readFileSync(path, "utf8");
  const entry = entryOf(source, app, directory);
  const program = entry && readFileSync(join(directory, entry), "utf8");
  const served =
    entry && program
      ? [...checkServed(program, entry, environmentOf(source), app), ...checkSecrets(program, entry, app)]
      : [];
  return {
    findings: [
      ...checkDockerfile(source, dockerfile, directory, app),
      ...served,
      ...checkRetries(source, app, toml),
    ],
    entry,
  };
}

/** Variables that may lead to a store that outlives a runner. */
const OF_A_STORE = /DATABASE|POSTGRES|STORE/;

function checkRetries(source: string, app: ImageApp, toml: string): Finding[] {
  const names = [...(app.secrets ?? []), ...environmentOf(source).map(({ name }) => name)];
  if (!app.isRetried || names.some((name) => OF_A_STORE.test(name))) return [];
  return [
    findingsOf(toml).warning(
      `fal sends a request of ${app.key} again after a failure, up to ten times, and no secret or variable names a database: ` +
        "without a store that outlives the runner each attempt pays anew. Keep calls in PostgreSQL, or set retries = 0 in " +
        "retry_config for server_error, timeout and connection_error.",
    ),
  ];
}

/** Without the file fal leaves out what it knows itself; with it, what it says. */
function checkIgnored(directory: string): Finding[] {
  const file = ".dockerignore";
  const path = join(directory, file);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8")
    .split(/\r?\n/)
    .map((line) => line.trim().replace(/^(\*\*)?\/|\/$/g, ""));
  const needed = ["node_modules", ".env", ".git"].filter(
    (name) => !lines.some((line) => line === name || line === `${name}*`),
  );
  if (needed.length === 0) return [];
  return [
    findingsOf(file).warning(
      `It does not leave out ${needed.join(", ")}: that would be uploaded with COPY . and read in the image.`,
    ),
  ];
}
