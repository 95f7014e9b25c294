import { endOfText } from "./json.ts";

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

/** The JSON with some of its texts replaced, where they stand alone; the rest stays as it is, to the digit. */
export function withTexts(json: string, replacements: ReadonlyMap<string, string>): string {
  const parts: string[] = [];
  let taken = 0;
  for (let at = json.indexOf('"'); at >= 0; at = json.indexOf('"', taken)) {
    const end = endOfText(json, at) + 1;
    const isKey = /^\s*:/.test(json.slice(end, end + 10));
    const replaced = isKey ? undefined : replacements.get(JSON.parse(json.slice(at, end)));
    parts.push(
      json.slice(taken, at),
      replaced === undefined ? json.slice(at, end) : JSON.stringify(replaced),
    );
    taken = end;
  }
  return parts.join("") + json.slice(taken);
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether what goes to this host, as a URL names it, stays on this machine. */
export const isLoopback = (hostname: string): boolean => LOOPBACK.test(hostname);
