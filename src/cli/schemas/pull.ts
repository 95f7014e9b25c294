import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { InvalidArgumentError } from "../../index.ts";
import type { CatalogEntry } from "../../platform/catalog.ts";
import { changesBetween } from "../../schemas/changes.ts";
import { schemaOf } from "../../schemas/document.ts";
import { isPulled, moduleText, type PulledSchemas, readModule, unlessSame } from "../../schemas/module.ts";
import type { EndpointSchema } from "../../schemas/schema.ts";
import { EXIT, printable } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { catalogFor, findAll } from "./catalog.ts";
import { writeChanges } from "./changes.ts";

export interface PullOptions {
  readonly out: string;
  readonly only?: boolean;
}

/** Writes what fal's documents say of some endpoints into a module, or renews it. */
export async function pull(io: Io, ids: readonly string[], options: PullOptions): Promise<number> {
  const { file, name, text: old, schemas: known } = await readPulled(io, options.out);
  const wanted = options.only ? ids : [...new Set([...known.keys(), ...ids])];
  if (wanted.length === 0) throw new InvalidArgumentError(nothingNamed(name, old !== undefined));

  const schemas = schemasOf(await findAll(catalogFor(io), wanted));
  const text = unlessSame(moduleText(schemas, new Date().toISOString().slice(0, 10)), old);
  if (text === old) {
    io.stdout.write(`${name} says what fal's documents say. Nothing was written.\n`);
    return EXIT.ok;
  }
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  io.stdout.write(
    `${name} has ${count(schemas.size)}: ${[...schemas.keys()]
      .sort()
      .map((id) => printable(id))
      .join(", ")}\n`,
  );
  for (const [id, schema] of schemas) {
    const before = known.get(id);
    if (before) writeChanges(id, changesBetween(before, schema), io.stdout);
  }
  return EXIT.ok;
}

/** A module that `pull` wrote, or nothing yet. @throws {InvalidArgumentError} for a file that is somebody else's. */
export async function readPulled({ cwd }: Io, out: string) {
  const file = resolve(cwd(), out);
  const name = printable(relative(cwd(), file) || out);
  if (!/(?<!\.d)\.[cm]?ts$/.test(file))
    throw new InvalidArgumentError(
      `${name} is no module of TypeScript. --out names one, such as src/fal-endpoints.ts.`,
    );
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text !== undefined && !isPulled(text)) {
    throw new InvalidArgumentError(
      `${name} was not written by fal-chain pull, and is left as it is. Name another file with --out.`,
    );
  }
  return { file, name, text, schemas: text === undefined ? new Map() : readAs(text, name) };
}

function readAs(text: string, name: string): PulledSchemas {
  const schemas = readModule(text);
  if (schemas.size > 0) return schemas;
  throw new InvalidArgumentError(
    `${name} was changed, and its endpoints cannot be read. Remove it, and pull with their ids.`,
  );
}

/** @throws {InvalidArgumentError} naming an endpoint of which fal has no document. */
export function schemasOf(entries: ReadonlyMap<string, CatalogEntry>): Map<string, EndpointSchema> {
  const schemas = [...entries].map(([id, { document }]) => {
    const schema = schemaOf(document, id);
    if (schema) return [id, schema] as const;
    throw new InvalidArgumentError(
      `fal has no OpenAPI document of ${id} that says what it takes. Describe it yourself, with fal.endpoint.`,
    );
  });
  return new Map(schemas);
}

const nothingNamed = (name: string, isThere: boolean): string =>
  isThere
    ? `--only needs the ids of the endpoints that are to be in ${name}.`
    : `There is no ${name} yet to renew. Name the endpoints that you use: fal-chain pull fal-ai/flux/schnell …`;

const count = (n: number): string => `${n} endpoint${n === 1 ? "" : "s"}`;
