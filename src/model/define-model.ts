import type { StandardSchemaV1 } from "@standard-schema/spec";
import * as z from "zod";
import type { Model, ModelContext } from "./model.ts";

export interface ModelDefinition<I extends StandardSchemaV1, O> {
  /** The endpoint, such as `acme/painter`. */
  readonly id: string;
  /** What it takes: any Standard Schema, such as zod's. What does not match is answered as fal does, with a 422. */
  readonly input: I;
  /** What it gives, for its OpenAPI document: a schema of zod. @default any object */
  readonly output?: z.ZodType<O>;
  /** What one unit costs. @default nothing */
  readonly price?: { readonly unit: string; readonly unitPrice: number };
  /** How many units a call is billed. @default 1 */
  readonly units?: (input: StandardSchemaV1.InferOutput<I>, output: O) => number;
  /** Shortest and longest run, in seconds of the emulator's clock. @default [1, 2] */
  readonly takes?: readonly [number, number];
  readonly title?: string;
  /** Makes the output. Files: `context.storeFile(bytes, name, contentType)` gives the URL to answer with. */
  run(input: StandardSchemaV1.InferOutput<I>, context: ModelContext): O | Promise<O>;
}

/**
 * A stand-in of your own, for an emulator.
 *
 * @example
 * export default defineModel({
 *   id: "acme/shout",
 *   input: z.object({ text: z.string() }),
 *   price: { unit: "requests", unitPrice: 0.02 },
 *   run: ({ text }) => ({ text: text.toUpperCase() }),
 * });
 */
export function defineModel<I extends StandardSchemaV1, O>(
  definition: ModelDefinition<I, O>,
): Model<StandardSchemaV1.InferOutput<I>> {
  const { id, title = id, price = FREE, takes = [1, 2], units = () => 1, output, run } = definition;
  return {
    ...{ id, title, price, takes },
    input: inputOf(definition.input),
    ...(output && { output }),
    notice: `stand-in for ${id}: no model runs`,
    stages: () => [],
    async run(input, context) {
      const made = await run(input, context);
      return { output: made, units: units(input, made) };
    },
  };
}

const FREE = { unit: "requests", unitPrice: 0 } as const;

function inputOf<I extends StandardSchemaV1>(schema: I): z.ZodType<StandardSchemaV1.InferOutput<I>> {
  if (schema instanceof z.ZodType) return schema as z.ZodType<StandardSchemaV1.InferOutput<I>>;
  return z.unknown().transform((value, context) => {
    const checked = schema["~standard"].validate(value);
    if (checked instanceof Promise) throw new TypeError("The schema of a stand-in's input checks at once.");
    if (!checked.issues) return checked.value;
    for (const { message, path = [] } of checked.issues) {
      const keys = path.map((part) => (typeof part === "object" ? part.key : part));
      context.addIssue({ code: "custom", message, path: keys, input: value });
    }
    return z.NEVER;
  }) as unknown as z.ZodType<StandardSchemaV1.InferOutput<I>>;
}
