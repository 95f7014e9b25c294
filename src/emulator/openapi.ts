import * as z from "zod";
import type { Model } from "../model/model.ts";

type Json = Record<string, unknown>;

/** An endpoint's OpenAPI document as fal writes it: labelled 3.0.4, with schemas of 3.1. */
export function openApiOf({ id, category, input, output = z.looseObject({}) }: Model): Json {
  const schemas: Json = {};
  const reference = (schema: z.ZodType, io: "input" | "output", name: string) => {
    const { $schema: _, $defs = {}, ...own } = z.toJSONSchema(schema, { io, override: asFal });
    const text = JSON.stringify({ ...$defs, [name]: own }).replaceAll('"#/$defs/', '"#/components/schemas/');
    Object.assign(schemas, JSON.parse(text));
    return { $ref: `#/components/schemas/${name}` };
  };
  const name = nameOf(id);
  const given = reference(input, "input", `${name}Input`);
  // As for what is put in: an output may hold more than is said of it.
  const made = reference(output, "input", `${name}Output`);
  return {
    openapi: "3.0.4",
    info: {
      title: `Queue OpenAPI for ${id}`,
      version: "1.0.0",
      description: `The OpenAPI schema for the ${id} queue.`,
      "x-fal-metadata": { endpointId: id, ...(category !== undefined && { category }) },
    },
    components: { schemas },
    servers: [{ url: "https://queue.fal.run" }],
    paths: {
      [`/${id}`]: {
        post: { requestBody: { required: true, content: content(given) }, responses: {} },
      },
      [`/${id}/requests/{request_id}`]: {
        get: { responses: { 200: { description: "Result of the request.", content: content(made) } } },
      },
    },
  };
}

const content = (schema: Json): Json => ({ "application/json": { schema } });

const nameOf = (id: string): string =>
  id
    .split("/")
    .slice(1)
    .join("/")
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");

/** Without the bounds that JavaScript has and fal has not; with the order of the fields. */
function asFal({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  delete jsonSchema.id;
  if (jsonSchema.type !== "object" || !jsonSchema.properties) return;
  jsonSchema["x-fal-order-properties"] = Object.keys(jsonSchema.properties);
}
