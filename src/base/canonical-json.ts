import { parseOwn } from "./json.ts";

/**
 * The JSON of an input, the same whatever the order of its fields.
 *
 * @param renamed What each text in it counts as.
 */
export const canonicalJson = (body: string, renamed: (text: string) => string): string =>
  JSON.stringify(canonicalised(parseOwn(body), renamed));

function canonicalised(value: unknown, renamed: (text: string) => string): unknown {
  if (typeof value === "string") return renamed(value);
  if (Array.isArray(value)) return value.map((item) => canonicalised(item, renamed));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(fields.map(([name, item]) => [name, canonicalised(item, renamed)]));
}
