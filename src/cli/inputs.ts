import { InvalidArgumentError } from "../index.ts";

/**
 * `["prompt=a fox", "num_images=2", "image_size.width=512"]` as an input. A value that is JSON is taken as such (a
 * number, a list, a text in quotation marks), any other as the text it is; a dot goes one level down.
 *
 * @throws {InvalidArgumentError} naming the argument that is no pair.
 */
export function parseFields(
  pairs: readonly string[],
  base: Record<string, unknown> = {},
): Record<string, unknown> {
  const input = structuredClone(base);
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) {
      throw new InvalidArgumentError(
        `${JSON.stringify(pair)} is not a field of the input. Fields read name=value, such as prompt="a fox".`,
      );
    }
    const path = pair.slice(0, at).split(".");
    const last = path.pop() ?? "";
    let target = input;
    for (const key of path) target = child(target, key, pair);
    target[last] = parseValue(pair.slice(at + 1));
  }
  return input;
}

function child(parent: Record<string, unknown>, key: string, pair: string): Record<string, unknown> {
  if (["__proto__", "constructor", "prototype"].includes(key)) {
    throw new InvalidArgumentError(`${JSON.stringify(pair)} names no field of an input.`);
  }
  parent[key] ??= {};
  const value = parent[key];
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new InvalidArgumentError(
    `${JSON.stringify(pair)} goes into ${key}, which is set to a value already.`,
  );
}

function parseValue(text: string): unknown {
  if (!/^(true|false|null|-?\d|["[{])/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `["customer=acme"]` as tags. */
export function parseTags(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1)
        throw new InvalidArgumentError(`${JSON.stringify(pair)} is not a tag. Tags read key=value.`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** `90`, `90s`, `5m`, `500ms` in milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  const factor = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match?.[2] ?? "s"];
  const value = Number(match?.[1]) * (factor ?? Number.NaN);
  if (value > 0) return value;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is not a duration. It reads 90s, 5m or 500ms.`);
}
