import type { Json, Kind, Limits, Schema } from "./schema.ts";

type Raw = Readonly<Record<string, unknown>>;

/** Schemas by name, as a document has them. */
export type Components = Readonly<Record<string, unknown>>;

/**
 * fal's documents are labelled OpenAPI 3.0, and hold what only 3.1 has: `type: "null"`, numeric exclusive bounds, `const`,
 * `$ref` with siblings. Some have what only 3.0 has, too: `nullable`, boolean bounds. Either is read.
 */
export function normalise(raw: unknown, components: Components): Schema {
  if (raw === false) return { enum: [] };
  if (!isObject(raw)) return {};
  const said = structureOf(raw, components);
  const words = wordsOf(raw);
  // Older documents have lost the null of what may be null, but for such traces of it.
  const mayBeNull =
    raw["nullable"] === true || words.default === null || words.examples?.includes(null) === true;
  return { ...(mayBeNull ? withNull(said) : said), ...words };
}

function structureOf(raw: Raw, components: Components): Schema {
  if (typeof raw["$ref"] === "string") return reference(raw["$ref"], components);
  if (Array.isArray(raw["allOf"])) return merged(raw, raw["allOf"], components);
  const choice = raw["anyOf"] ?? raw["oneOf"];
  if (Array.isArray(choice)) return choiceOf(choice.map((part) => normalise(part, components)));
  if ("const" in raw) return { ...kindOf(raw["const"] as Json), enum: [raw["const"] as Json] };
  if (Array.isArray(raw["type"]))
    return choiceOf(raw["type"].map((type) => structureOf({ ...raw, type }, components)));
  const type = kindSaid(raw);
  // Of the values of a choice of types each has its own.
  const values = Array.isArray(raw["enum"])
    ? (raw["enum"] as Json[]).filter((value) => fits(value, type))
    : undefined;
  return {
    ...(type && { type }),
    ...(values && { enum: values }),
    ...limitsOf(raw, type),
    ...(type === "object" && fieldsOf(raw, components)),
    ...(type === "array" && itemsOf(raw, components)),
  };
}

const REFERENCE = /^#\/components\/schemas\/([^/]+)$/;

/** What leads nowhere takes anything. */
function reference($ref: string, components: Components): Schema {
  const name = REFERENCE.exec($ref)?.[1]?.replaceAll("~1", "/").replaceAll("~0", "~");
  return name !== undefined && Object.hasOwn(components, name) ? { $ref: name } : {};
}

/** Of one, what it says; of several, an object with the fields of all. */
function merged(raw: Raw, parts: readonly unknown[], components: Components): Schema {
  const { allOf: _, ...own } = raw;
  const hasOwn = ["type", "properties", "enum", "anyOf", "oneOf"].some((key) => key in own);
  const all = [...parts, ...(hasOwn ? [own] : [])].map((part) => normalise(part, components));
  const [first = {}] = all;
  if (all.length <= 1) return first;
  const objects = all.map((part) => follow(part, components)).filter(({ type }) => type === "object");
  // What is neither one thing nor the fields of one object is left to fal.
  if (objects.length !== all.length) return {};
  const properties = Object.assign(fieldMap(), ...objects.map((part) => part.properties)) as Record<
    string,
    Schema
  >;
  const required = [...new Set(objects.flatMap((part) => part.required ?? []))];
  const rest = objects.map((part) => part.additionalProperties).findLast((part) => part !== undefined);
  return {
    type: "object",
    properties,
    ...list("required", required),
    ...(rest !== undefined && { additionalProperties: rest }),
  };
}

function follow(schema: Schema, components: Components, depth = 0): Schema {
  if (schema.$ref === undefined) return schema;
  return depth > 20 ? {} : follow(normalise(components[schema.$ref], components), components, depth + 1);
}

/** A choice is flat, and what takes anything is no choice. */
function choiceOf(parts: readonly Schema[]): Schema {
  const flat = parts.flatMap((part) => part.anyOf ?? [part]);
  if (flat.some((part) => Object.keys(part).every((key) => WORDS.has(key)))) return {};
  const texts = new Set<string>();
  const anyOf = flat.filter((part) => {
    const text = JSON.stringify(part);
    return !texts.has(text) && texts.add(text);
  });
  const [only = {}] = anyOf;
  return anyOf.length <= 1 ? only : { anyOf };
}

const withNull = (schema: Schema): Schema =>
  Object.keys(schema).length === 0 ? schema : choiceOf([schema, { type: "null" }]);

const KINDS: readonly string[] = [
  "string",
  "number",
  "integer",
  "boolean",
  "null",
  "array",
  "object",
] satisfies Kind[];

