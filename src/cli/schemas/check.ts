import { InvalidArgumentError } from "../../index.ts";
import type { CatalogEntry } from "../../platform/catalog.ts";
import { type Change, changesBetween } from "../../schemas/changes.ts";
import { schemaOf } from "../../schemas/document.ts";
import { moduleText, type PulledSchemas, unlessSame } from "../../schemas/module.ts";
import type { EndpointSchema } from "../../schemas/schema.ts";
import { EXIT, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { catalogFor } from "./catalog.ts";
import { writeChanges } from "./changes.ts";
import { readPulled } from "./pull.ts";

/** Tells what fal has changed since a module was written; with what breaks a caller it fails. */
export async function checkPulled(
  io: Io,
  { out, json }: { readonly out: string; readonly json?: boolean },
): Promise<number> {
  const { name, text, schemas } = await readPulled(io, out);
  if (text === undefined) throw new InvalidArgumentError(`There is no ${name} to check. Name it with --out.`);
  const found = await catalogFor(io).find([...schemas.keys()]);
  const endpoints = [...schemas].map(([id, was]) => ({ id, changes: changesOf(was, found.get(id), id) }));
  const all = endpoints.flatMap(({ changes }) => changes);
  const breaking = all.filter(({ breaks }) => breaks).length;
  const code = breaking > 0 ? EXIT.failed : EXIT.ok;
  if (json) {
    io.stdout.write(`${printableJson({ file: name, breaks: breaking > 0, endpoints })}\n`);
    return code;
  }
  for (const { id, changes } of endpoints) writeChanges(id, changes, io.stdout);
  const sum =
    all.length > 0
      ? `${breaking} of ${all.length} changes break${breaking === 1 ? "s" : ""} code that uses ${name}. fal-chain pull renews it.`
      : isSame(text, schemas, found)
        ? `${name} says what fal's documents say.`
        : `${name} says what fal's documents say, in other words. fal-chain pull renews it.`;
  io.stdout.write(`${sum}\n`);
  return code;
}

function changesOf(was: EndpointSchema, entry: CatalogEntry | undefined, id: string): Change[] {
  if (!entry) return [{ at: "endpoint", what: "is no longer in fal's catalog", breaks: true }];
  const is = schemaOf(entry.document, id);
  if (!is)
    return [{ at: "endpoint", what: "has no document any more that says what it takes", breaks: true }];
  const deprecated = { at: "endpoint", what: "is deprecated", breaks: false };
  return [...changesBetween(was, is), ...(entry.status === "deprecated" ? [deprecated] : [])];
}

/** With its descriptions, which are no part of what is compared. */
function isSame(text: string, schemas: PulledSchemas, found: ReadonlyMap<string, CatalogEntry>): boolean {
  const now = [...schemas].map(([id, was]) => [id, schemaOf(found.get(id)?.document, id) ?? was] as const);
  return unlessSame(moduleText(new Map(now), ""), text) === text;
}
