import type * as z from "zod";
import { type DetailItem, errorPage, ModelFailure } from "../model/model.ts";
import { rounded, withDigits } from "./exact-json.ts";

type Issue = z.core.$ZodIssue;

/** Parses an input as the model would, or throws the 422 that fal answers with. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const exact = schema.safeParse(withDigits(input));
  if (exact.success) return exact.data;
  // Who takes numbers only is given the nearest one, as from any other JSON.
  const parsed = schema.safeParse(rounded(input), { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new ModelFailure(422, parsed.error.issues.flatMap(onlyTheBranchMeant).map(detailOf));
}

/** Of a union's failures, those of the branch that fits best are the ones worth reading: the deepest path wins. */
function onlyTheBranchMeant(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const branches = issue.errors.map((branch) =>
    branch.flatMap((inner) => onlyTheBranchMeant({ ...inner, path: [...issue.path, ...inner.path] })),
  );
  const depth = (branch: Issue[]) => Math.max(0, ...branch.map(({ path }) => path.length));
  return branches.reduce((best, branch) => (depth(branch) > depth(best) ? branch : best), branches[0] ?? []);
}

function detailOf(issue: Issue): DetailItem {
  const { type, msg, ctx } = describe(issue);
  return {
    loc: ["body", ...issue.path.map((key) => (typeof key === "number" ? key : String(key)))],
    msg,
    type,
    url: errorPage(type),
    ...(ctx && { ctx }),
    ...(issue.input !== undefined && { input: issue.input }),
  };
}

interface Description {
  readonly type: string;
  readonly msg: string;
  readonly ctx?: Record<string, unknown>;
}

function describe(issue: Issue): Description {
  if (issue.input === undefined) return { type: "missing", msg: "Field required" };
  switch (issue.code) {
    case "invalid_type":
      return wrongType(issue.expected);
    case "invalid_value": {
      const expected = issue.values.map(String);
      const listed = expected.map((value) => `'${value}'`).join(", ");
      return { type: "one_of", msg: `Input should be one of ${listed}`, ctx: { expected } };
    }
    case "too_small":
    case "too_big":
      return outOfRange(issue);
    case "not_multiple_of":
      return {
        type: "multiple_of",
        msg: `Input should be a multiple of ${issue.divisor}`,
        ctx: { multiple_of: issue.divisor },
      };
    default:
      return { type: "value_error", msg: issue.message };
  }
}

function wrongType(expected: string): Description {
  const types: Record<string, readonly [type: string, noun: string]> = {
    string: ["string_type", "string"],
    int: ["int_type", "integer"],
    number: ["float_type", "number"],
    boolean: ["bool_type", "boolean"],
    array: ["list_type", "list"],
    object: ["model_attributes_type", "dictionary"],
  };
  const [type, noun] = types[expected] ?? ["value_error", expected];
  return { type, msg: `Input should be a valid ${noun}` };
}

function outOfRange(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): Description {
  const low = issue.code === "too_small";
  const bound = Number(low ? issue.minimum : issue.maximum);
  if (issue.origin === "string") {
    const [type, name, ctxKey] = low
      ? ["string_too_short", "at least", "min_length"]
      : ["string_too_long", "at most", "max_length"];
    return { type, msg: `String should have ${name} ${bound} characters`, ctx: { [ctxKey]: bound } };
  }
  if (issue.origin === "array") {
    const [type, name, ctxKey] = low
      ? ["sequence_too_short", "at least", "min_length"]
      : ["sequence_too_long", "at most", "max_length"];
    return { type, msg: `List should have ${name} ${bound} items`, ctx: { [ctxKey]: bound } };
  }
  const side = low ? "greater" : "less";
  const key = low ? "g" : "l";
  return issue.inclusive
    ? {
        type: `${side}_than_equal`,
        msg: `Input should be ${side} than or equal to ${bound}`,
        ctx: { [`${key}e`]: bound },
      }
    : { type: `${side}_than`, msg: `Input should be ${side} than ${bound}`, ctx: { [`${key}t`]: bound } };
}
