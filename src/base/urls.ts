/** Every URL in a JSON value, with its path. */
export function* urlsIn(value: unknown, path = ""): Generator<[url: string, path: string]> {
  if (typeof value === "string") {
    if (/^(https?|data):/.test(value)) yield [value, path];
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) yield* urlsIn(item, `${path}/${name}`);
  }
}

/** The JSON with some of its texts replaced, where they stand alone. */
export const withTexts = (json: string, replacements: ReadonlyMap<string, string>): string =>
  JSON.stringify(JSON.parse(json), (_, value: unknown) =>
    typeof value === "string" ? (replacements.get(value) ?? value) : value,
  );
