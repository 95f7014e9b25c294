export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

export type Kind = "string" | "number" | "integer" | "boolean" | "null" | "array" | "object";

/**
 * A JSON Schema in which everything is said in one way: null is a kind, a choice is `anyOf`, a constant an `enum` of one,
 * limits are numbers, and `$ref` is the name of a definition that is there. Without any of it, it takes anything.
 */
export interface Schema extends Limits {
  readonly title?: string;
  readonly description?: string;
  /** What fal puts where nothing is given; it need not be of the type. */
  readonly default?: Json;
  readonly examples?: readonly Json[];
  /** The URL of a file, in the place of which a client takes the file. */
  readonly isFile?: true;
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly Json[];
  readonly type?: Kind;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** Fields beyond `properties`: none at all, or of this kind. Not said: they are ignored. */
  readonly additionalProperties?: false | Schema;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
}

export interface Limits {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** What an endpoint takes and gives, and the definitions that both speak of. */
export interface EndpointSchema {
  readonly input: Schema;
  readonly output: Schema;
  readonly defs: Readonly<Record<string, Schema>>;
}

/** What a schema says once its references are followed; of one that only leads to itself nothing is known. */
export function resolved(schema: Schema, defs: EndpointSchema["defs"]): Schema {
  const seen = new Set<string>();
  let at = schema;
  while (at.$ref !== undefined) {
    if (seen.has(at.$ref)) return {};
    seen.add(at.$ref);
    at = defs[at.$ref] ?? {};
  }
  return at;
}

/** The names of the definitions that a schema speaks of, directly or by others. */
export function reachable(
  schema: Schema,
  defs: EndpointSchema["defs"],
  found = new Set<string>(),
): Set<string> {
  if (schema.$ref !== undefined) {
    if (found.has(schema.$ref)) return found;
    found.add(schema.$ref);
    reachable(defs[schema.$ref] ?? {}, defs, found);
  }
  for (const part of partsOf(schema)) reachable(part, defs, found);
  return found;
}

const partsOf = ({ anyOf, properties, additionalProperties, items, prefixItems }: Schema): Schema[] => [
  ...(anyOf ?? []),
  ...Object.values(properties ?? {}),
  ...(additionalProperties ? [additionalProperties] : []),
  ...(items ? [items] : []),
  ...(prefixItems ?? []),
];

/** Whether the schema says nothing: it takes anything. */
export const isAnything = ({ $ref, anyOf, enum: values, type }: Schema): boolean =>
  $ref === undefined && !anyOf && !values && type === undefined;
