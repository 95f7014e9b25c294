import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { AnyEndpoint } from "./endpoint.ts";

/** What is described: an app's options. */
export interface Described {
  readonly name: string;
  readonly version?: string;
  readonly about?: string;
  readonly endpoints: Readonly<Record<string, AnyEndpoint<never>>>;
}

type JsonSchema = Record<string, unknown>;

/**
 * The document that fal's playground, lists and analytics read from an app. The order of properties and paths is told, as
 * fal's own apps tell it.
 *
 * @throws {TypeError} naming the endpoint whose schema cannot be put as JSON Schema.
 */
export async function openapiOf({ name, version = "unknown", about, endpoints }: Described): Promise<object> {
  const schemas: Record<string, JsonSchema> = {};
  const paths: Record<string, object> = {};
  const titles = new Set<string>();
  for (const [path, endpoint] of Object.entries(endpoints)) {
    const title = unlike(titles, titleOf(path, name));
    titles.add(title);
    const refer = async (schema: StandardSchemaV1 | undefined, side: "input" | "output") => {
      if (!schema) return {};
      const called = `${title}${side === "input" ? "Input" : "Output"}`;
      schemas[called] = ordered(within(called, await jsonSchemaOf(schema, side, path)));
      return { $ref: `#/components/schemas/${called}` };
    };
    const input = await refer(endpoint.input, "input");
    const output = await refer(endpoint.output, "output");
    paths[path] = { post: operation(title, endpoint, input, output) };
  }
  return {
    openapi: "3.1.0",
    info: { title: name, version, ...(about && { description: about, "x-fal-metadata": { about } }) },
    paths,
    components: { schemas },
    "x-fal-order-paths": Object.keys(paths),
  };
}

const json = (schema: object) => ({ "application/json": { schema } });

function operation(title: string, { about }: AnyEndpoint<never>, input: object, output: object) {
  return {
    operationId: title,
    ...(about && { summary: about, description: about }),
    requestBody: { required: true, content: json(input) },
    responses: {
      200: { description: "The answer; of a stream, its events", content: json(output) },
      422: { description: "What does not match, field by field", content: json(PROBLEMS) },
    },
  };
}

/** `/image/upscale` is `ImageUpscale`; `/` is the app's own name. */
function titleOf(path: string, name: string): string {
  const words = (path === "/" ? name : path).split(/[^a-zA-Z0-9]+/).filter(Boolean);
  return words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join("") || "Root";
}

/** `/a/b` and `/a-b` have the same words. */
function unlike(taken: ReadonlySet<string>, title: string): string {
  for (let nth = 1; ; nth++) {
    const own = nth === 1 ? title : `${title}_${nth}`;
    if (!taken.has(own)) return own;
  }
}

const PROBLEMS = {
  type: "object",
  properties: {
    detail: {
      type: "array",
      items: {
        type: "object",
        required: ["loc", "msg", "type"],
        properties: {
          loc: { type: "array", items: { type: ["string", "integer"] } },
          msg: { type: "string" },
          type: { type: "string" },
        },
      },
    },
  },
};

const TARGET = "draft-2020-12";

async function jsonSchemaOf(
  schema: StandardSchemaV1,
  side: "input" | "output",
  path: string,
): Promise<JsonSchema> {
  const standard = schema["~standard"] as StandardSchemaV1.Props & Partial<StandardJSONSchemaV1.Props>;
  try {
    // What leaves is what the schema makes of it.
    if (standard.jsonSchema) {
      return standard.jsonSchema[side]({ target: TARGET, libraryOptions: OF_ZOD });
    }
    if (standard.vendor === "zod") {
      const { toJSONSchema } = await import("zod");
      return toJSONSchema(schema as never, { ...OF_ZOD, target: TARGET, io: side });
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`The ${side} of ${path} cannot be put as JSON Schema: ${why}`, { cause });
  }
  // A library that cannot say what it takes takes anything, as far as a document can tell.
  return {};
}

/** JSON has no dates. */
const OF_ZOD = {
  unrepresentable: "any",
  override({ zodSchema, jsonSchema }: { zodSchema: unknown; jsonSchema: JsonSchema }) {
    const { type } = (zodSchema as { _zod: { def: { type: string } } })._zod.def;
    if (type === "date") Object.assign(jsonSchema, { type: "string", format: "date-time" });
  },
} as const;

/** The same schema as a part of the document: what it refers to by `#` is within it. */
function within(name: string, schema: JsonSchema): JsonSchema {
  const { $schema: _, ...rest } = schema;
  const moved = (value: unknown, key?: string): unknown => {
    if (key === "$ref" && typeof value === "string" && value.startsWith("#")) {
      return `#/components/schemas/${name}${value.slice(1)}`;
    }
    if (Array.isArray(value)) return value.map((item) => moved(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, moved(item, name)]));
  };
  return moved(rest) as JsonSchema;
}

/** Tells the order of properties, of those of a part too: JSON has none. */
function ordered(schema: JsonSchema): JsonSchema {
  const { properties, allOf } = schema;
  return {
    ...schema,
    ...(Array.isArray(allOf) && { allOf: allOf.map((part) => ordered(part as JsonSchema)) }),
    ...(typeof properties === "object" &&
      properties !== null && { "x-fal-order-properties": Object.keys(properties) }),
  };
}
