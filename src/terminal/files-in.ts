/** The files in a model's output: every `url` of an object, named by where it stands (`images-0`, `image`). */
export function filesIn(output: unknown): Record<string, string> {
  const files = new Map<string, string>();
  for (const [path, url] of urlsIn(output, [])) {
    const name = path.join("-").replace(/[^\w-]+/g, "_") || "file";
    let free = name;
    for (let nth = 2; files.has(free); nth++) free = `${name}-${nth}`;
    files.set(free, url);
  }
  return Object.fromEntries(files);
}

function* urlsIn(value: unknown, path: readonly string[]): Generator<[path: readonly string[], url: string]> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (key === "url" && typeof child === "string" && /^(https?|data):/i.test(child)) yield [path, child];
    else yield* urlsIn(child, [...path, key]);
  }
}
