import { printableJson } from "../base/text.ts";
import { constantNameOf, partNameOf, typeNameOf, uniqueNames } from "./names.ts";
import { objectText, type Printing, typeText } from "./print-type.ts";
import { type EndpointSchema, reachable, type Schema } from "./schema.ts";

/** Endpoints and what they take and give. */
export type PulledSchemas = ReadonlyMap<string, EndpointSchema>;

const DATE = /^(\/\/ Written by fal-chain pull on )(\d{4}-\d{2}-\d{2})/;

/**
 * The module of some endpoints, the same for the same schemas.
 *
 * @param date Of the day when they were read, such as 2026-11-27.
 */
export function moduleText(schemas: PulledSchemas, date: string): string {
  const ids = [...schemas.keys()].sort();
  const unique = uniqueNames([
    "FileInput",
    "EndpointTypeMap",
    "Endpoint",
    "PulledEndpoint",
    "Record",
    "Readonly",
  ]);
  const endpoints = ids.map((id) => endpointText(id, schemas.get(id) as EndpointSchema, unique));
  const body = endpoints.map(({ text }) => `${text}\n`).join("");
  const needsFiles = /\bFileInput\b/.test(body.replace(/'(?:[^'\\]|\\.)*'/g, ""));
  return `// Written by fal-chain pull on ${date}, from fal's OpenAPI documents of these endpoints.
// The next fal-chain pull writes it anew; fal-chain pull --check tells what fal has changed since.
/* eslint-disable */
// biome-ignore-all format: it is written by a program
// biome-ignore-all lint: it is written by a program
${needsFiles ? 'import type { FileInput } from "fal-chain";\n' : ""}import { type Endpoint, pulledEndpoint } from "fal-chain/schemas";

declare module "fal-chain" {
  interface EndpointTypeMap {
${endpoints.map(({ mapped }) => `    ${mapped}`).join("\n")}
  }
}
${body}`;
}

/** The new text, unless it says the same as the old one: then that, with the day when it came to say so. */
export const unlessSame = (text: string, old: string | undefined): string =>
  old !== undefined && text.replace(DATE, "$1") === old.replaceAll("\r\n", "\n").replace(DATE, "$1")
    ? old
    : text;

export const isPulled = (text: string): boolean => DATE.test(text);

const ENDPOINT = /\bpulledEndpoint\(\s*"([^"\\]+)",\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"),?\s*\)/g;

/** What a module was made of; however a formatter has laid it out. */
export function readModule(text: string): PulledSchemas {
  const found = [...text.matchAll(ENDPOINT)].map(([, id = "", single, double]) => {
    const json = (single ?? double ?? "").replace(/\\(.)/g, "$1");
    return [id, JSON.parse(json) as EndpointSchema] as const;
  });
  return new Map(found);
}

function endpointText(id: string, schema: EndpointSchema, unique: (wanted: string) => string) {
  const own = typeNameOf(id);
  const input = unique(`${own}Input`);
  const output = unique(`${own}Output`);
  const { input: given, output: made, defs } = schema;
  const parts = [
    ...partTexts(own, { schema: given, name: input, direction: "input" }, defs, unique),
    ...partTexts(own, { schema: made, name: output, direction: "output" }, defs, unique),
  ];
  const json = quoted(printableJson(stored(schema)));
  const text = `
/** ${id}, its input checked before it is paid. */
export const ${constantNameOf(unique(own))}: Endpoint<${input}, ${output}> = /* @__PURE__ */ pulledEndpoint(
  ${JSON.stringify(id)},
  ${json},
);

${parts.join("\n\n")}`;
  return { text, mapped: `${JSON.stringify(id)}: { input: ${input}; output: ${output} };` };
}

interface Top {
  readonly schema: Schema;
  readonly name: string;
  readonly direction: Printing["direction"];
}

/** The type of an input or output, and those of the definitions that it needs. */
function partTexts(
  own: string,
  top: Top,
  defs: EndpointSchema["defs"],
  unique: (wanted: string) => string,
): string[] {
  const { direction } = top;
  const names = new Map<string, string>();
  for (const definition of [...reachable(top.schema, defs)].sort()) {
    const part = `${own}${partNameOf(definition)}`;
    names.set(definition, unique(direction === "input" ? part.replace(/(Input)?$/, "Input") : part));
  }
  const printing: Printing = { direction, nameOf: (definition) => names.get(definition) ?? "unknown" };
  return [
    declared(top.name, top.schema, printing),
    ...[...names].map(([definition, name]) => declared(name, defs[definition] ?? {}, printing)),
  ];
}

const declared = (name: string, schema: Schema, printing: Printing): string =>
  schema.type === "object" && Object.keys(schema.properties ?? {}).length > 0
    ? `export interface ${name} ${objectText(schema, printing, "")}`
    : `export type ${name} = ${typeText(schema, printing)};`.replace("= \n", "=\n");

/** What checks an input and tells changes: all but the words. */
function stored({ input, output, defs }: EndpointSchema): EndpointSchema {
  const entries = Object.entries(defs).map(([name, schema]) => [name, bare(schema)] as const);
  return { input: bare(input), output: bare(output), defs: Object.fromEntries(entries) };
}

function bare(schema: Schema): Schema {
  const { title: _, description: __, examples: ___, isFile: ____, ...rest } = schema;
  const { anyOf, properties, additionalProperties, items, prefixItems } = rest;
  return {
    ...rest,
    ...(anyOf && { anyOf: anyOf.map(bare) }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, bare(field)])),
    }),
    ...(additionalProperties && { additionalProperties: bare(additionalProperties) }),
    ...(items && { items: bare(items) }),
    ...(prefixItems && { prefixItems: prefixItems.map(bare) }),
  };
}

/** A text in single quotes, since JSON is full of the others. */
const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
