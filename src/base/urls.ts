import { parseOwn } from "./json.ts";

/** Every URL in a JSON value, with its path, in the order in which they stand there. */
export function* urlsIn(value: unknown): Generator<[url: string, path: string]> {
  // Without recursion: each URL would be handed up through every level that it lies under.
  const left: [value: unknown, path: string][] = [[value, ""]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [item, path] = next;
    if (typeof item === "string") {
      if (/^(https?|data):/.test(item)) yield [item, path];
    } else if (typeof item === "object" && item !== null) {
      for (const [name, inner] of Object.entries(item).reverse()) left.push([inner, `${path}/${name}`]);
    }
  }
}

/** The JSON with some of its texts replaced, where they stand alone. */
export const withTexts = (json: string, replacements: ReadonlyMap<string, string>): string =>
  JSON.stringify(parseOwn(json), (_, value: unknown) =>
    typeof value === "string" ? (replacements.get(value) ?? value) : value,
  );
