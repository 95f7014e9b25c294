import type { StandardSchemaV1 } from "@standard-schema/spec";

/** One problem of an input, in fal's form: https://fal.ai/docs/documentation/model-apis/errors */
export interface Problem {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** What a schema says is wrong, as fal says it: without what it was given. */
export function problemOf(issue: StandardSchemaV1.Issue, given: unknown): Problem {
  const path = (issue.path ?? []).map((part) => (typeof part === "object" ? part.key : part));
  const loc = path.map((part) => (typeof part === "number" ? part : String(part)));
  const kind = isMissing(path, given) ? { type: "missing" } : kindOf(issue as ZodIssue);
  return { loc: ["body", ...loc], msg: issue.message, ...kind };
}

function isMissing(path: readonly PropertyKey[], given: unknown): boolean {
  let value = given;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return false;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value === undefined;
}

/** The standard does not say what kind a problem is of; zod does, and others say `code` too. */
interface ZodIssue {
  readonly code?: unknown;
  readonly origin?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  readonly inclusive?: unknown;
  readonly divisor?: unknown;
  readonly values?: unknown;
}

type Kind = Pick<Problem, "type" | "ctx">;

function kindOf({ code, origin, minimum, maximum, inclusive, divisor, values }: ZodIssue): Kind {
  switch (code) {
    case "too_small":
      if (origin === "string") return { type: "string_too_short", ctx: { min_length: minimum } };
      if (origin === "array") return { type: "sequence_too_short", ctx: { min_length: minimum } };
      return inclusive
        ? { type: "greater_than_equal", ctx: { ge: minimum } }
        : { type: "greater_than", ctx: { gt: minimum } };
    case "too_big":
      if (origin === "string") return { type: "string_too_long", ctx: { max_length: maximum } };
      if (origin === "array") return { type: "sequence_too_long", ctx: { max_length: maximum } };
      return inclusive
        ? { type: "less_than_equal", ctx: { le: maximum } }
        : { type: "less_than", ctx: { lt: maximum } };
    case "not_multiple_of":
      return { type: "multiple_of", ctx: { multiple_of: divisor } };
    case "invalid_value":
      return { type: "one_of", ctx: { expected: values } };
    default:
      return { type: typeof code === "string" ? code : "value_error" };
  }
}
