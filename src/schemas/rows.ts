import { aboutOf, limitsText } from "./docstring.ts";
import { type EndpointSchema, type Json, resolved, type Schema } from "./schema.ts";

/** A field of an input or output, for people. */
export interface Row {
  /** `image_size.width`, `images[].url` */
  readonly field: string;
  readonly type: string;
  readonly required: boolean;
  /** As JSON; empty for none. */
  readonly default: string;
  /** Its limits, and what it is. */
  readonly about: string;
}

type Defs = EndpointSchema["defs"];

const DEEPEST = 4;

/** The fields of an object, and those inside them; of an input it is said where a client takes a file. */
export function rowsOf(schema: Schema, defs: Defs, side: "input" | "output", prefix = "", depth = 0): Row[] {
  if (depth > DEEPEST) return [];
  return objectsIn(schema, defs).flatMap(({ properties = {}, required = [] }) =>
    Object.entries(properties).flatMap(([name, field]) => [
      {
        field: `${prefix}${name}`,
        type: typeOf(field, defs, side),
        required: required.includes(name),
        default: field.default === undefined || field.default === null ? "" : JSON.stringify(field.default),
        about: [limitsText(field), aboutOf(field, name)].filter(Boolean).join(" "),
      },
      ...rowsOf(
        insideOf(field, defs),
        defs,
        side,
        `${prefix}${name}${isList(field, defs) ? "[]" : ""}.`,
        depth + 1,
      ),
    ]),
  );
}

const choices = (schema: Schema, defs: Defs): Schema[] => {
  const own = resolved(schema, defs);
  return own.anyOf ? own.anyOf.map((part) => resolved(part, defs)) : [own];
};

const objectsIn = (schema: Schema, defs: Defs): Schema[] =>
  choices(schema, defs).filter(({ type, properties }) => type === "object" && properties);

const listIn = (schema: Schema, defs: Defs): Schema | undefined =>
  choices(schema, defs).find(({ type, items }) => type === "array" && items);

const isList = (schema: Schema, defs: Defs): boolean => listIn(schema, defs) !== undefined;

const insideOf = (schema: Schema, defs: Defs): Schema => listIn(schema, defs)?.items ?? schema;

/** In words that fit into a table. */
function typeOf(schema: Schema, defs: Defs, side: "input" | "output", depth = 0): string {
  const parts = choices(schema, defs).map((part) => {
    if (part.enum) return part.enum.map(wordOf).join(" | ");
    if (part.isFile && side === "input") return "file or URL";
    if (part.type !== "array") return part.type ?? "anything";
    return depth > DEEPEST
      ? "list"
      : `list of ${part.items ? typeOf(part.items, defs, side, depth + 1) : "anything"}`;
  });
  return [...new Set(parts)].join(" | ");
}

const wordOf = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));
