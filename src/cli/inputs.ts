import { readFile } from "node:fs/promises";
import { parseOwn } from "../base/json.ts";
import { InvalidArgumentError } from "../index.ts";
import type { Io } from "./cli.ts";

type Input = Record<string, unknown>;

/**
 * `["prompt=a fox", "num_images=2", "image_size.width=512"]` as an input. A value that is JSON is taken as such (a
 * number, a list, a text in quotation marks), any other as the text it is; a dot goes one level down.
 *
 * @throws {InvalidArgumentError} naming the argument that is no pair.
 */
export function parseFields(pairs: readonly string[], base: Input = {}): Input {
  const input = structuredClone(base);
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    const path = pair.slice(0, Math.max(at, 0)).split(".");
    if (path.includes("") || path.some((key) => key in Object.prototype)) {
      throw new InvalidArgumentError(
        `${JSON.stringify(pair)} is not a field of the input. Fields read name=value, such as prompt="a fox".`,
      );
    }
    const last = path.pop() ?? "";
    let target = input;
    for (const key of path) target = child(target, key, pair);
    target[last] = parseValue(pair.slice(at + 1), pair);
  }
  return input;
}

function child(parent: Input, key: string, pair: string): Input {
  parent[key] ??= {};
  const value = parent[key];
  if (isInput(value)) return value;
  throw new InvalidArgumentError(
    `${JSON.stringify(pair)} goes into ${key}, which is set to a value already.`,
  );
}

function parseValue(text: string, pair: string): unknown {
  if (!/^(true$|false$|null$|-?\d|["[{])/.test(text)) return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof value === "number" && /^-?\d+$/.test(text) && !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError(
      `${JSON.stringify(pair)} is a number that is too large to be sent exactly. In quotation marks of its own it goes ` +
        "as a text.",
    );
  }
  return value;
}

const isInput = (value: unknown): value is Input =>
  typeof value === "object" && value !== null && !Array.isArray(value);

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

/** `90`, `90s`, `5m`, `7d`, `500ms` in milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
  const factor = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match?.[2] ?? "s"];
  const value = Number(match?.[1]) * (factor ?? Number.NaN);
  if (value > 0) return value;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is not a duration. It reads 90s, 5m or 500ms.`);
}

/** `names` as what an option may be. */
export function parseOneOf<T extends string>(option: string, text: string, names: readonly T[]): T {
  const name = names.find((known) => known === text);
  if (name) return name;
  throw new InvalidArgumentError(`${option} is ${JSON.stringify(text)}; it is one of ${names.join(", ")}.`);
}

/** Lines of a list that are drawn where nobody says how many. */
const FEW = 20;

/** How many of a list are wanted; JSON is for programs, which want all. */
export function parseListLimit({
  limit,
  json,
}: {
  readonly limit?: string;
  readonly json?: boolean;
}): number {
  // One more can be asked for too.
  if (limit === undefined) return json ? Number.MAX_SAFE_INTEGER - 1 : FEW;
  const number = Number(limit);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError(`--limit is ${JSON.stringify(limit)}; it is a whole number from 1 up.`);
}

/** Beside the list, which may be read by a program. */
export function sayHowMany({ stderr }: Pick<Io, "stderr">, shown: number, all: number, what: string): void {
  stderr.write(`The newest ${shown} of ${all} ${what}. More: --limit ${all}\n`);
}

/** The JSON object in a file, or in standard input for `-`; nothing for no file. */
export async function readInput(file: string | undefined, stdin: Io["stdin"]): Promise<Input> {
  if (file === undefined) return {};
  const name = file === "-" ? "Standard input" : file;
  const text = await (file === "-" ? readAll(stdin) : readFile(file, "utf8")).catch((cause: Error) => {
    throw new InvalidArgumentError(`${name} could not be read: ${cause.message}.`, { cause });
  });
  let value: unknown;
  try {
    value = parseOwn(text);
  } catch {
    // Said below.
  }
  if (isInput(value)) return value;
  throw new InvalidArgumentError(`${name} does not hold a JSON object.`);
}

async function readAll(stdin: Io["stdin"]): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdin) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks).toString("utf8");
}
