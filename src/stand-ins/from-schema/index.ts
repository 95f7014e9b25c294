import * as z from "zod";
import { InvalidArgumentError } from "../../errors/arguments.ts";
import type { Model } from "../../model/model.ts";
import { schemaOf } from "../../schemas/document.ts";
import type { EndpointSchema, Schema } from "../../schemas/schema.ts";
import { anySeed, makeMedia } from "./media.ts";
import { sample } from "./sample.ts";

export interface FromSchemaOptions {
  /** What a unit costs; a call is billed one for each file that it gives, and at least one. @default 0.01 a request */
  readonly price?: Model["price"];
}

type Input = Readonly<Record<string, unknown>>;

/**
 * A stand-in for any endpoint, from its OpenAPI document as fal has it: it takes and refuses what the document says, and
 * answers in its form, with files that are there. The same input and seed give the same.
 *
 * @param document As `GET https://api.fal.ai/v1/models?endpoint_id=…&expand=openapi-3.0` has it, or a model's page.
 * @throws {InvalidArgumentError} where it says of no input.
 *
 * @example createEmulator({ models: [...standIns, modelFromSchema("acme/painter", JSON.parse(text))] })
 */
export function modelFromSchema(
  id: string,
  document: unknown,
  options: FromSchemaOptions = {},
): Model<Input> {
  const schema = schemaOf(document, id);
  if (!schema) {
    throw new InvalidArgumentError(
      `The document of ${id} has no input: it is an OpenAPI document with a POST of a JSON body.`,
    );
  }
  return standInFor(id, schema, options) as Model<Input>;
}

/** What answers where nothing is known of an endpoint: it gives back what it is given. */
export const echoModel = (id: string): Model<Input> => ({
  id,
  title: id,
  price: FREE,
  input: z.looseObject({}),
  notice: `nothing is known of ${id}: its input is given back. Give its schema: fal-chain emulate --schema file.json`,
  takes: [0.5, 1],
  stages: () => [],
  run: async (input) => ({ output: { ...input }, units: 1 }),
});

const FREE: Model["price"] = { unit: "requests", unitPrice: 0 };
const A_CENT: Model["price"] = { unit: "requests", unitPrice: 0.01 };

/** The same from what a document says. */
export function standInFor(
  id: string,
  { input, output, defs }: EndpointSchema,
  options: FromSchemaOptions,
): Model {
  return modelOf(id, { input, output, defs }, options) as Model;
}

function modelOf(
  id: string,
  { input, output, defs }: EndpointSchema,
  options: FromSchemaOptions,
): Model<Input> {
  const { price = A_CENT } = options;
  const notice = `stand-in for ${id}: made from its schema, no model runs`;
  return {
    ...{ id, title: id, price, notice },
    input: checker(input, defs) as z.ZodType<Input>,
    output: checker(output, defs),
    takes: [1, 2],
    stages: () => ["reading the input", "making an answer"],
    async run(given, context) {
      const text = textOf(given) ?? notice;
      const seed = typeof given["seed"] === "number" ? given["seed"] : anySeed(context);
      const size = sizeOf(given);
      const format = given["output_format"] === "jpeg" ? "jpeg" : undefined;
      let files = 0;
      const made = await sample(output, ["output"], {
        ...{ defs, text, seed, input: given, count: countOf(given) },
        file: (kind) => makeMedia(kind, { text, seed: seed + files++, note: notice, size, format }, context),
      });
      return { output: made, units: Math.max(1, files) };
    },
  };
}

/** As zod checks it. What fal does not check, it does not: formats, and patterns that JavaScript cannot read. */
function checker(schema: Schema, defs: EndpointSchema["defs"]): z.ZodType {
  const plain = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(plain);
    if (typeof part !== "object" || part === null) return part;
    const entries = Object.entries(part).flatMap(([key, value]): [string, unknown][] => {
      if (["format", "isFile", "examples", "title"].includes(key)) return [];
      if (key === "pattern" && !isRegExp(value)) return [];
      return [
        [
          key,
          key === "$ref" ? `#/$defs/${value}` : key === "default" || key === "enum" ? value : plain(value),
        ],
      ];
    });
    return Object.fromEntries(entries);
  };
  const of = (part: Schema) => plain(part) as z.core.JSONSchema.JSONSchema;
  const $defs = Object.fromEntries(Object.entries(defs).map(([name, part]) => [name, of(part)]));
  return z.fromJSONSchema({ ...of(schema), $defs });
}

function isRegExp(pattern: unknown): boolean {
  try {
    return new RegExp(String(pattern), "u") !== undefined;
  } catch {
    return false;
  }
}

const TEXTS = ["prompt", "text", "input", "script", "lyrics", "query", "instruction", "description"] as const;

/** What an input is about. */
function textOf(input: Input): string | undefined {
  const texts = TEXTS.map((name) => input[name]).filter((value) => typeof value === "string" && value !== "");
  return texts[0] as string | undefined;
}

const COUNTS = /^(num|number_of|n)_?(images|videos|outputs|samples|results|generations|variations)?$/;

/** How many things are asked for. */
function countOf(input: Input): number {
  const [, count] =
    Object.entries(input).find(([name, value]) => COUNTS.test(name) && typeof value === "number") ?? [];
  return typeof count === "number" && count >= 1 && count <= 16 ? Math.floor(count) : 1;
}

const LARGEST = 2048;

/** In pixels, where the input says so in numbers. */
function sizeOf(input: Input): { width: number; height: number } | undefined {
  const { width, height } = (typeof input["image_size"] === "object" ? input["image_size"] : input) as Input;
  const isSide = (side: unknown): side is number =>
    Number.isInteger(side) && Number(side) >= 16 && Number(side) <= LARGEST;
  return isSide(width) && isSide(height) ? { width, height } : undefined;
}
