import type { StandardSchemaV1 } from "@standard-schema/spec";
import { bytesOf, TooManyBytes } from "../base/bounded-body.ts";
import { isTooDeep } from "../base/json.ts";
import { AppError } from "./errors.ts";
import { problemOf } from "./problems.ts";
import type { Source } from "./source.ts";

/** A body that is known to fit is read at once; any other piece by piece. @throws {AppError} 413 */
export async function textOf({ request, bodyBytes }: Source, mostBytes: number): Promise<string> {
  if (bodyBytes !== undefined && bodyBytes <= mostBytes) return request.text();
  try {
    const bytes = await bytesOf(request, { mostBytes, within: (next) => next() });
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (!(error instanceof TooManyBytes)) throw error;
    throw new AppError(413, `The body is longer than ${mostBytes} bytes.`, { billableUnits: 0 });
  }
}

/** No body is an empty object: what is missing in that is said by its name. @throws {AppError} 422, in the form that fal's own apps answer with. */
export function jsonOf(text: string): unknown {
  if (text.trim() === "") return {};
  // Whoever writes it again, a handler or a log, may need the stack for it.
  if (isTooDeep(text)) throw noJson("it is nested deeper than 500 levels");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw noJson((error as SyntaxError).message);
  }
}

const noJson = (error: string): AppError =>
  new AppError(422, [{ type: "json_invalid", loc: ["body"], msg: "JSON decode error", ctx: { error } }]);

/**
 * The body as its schema makes it.
 *
 * @throws {AppError} 422 with where it does not match, without what it was given.
 */
export async function checkedInput(schema: StandardSchemaV1 | undefined, body: unknown): Promise<unknown> {
  if (!schema) return body;
  const validating = schema["~standard"].validate(body);
  const checked = validating instanceof Promise ? await validating : validating;
  if (!checked.issues) return checked.value;
  throw new AppError(
    422,
    checked.issues.map((issue) => problemOf(issue, body)),
  );
}

/** What a handler gave, as its schema lets it leave. @throws {Error} saying where it does not match, and nothing of it. */
export async function checkedOutput(schema: StandardSchemaV1 | undefined, given: unknown): Promise<unknown> {
  if (!schema) return given;
  const validating = schema["~standard"].validate(given);
  const checked = validating instanceof Promise ? await validating : validating;
  if (!checked.issues) return checked.value;
  const problems = checked.issues.map((issue) => problemOf(issue, given));
  const where = problems.map(({ loc, type }) => `${loc.slice(1).join(".") || "(the whole)"} (${type})`);
  throw new TypeError(`What the handler gave does not match its output schema: ${where.join(", ")}`);
}
