/** The files in a model's output: every `url` of an object, named by where it stands (`images-0`, `image`). */
export function filesIn(output: unknown): Record<string, string> {
  const files = new Map<string, string>();
  const taken = new Set<string>();
  for (const [path, url] of urlsIn(output, [])) {
    const name = nameOf(path);
    let free = name;
    // Some systems take capitals for small letters.
    for (let nth = 2; taken.has(free.toLowerCase()); nth++) free = `${name}-${nth}`;
    taken.add(free.toLowerCase());
    files.set(free, url);
  }
  return Object.fromEntries(files);
}

const LONGEST_NAME = 100;

/** A name that every file system takes, whatever a model calls its fields. */
function nameOf(path: readonly string[]): string {
  const name =
    path
      .join("-")
      .slice(0, LONGEST_NAME)
      .replace(/[^\w-]+/g, "_")
      .replace(/^-/, "_") || "file";
  return /^(con|prn|aux|nul|com\d|lpt\d)$/i.test(name) ? `${name}_` : name;
}

function* urlsIn(value: unknown, path: readonly string[]): Generator<[path: readonly string[], url: string]> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (key === "url" && typeof child === "string" && /^(https?|data):/i.test(child)) yield [path, child];
    else yield* urlsIn(child, [...path, key]);
  }
}
