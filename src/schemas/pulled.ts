import type { StandardSchemaV1 } from "@standard-schema/spec";
import { noteDefaults } from "../queue/defaults.ts";
import type { Endpoint } from "../queue/endpoint.ts";
import { type EndpointSchema, resolved } from "./schema.ts";
import { checkerOf } from "./to-zod.ts";

/**
 * An endpoint as `fal-chain pull` wrote it down. An input that fal would refuse is refused before anything is sent; an
 * output is passed on as it is, whatever it holds: it is paid for.
 *
 * @param schema Its schema, as JSON. It is read at the first call.
 * @example
 * ```ts
 * const { data } = await fal.subscribe(fluxSchnell, { input: { prompt: "a fox" } });
 * ```
 */
export function pulledEndpoint<I, O>(id: string, schema: string): Endpoint<I, O> {
  let check: StandardSchemaV1.Props["validate"] | undefined;
  noteDefaults(id, () => defaultsIn(JSON.parse(schema) as EndpointSchema));
  return {
    id,
    schemas: {
      input: standard<I, unknown>((value) => {
        check ??= checkerOf(JSON.parse(schema) as EndpointSchema);
        return check(value);
      }),
      output: standard<unknown, O>((value) => ({ value })),
    },
  };
}

function defaultsIn({ input, defs }: EndpointSchema): Readonly<Record<string, unknown>> {
  const fields = Object.entries(resolved(input, defs).properties ?? {}).map(([name, field]) => [
    name,
    field.default ?? resolved(field, defs).default,
  ]);
  return Object.fromEntries(fields.filter(([, value]) => value != null));
}

const standard = <I, O>(validate: StandardSchemaV1.Props["validate"]): StandardSchemaV1<I, O> => ({
  "~standard": {
    version: 1,
    vendor: "fal-chain",
    validate: validate as StandardSchemaV1.Props<I, O>["validate"],
  },
});