function kindSaid(raw: Raw): Kind | undefined {
  if (typeof raw["type"] === "string") return KINDS.find((kind) => kind === raw["type"]) as Kind | undefined;
  if (isObject(raw["properties"]) || isObject(raw["additionalProperties"])) return "object";
  if ("items" in raw || "prefixItems" in raw) return "array";
  return undefined;
}

const kindOf = (value: Json): { readonly type?: Kind } => {
  if (value === null) return { type: "null" };
  const type = Array.isArray(value) ? "array" : typeof value;
  return { type: type as Kind };
};

const fits = (value: Json, type: Kind | undefined): boolean => {
  if (type === undefined) return true;
  const own = kindOf(value).type;
  return own === type || (own === "number" && type === "integer");
};

function fieldsOf(raw: Raw, components: Components): Schema {
  const given = isObject(raw["properties"]) ? raw["properties"] : {};
  const properties = fieldMap();
  for (const name of ordered(given, raw["x-fal-order-properties"])) {
    // No field: assigning it would change the object that the fields are in.
    if (name !== "__proto__")
      properties[name] = asFile(name, given[name], normalise(given[name], components));
  }
  const said = Array.isArray(raw["required"]) ? raw["required"] : [];
  const required = Object.keys(properties).filter((name) => said.includes(name));
  const rest = raw["additionalProperties"];
  const additional =
    rest === false ? false : rest === true ? {} : isObject(rest) ? normalise(rest, components) : undefined;
  return {
    ...(Object.keys(properties).length > 0 && { properties }),
    ...list("required", required),
    ...(additional !== undefined && { additionalProperties: additional }),
  };
}

const fieldMap = (): Record<string, Schema> => ({});

/** As fal shows them, and what it does not mention last. */
function ordered(properties: Raw, order: unknown): string[] {
  const first = (Array.isArray(order) ? order : []).filter((name): name is string =>
    Object.hasOwn(properties, name),
  );
  return [...new Set([...first, ...Object.keys(properties).sort()])];
}

function itemsOf(raw: Raw, components: Components): Schema {
  const { items, prefixItems } = raw;
  const tuple = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : undefined;
  return {
    ...(tuple && { prefixItems: tuple.map((item) => normalise(item, components)) }),
    ...(!Array.isArray(items) && items !== undefined && { items: normalise(items, components) }),
  };
}

const LIMITS: Readonly<Partial<Record<Kind, readonly (keyof Limits)[]>>> = {
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  array: ["minItems", "maxItems"],
};
const TEXTS: readonly string[] = ["pattern", "format"];

function limitsOf(raw: Raw, type: Kind | undefined): Limits {
  const limits: Record<string, unknown> = {};
  for (const name of (type && LIMITS[type]) ?? []) {
    const value = raw[name];
    if (typeof value === (TEXTS.includes(name) ? "string" : "number")) limits[name] = value;
  }
  // In 3.0 they say of the other bound that it is excluded.
  for (const side of ["Minimum", "Maximum"]) {
    const bound = side.toLowerCase();
    if (raw[`exclusive${side}`] !== true || limits[bound] === undefined) continue;
    limits[`exclusive${side}`] = limits[bound];
    delete limits[bound];
  }
  return limits;
}

const WORDS: ReadonlySet<string> = new Set(["title", "description", "default", "examples"]);

function wordsOf(raw: Raw): Schema {
  const { title, description, examples } = raw;
  return {
    ...(typeof title === "string" && { title }),
    ...(typeof description === "string" && { description }),
    ...("default" in raw && { default: raw["default"] as Json }),
    ...(Array.isArray(examples) && { examples: examples as Json[] }),
  };
}

const PICKED: ReadonlySet<unknown> = new Set(["file", "image", "video", "audio"]);

/** What is the URL of a file is said by its name, or by how fal's page asks for it. */
function asFile(name: string, raw: unknown, schema: Schema): Schema {
  const { _fal_ui_field: shown, ui } = isObject(raw) ? raw : {};
  const isPicked = PICKED.has(shown) || (isObject(ui) && PICKED.has(ui["field"]));
  const isNamed = /(^|_)urls?$/.test(name) && !/webhook|callback/.test(name);
  return isPicked || isNamed ? marked(schema) : schema;
}

function marked(schema: Schema): Schema {
  if (schema.anyOf) return { ...schema, anyOf: schema.anyOf.map(marked) };
  if (schema.items) return { ...schema, items: marked(schema.items) };
  return schema.type === "string" && !schema.enum ? { ...schema, isFile: true } : schema;
}

const list = (name: "required", values: readonly string[]): Schema =>
  values.length > 0 ? { [name]: values } : {};

const isObject = (value: unknown): value is Raw =>
  typeof value === "object" && value !== null && !Array.isArray(value);
