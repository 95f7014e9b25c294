import { type EndpointSchema, type Json, resolved, type Schema } from "../../schemas/schema.ts";
import { kindOf, type Media } from "./media.ts";

/** What an output is made from. */
export interface Sampling {
  readonly defs: EndpointSchema["defs"];
  readonly input: Readonly<Record<string, unknown>>;
  /** What texts are about. */
  readonly text: string;
  readonly seed: number;
  /** How many of what is a list are asked for. */
  readonly count: number;
  /** Makes a file. @param names What leads to it, the nearest first. */
  file(kind: ReturnType<typeof kindOf>): Promise<Media>;
}

/** Deeper than any real output; what speaks of itself ends there. */
const DEEPEST = 8;

/**
 * Something that a schema takes, made of what was asked: files that are there, the input's own prompt and seed, and
 * otherwise the schema's examples, defaults and limits.
 *
 * @param names What leads to it, the nearest first.
 */
export async function sample(schema: Schema, names: readonly string[], sampling: Sampling): Promise<Json> {
  const { defs } = sampling;
  const known = schema.$ref === undefined ? names : [names[0] ?? "", schema.$ref, ...names.slice(1)];
  const { anyOf, ...part } = resolved(schema, defs);
  if (part.enum) return part.enum[0] ?? null;
  if (anyOf && !part.properties) {
    return sample(anyOf[indexOfMeant(anyOf, defs, known.length >= DEEPEST)] ?? {}, [...known, ""], sampling);
  }
  const [name = ""] = names;
  switch (part.type) {
    case "object":
      return object(part, known, sampling);
    case "array":
      return list(part, known, sampling);
    case "string":
      return text(part, known, sampling);
    case "integer":
    case "number":
      return within(part, numberFor(name, part, sampling));
    case "boolean":
      return part.default === true;
    case "null":
      return null;
    default:
      return part.default ?? part.examples?.[0] ?? null;
  }
}

/** Of a choice, what says most: no null where there is anything else, and no bare text where there is an object. */
function indexOfMeant(choices: readonly Schema[], defs: EndpointSchema["defs"], isDeep: boolean): number {
  const types = choices.map((choice) => resolved(choice, defs).type);
  // What speaks of itself ends where it may.
  if (isDeep && types.includes("null")) return types.indexOf("null");
  const wished = ["object", "array", "string", "number", "integer", "boolean", undefined, "null"] as const;
  return Math.max(0, Math.min(...wished.map((type) => types.indexOf(type)).filter((at) => at >= 0)));
}

async function object(
  { properties = {}, required = [], additionalProperties }: Schema,
  names: readonly string[],
  sampling: Sampling,
): Promise<Json> {
  const media = isFile(properties, sampling) ? await sampling.file(kindOf(names)) : undefined;
  const given: Record<string, Json> = {};
  for (const [name, schema] of Object.entries(properties)) {
    const fact = media?.[name as keyof Media];
    if (fact !== undefined) given[name] = fact;
    else if (required.includes(name) || (names.length < DEEPEST && !media)) {
      given[name] = await sample(schema, [name, ...names], sampling);
    }
  }
  if (Object.keys(properties).length === 0 && additionalProperties) {
    given["value"] = await sample(additionalProperties, ["value", ...names], sampling);
  }
  return given;
}

/** As fal's own file objects are: a URL, and what is said of what is there. */
const isFile = (
  { url, content_type, file_name, file_size }: Readonly<Record<string, Schema>>,
  { defs }: Sampling,
) => url !== undefined && resolved(url, defs).type === "string" && !!(content_type || file_name || file_size);

async function list(
  { items = {}, prefixItems, minItems = 0, maxItems = Number.POSITIVE_INFINITY }: Schema,
  names: readonly string[],
  sampling: Sampling,
): Promise<Json> {
  const schemas = prefixItems ?? Array(lengthOf(names, sampling, minItems, maxItems)).fill(items);
  const given: Json[] = [];
  for (const schema of schemas) given.push(await sample(schema, names, sampling));
  return given;
}

function lengthOf(names: readonly string[], { count }: Sampling, least: number, most: number): number {
  // What speaks of itself ends where it may.
  if (names.length >= DEEPEST) return least;
  return Math.min(Math.max(count, least), most);
}

const FORMATS: Readonly<Record<string, string>> = {
  "date-time": "2026-01-01T00:00:00Z",
  date: "2026-01-01",
  time: "00:00:00Z",
  uuid: "00000000-0000-4000-8000-000000000000",
};

async function text(schema: Schema, names: readonly string[], sampling: Sampling): Promise<string> {
  const [name = ""] = names;
  if (schema.isFile || schema.format === "uri" || /(^|_)ur[li]$/.test(name)) {
    return (await sampling.file(kindOf(names))).url;
  }
  const formatted = FORMATS[schema.format ?? ""];
  if (formatted !== undefined) return formatted;
  const asked = sampling.input[name];
  const said = typeof asked === "string" ? asked : (stringIn(schema) ?? sampling.text);
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  return Array.from(said.padEnd(minLength, ".")).slice(0, maxLength).join("");
}

/** What the schema itself shows, where that is a text: a pattern is followed by nothing else. */
function stringIn({ default: usual, examples = [], pattern }: Schema): string | undefined {
  const shown = [usual, ...examples].find((value) => typeof value === "string");
  return shown ?? (pattern === undefined ? undefined : "");
}

function numberFor(
  name: string,
  { default: usual, examples = [] }: Schema,
  { input, seed }: Sampling,
): number {
  const asked = input[name];
  if (typeof asked === "number") return asked;
  if (/seed/.test(name)) return seed;
  const shown = [usual, ...examples].find((value) => typeof value === "number");
  return shown ?? 1;
}

/** The nearest number that the limits let through. */
function within(schema: Schema, wanted: number): number {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY, multipleOf } = schema;
  const { exclusiveMinimum = Number.NEGATIVE_INFINITY, exclusiveMaximum = Number.POSITIVE_INFINITY } = schema;
  const step = multipleOf ?? (schema.type === "integer" ? 1 : undefined);
  const least = Math.max(minimum, exclusiveMinimum + (step ?? 1e-3));
  const most = Math.min(maximum, exclusiveMaximum - (step ?? 1e-3));
  if (step === undefined && least > most) return (least + most) / 2;
  const inside = Math.min(Math.max(wanted, least), most);
  return step === undefined ? inside : step * Math.min(Math.ceil(inside / step), Math.floor(most / step));
}
