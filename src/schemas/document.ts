import { type Components, normalise } from "./normalise.ts";
import { type EndpointSchema, reachable, resolved } from "./schema.ts";

type Raw = Readonly<Record<string, unknown>>;

/**
 * What an endpoint's OpenAPI document says of its input and output. They are what its paths refer to; their names follow no
 * rule.
 *
 * @returns undefined where the document has no input.
 */
export function schemaOf(document: unknown, id: string): EndpointSchema | undefined {
  const components = objectAt(document, "components", "schemas") as Components;
  const paths = objectAt(document, "paths");
  const posted = [`/${id}`, ...Object.keys(paths)].map((path) =>
    bodyOf(objectAt(paths, path, "post", "requestBody")),
  );
  const rawInput = posted.find((body) => body !== undefined);
  if (rawInput === undefined) return undefined;
  const results = [
    `/${id}/requests/{request_id}`,
    ...Object.keys(paths).filter((path) => path.endsWith("/requests/{request_id}")),
  ];
  const rawOutput = results
    .map((path) => bodyOf(objectAt(paths, path, "get", "responses", "200")))
    .find((body) => body !== undefined);

  const all = Object.fromEntries(
    Object.keys(components).map((name) => [name, normalise(components[name], components)]),
  );
  const [input, output] = [rawInput, rawOutput].map((raw) =>
    // Known by its endpoint: its name in the document is of no use.
    resolved(normalise(raw, components), all),
  );
  if (!input || !output) return undefined;
  const names = reachable(output, all, reachable(input, all));
  return {
    input,
    output,
    defs: Object.fromEntries([...names].sort().map((name) => [name, all[name] ?? {}])),
  };
}

const bodyOf = (content: Raw): unknown => objectAt(content, "content", "application/json")["schema"];

/** The object at a path of keys; an empty one where there is none. */
function objectAt(from: unknown, ...keys: readonly string[]): Raw {
  let at = from;
  for (const key of keys) at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return isObject(at) ? at : {};
}

const isObject = (value: unknown): value is Raw =>
  typeof value === "object" && value !== null && !Array.isArray(value);
