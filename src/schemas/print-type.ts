import { printableJson } from "../base/text.ts";
import { docstringOf } from "./docstring.ts";
import { isAnything, type Json, type Schema } from "./schema.ts";

/** Which way a value goes: what is given may be more and is not changed; what comes is the caller's own. */
export type Direction = "input" | "output";

export interface Printing {
  readonly direction: Direction;
  /** What the type of a definition is called. */
  readonly nameOf: (definition: string) => string;
}

/** A schema as a type, on as many lines as it takes. */
export const typeText = (schema: Schema, printing: Printing, indent = ""): string =>
  filled(alternatives(schema, printing, indent), indent);

const LINE = 100;

/** On one line where there is room for all, and on filled lines else. */
function filled(parts: readonly string[], indent: string): string {
  const text = parts.join(" | ");
  if (text.length <= LINE || parts.length === 1 || text.includes("\n")) return text;
  const lines = [""];
  for (const part of parts) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && last.length + part.length > LINE) lines.push(`| ${part}`);
    else lines[lines.length - 1] = last === "" ? `| ${part}` : `${last} | ${part}`;
  }
  return lines.map((line) => `\n${indent}  ${line}`).join("");
}

/** What it is one of, each once. */
function alternatives(schema: Schema, printing: Printing, indent: string): readonly string[] {
  const { anyOf, enum: values } = schema;
  const all = anyOf
    ? anyOf.flatMap((part) => alternatives(part, printing, indent))
    : (values?.map(literal) ?? [single(schema, printing, indent)]);
  if (all.length === 0) return ["never"];
  return all.includes("unknown") ? ["unknown"] : [...new Set(all)];
}

function single(schema: Schema, printing: Printing, indent: string): string {
  if (schema.$ref !== undefined) return printing.nameOf(schema.$ref);
  if (schema.isFile && printing.direction === "input") return "FileInput";
  switch (schema.type) {
    case "integer":
      return "number";
    case "array":
      return arrayText(schema, printing, indent);
    case "object":
      return objectText(schema, printing, indent);
    case undefined:
      return "unknown";
    default:
      return schema.type;
  }
}

/** The fields between braces, or a record where none has a name. */
export function objectText(schema: Schema, printing: Printing, indent: string): string {
  const { properties = {}, required = [], additionalProperties: rest } = schema;
  const names = Object.keys(properties);
  const readonly = printing.direction === "input" ? "readonly " : "";
  const inner = `${indent}  `;
  if (names.length === 0) {
    const values = rest ? typeText(rest, printing, indent) : rest === false ? "never" : "unknown";
    return printing.direction === "input"
      ? `Readonly<Record<string, ${values}>>`
      : `Record<string, ${values}>`;
  }
  const fields = names.map((name) => {
    const field = properties[name] ?? {};
    const docs = docstringOf(field, name);
    const mark = required.includes(name) ? "" : "?";
    const line = `${inner}${readonly}${keyText(name)}${mark}: ${typeText(field, printing, inner)};`.replace(
      ": \n",
      ":\n",
    );
    return docs === undefined ? line : `${inner}${docs}\n${line}`;
  });
  // Of another type than the fields, so that only `unknown` fits both.
  if (rest) fields.push(`${inner}${readonly}[field: string]: unknown;`);
  return `{\n${fields.join("\n")}\n${indent}}`;
}

function arrayText(
  { items = {}, prefixItems, minItems = 0 }: Schema,
  printing: Printing,
  indent: string,
): string {
  const readonly = printing.direction === "input" ? "readonly " : "";
  // Of a shorter one JSON Schema says nothing: only a length that is said makes a tuple.
  if (prefixItems && minItems >= prefixItems.length) {
    const parts = prefixItems.map((part) => typeText(part, printing, indent));
    return `${readonly}[${parts.join(", ")}]`;
  }
  const item = prefixItems ? { anyOf: [...prefixItems, ...(isAnything(items) ? [] : [items])] } : items;
  const inner = alternatives(item, printing, indent);
  const [only = ""] = inner;
  const needsBrackets = inner.length > 1 || only.startsWith("readonly ");
  return `${readonly}${needsBrackets ? `(${filled(inner, indent)})` : only}[]`;
}

const literal = (value: Json): string =>
  typeof value === "object" && value !== null ? "unknown" : printableJson(value);

const keyText = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : printableJson(name));
