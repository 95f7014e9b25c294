import type { StandardSchemaV1 } from "@standard-schema/spec";
import { en } from "zod/locales";
import * as z from "zod/mini";
import { isAttachment } from "../base/json.ts";
import type { EndpointSchema, Json, Schema } from "./schema.ts";

type Zod = z.ZodMiniType;

/** Tells what of an input fal would refuse. What it accepts it gives as it is: no default is put in, nothing left out. */
export function checkerOf({
  input,
  defs,
}: EndpointSchema): (value: unknown) => StandardSchemaV1.Result<unknown> {
  const schema = zodOf(input, defs);
  const { localeError } = en();
  return (value) => {
    const checked = z.safeParse(schema, plain(value, new Set()), { error: localeError });
    return checked.success ? { value } : { issues: checked.error.issues.flatMap(telling) };
  };
}

/** Of a choice, what the branch says that was meant: the one that a value fits deepest, or by its kind. */
function telling(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") return [issue];
  const branches = issue.errors.map((branch) =>
    branch.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })).flatMap(telling),
  );
  const isOfKind = ([first]: z.core.$ZodIssue[]) =>
    first !== undefined && (first.code !== "invalid_type" || first.path.length > issue.path.length);
  const [meant] = branches.filter(isOfKind);
  if (meant) return meant;
  const wishes = new Set(branches.flat().map(({ message }) => message.replace(/^Invalid input: /, "")));
  return [{ ...issue, message: `Invalid input: ${[...wishes].join(", or ")}` }];
}

/** As JSON has it: a file is the URL that it gets before it is sent. */
function plain(value: unknown, above: ReadonlySet<unknown>): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null || above.has(value)) return value;
  if (isAttachment(value)) return "https://v3.fal.media/file";
  if ("toJSON" in value && typeof value.toJSON === "function") return value.toJSON();
  const inside = new Set([...above, value]);
  if (Array.isArray(value)) return value.map((item) => plain(item, inside));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, inside)]));
}

function zodOf(schema: Schema, defs: EndpointSchema["defs"]): Zod {
  const made = new Map<string, Zod>();
  const make = (part: Schema): Zod => {
    if (part.$ref !== undefined) return reference(part.$ref);
    if (part.anyOf) return z.union(part.anyOf.map(make) as [Zod, ...Zod[]]);
    if (part.enum) return oneOf(part.enum);
    switch (part.type) {
      case "string":
        return text(part);
      case "integer":
      case "number":
        return number(part);
      case "boolean":
        return z.boolean();
      case "null":
        return z.null();
      case "array":
        return array(part, make);
      case "object":
        return object(part, make);
      default:
        return z.unknown();
    }
  };
  // Made when it is needed: a definition may speak of itself.
  const reference = (name: string): Zod =>
    z.lazy(() => {
      const known = made.get(name) ?? make(defs[name] ?? {});
      made.set(name, known);
      return known;
    });
  return make(schema);
}

function oneOf(values: readonly Json[]): Zod {
  const simple = values.filter((value) => typeof value !== "object" || value === null);
  if (simple.length < values.length) return z.unknown();
  return values.length === 0 ? z.never() : z.literal(simple as [string, ...string[]]);
}

function text({ minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format }: Schema): Zod {
  const checks: z.core.$ZodCheck<string>[] = [];
  // fal counts characters, not the halves that JavaScript makes of some.
  const long = (value: string) => Array.from(value).length;
  if (minLength > 0)
    checks.push(
      z.refine((value) => long(value) >= minLength, `Too short: fewer than ${minLength} characters`),
    );
  if (maxLength < Number.POSITIVE_INFINITY)
    checks.push(
      z.refine(
        (value) => value.length <= maxLength || long(value) <= maxLength,
        `Too long: more than ${maxLength} characters`,
      ),
    );
  const expression = pattern === undefined ? undefined : compiled(pattern);
  if (expression) checks.push(z.refine((value) => expression.test(value), `Does not match ${pattern}`));
  // Some take an empty one for none.
  if (format === "uri") checks.push(z.refine((value) => value === "" || URL.canParse(value), "Is not a URL"));
  return z.string().check(...checks);
}

/** A pattern is Python's: what JavaScript does not know is left to fal. */
function compiled(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, "u");
  } catch {
    return undefined;
  }
}

function number(schema: Schema): Zod {
  const { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const checks: z.core.$ZodCheck<number>[] = [];
  // Not zod's int: a seed may be larger than what JavaScript holds exactly.
  if (type === "integer") checks.push(z.refine((value) => Number.isInteger(value), "Is not a whole number"));
  if (minimum !== undefined) checks.push(z.gte(minimum));
  if (maximum !== undefined) checks.push(z.lte(maximum));
  if (exclusiveMinimum !== undefined) checks.push(z.gt(exclusiveMinimum));
  if (exclusiveMaximum !== undefined) checks.push(z.lt(exclusiveMaximum));
  if (multipleOf !== undefined) checks.push(z.multipleOf(multipleOf));
  return z.number().check(...checks);
}

function array({ items, prefixItems, minItems, maxItems }: Schema, make: (part: Schema) => Zod): Zod {
  const rest = items ? make(items) : z.unknown();
  const parts = prefixItems?.map(make) ?? [];
  const isExact = parts.length > 0 && (minItems ?? 0) >= parts.length;
  const checks = [
    ...(minItems === undefined ? [] : [z.minLength(minItems)]),
    ...(maxItems === undefined ? [] : [z.maxLength(maxItems)]),
  ];
  if (isExact)
    return z.tuple(parts as [Zod, ...Zod[]], rest).check(...(checks as z.core.$ZodCheck<unknown[]>[]));
  return z
    .array(parts.length > 0 ? z.union([rest, ...parts]) : rest)
    .check(...(checks as z.core.$ZodCheck<unknown[]>[]));
}

function object(schema: Schema, make: (part: Schema) => Zod): Zod {
  const { properties = {}, required = [], additionalProperties: rest } = schema;
  const fields = Object.entries(properties).map(([name, field]) => {
    const made = make(field);
    return [name, required.includes(name) ? made : z.optional(made)] as const;
  });
  const shape = Object.fromEntries(fields);
  if (rest === false) return z.strictObject(shape);
  // A misspelt field is TypeScript's to find: fal ignores it.
  return rest ? z.catchall(z.object(shape), make(rest)) : z.looseObject(shape);
}
