import { schemaOf } from "../../src/schemas/document.ts";
import type { EndpointSchema } from "../../src/schemas/schema.ts";

const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const content = (schema: object) => ({ content: { "application/json": { schema } } });

export const ODD = "acme/odd";

/** A document as fal has them: labelled 3.0.4, with what only 3.1 has, and faults that were seen in real ones. */
const documentOf = (input: object, output: object, others: object = {}, id = ODD) => ({
  openapi: "3.0.4",
  paths: {
    [`/${id}/requests/{request_id}/status`]: {
      get: { responses: { 200: content(reference("QueueStatus")) } },
    },
    [`/${id}`]: {
      post: {
        requestBody: content(reference("Asked")),
        responses: { 200: content(reference("QueueStatus")) },
      },
    },
    [`/${id}/requests/{request_id}`]: { get: { responses: { 200: content(reference("Answered")) } } },
  },
  components: {
    schemas: { QueueStatus: { type: "object" }, Asked: input, Answered: output, ...others },
  },
});

export const schemaWith = (input: object, output: object = {}, others: object = {}): EndpointSchema =>
  schemaOf(
    documentOf({ type: "object", ...input }, { type: "object", ...output }, others),
    ODD,
  ) as EndpointSchema;

export const odd = schemaWith(
  {
    "x-fal-order-properties": ["prompt", "mode", "nowhere"],
    required: ["prompt", "mode"],
    properties: {
      size: { ...reference("fal__toolkit__Size"), description: "Of the picture.", default: { width: 512 } },
      prompt: {
        type: "string",
        title: "Prompt",
        description: "What to paint.\n  */ Really.",
        minLength: 1,
        maxLength: 9,
      },
      mode: { type: "string", enum: ["fast", "slow"], default: "fast" },
      strength: { type: "number", exclusiveMinimum: 0, maximum: 1 },
      steps: { type: "integer", minimum: 4, exclusiveMinimum: true, default: "many" },
      seed: { anyOf: [{ type: "integer" }, { type: "null" }] },
      old_seed: { type: "integer", examples: [null] },
      image_url: { type: "string", format: "uri" },
      mask: { anyOf: [{ type: "string" }, { type: "null" }], ui: { field: "file" } },
      video_urls: { type: "array", items: { type: "string" }, maxItems: 2 },
      webhook_url: { type: "string" },
      style: { const: "flat" },
      legacy: { type: "string", nullable: true },
      lost: { ...reference("Nobody"), title: "What was lost" },
      pair: {
        type: "array",
        minItems: 2,
        maxItems: 2,
        prefixItems: [{ type: "number" }, { type: "string" }],
      },
      tree: reference("Node"),
      weights: { type: "object", additionalProperties: { type: "number" } },
      either: { type: ["string", "integer"], minimum: 3 },
      whole: { allOf: [reference("fal__toolkit__Size")] },
      name: { type: "string", pattern: "^[a-z]+$" },
      python: { type: "string", pattern: "(?P<year>x)" },
    },
  },
  {
    required: ["images"],
    properties: {
      images: { type: "array", items: { anyOf: [reference("fal__toolkit__Size"), { type: "null" }] } },
      "file-size": { oneOf: [{ type: "integer" }, { type: "number" }] },
      rest: {},
      image_url: { type: "string" },
    },
  },
  {
    fal__toolkit__Size: { type: "object", properties: { width: { type: "integer", exclusiveMinimum: 0 } } },
    Node: { type: "object", properties: { children: { type: "array", items: reference("Node") } } },
    Unused: { type: "object" },
  },
);
