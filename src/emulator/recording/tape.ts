import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

/** One exchange, as a file that a person can read. */
export type Exchange = z.output<typeof Exchange>;

const Headers = z.record(z.string(), z.string());
/** `body` is JSON, `text` any other text, `media` the name of a file beside it. */
const Body = { body: z.unknown().optional(), text: z.string().optional(), media: z.string().optional() };
const Exchange = z.object({
  at: z.string(),
  request: z.object({ method: z.string(), path: z.string(), headers: Headers, ...Body }),
  reply: z.object({ status: z.int(), headers: Headers, ...Body }),
  /** It broke off: nobody is answered with it. */
  incomplete: z.literal(true).optional(),
});

const EXTENSIONS: Readonly<Record<string, string>> = {
  "image/jpeg": "jpg",
  "image/svg+xml": "svg",
  "audio/mpeg": "mp3",
  "audio/x-wav": "wav",
  "model/gltf-binary": "glb",
  "text/plain": "txt",
};

export interface Tape {
  /** The next number; exchanges are in the order in which they began. */
  number(): number;
  write(number: number, name: string, text: string): void;
  /** Keeps bytes under their hash, and gives the reference that stands for them. */
  keep(bytes: Uint8Array, contentType: string): string;
}

/** What stands in a recording for a file: `media:<sha256>.<extension>`. */
export const mediaOf = (bytes: Uint8Array, contentType: string): string => {
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  const extension = EXTENSIONS[type] ?? /^\w+\/([a-z0-9]+)$/.exec(type)?.[1] ?? "bin";
  return `media:${createHash("sha256").update(bytes).digest("hex")}.${extension}`;
};

/** @throws what the file system says. */
export function openTape(directory: string): Tape {
  const media = join(directory, "media");
  mkdirSync(media, { recursive: true });
  const last = namesIn(directory).at(-1);
  let count = last === undefined ? 0 : Number.parseInt(last, 10);
  return {
    number: () => ++count,
    write(number, name, text) {
      const file = join(directory, `${String(number).padStart(5, "0")}-${name}.json`);
      writeFileSync(`${file}.part`, text);
      renameSync(`${file}.part`, file);
    },
    keep(bytes, contentType) {
      const reference = mediaOf(bytes, contentType);
      writeFileSync(join(media, reference.slice("media:".length)), bytes);
      return reference;
    },
  };
}

/** @throws {RangeError} naming the file that is none of a recording, or that there is none. */
export function readTape(directory: string): readonly Exchange[] {
  const names = namesIn(directory);
  if (names.length === 0) throw new RangeError(`There is no recording in ${directory}.`);
  return names.flatMap((name) => {
    const exchange = readOne(join(directory, name));
    return exchange.incomplete ? [] : [exchange];
  });
}

function readOne(file: string): Exchange {
  try {
    return Exchange.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new RangeError(`${file} is no exchange of a recording.`, { cause });
  }
}

export const readMedia = (directory: string, name: string): Uint8Array<ArrayBuffer> | undefined => {
  if (!/^[0-9a-f]{64}\.[a-z0-9]+$/.test(name)) return undefined;
  try {
    return new Uint8Array(readFileSync(join(directory, "media", name)));
  } catch {
    return undefined;
  }
};

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^\d{5,}-.*\.json$/.test(name))
      .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  } catch {
    return [];
  }
}

/** The same JSON, with each text that stands for a file exchanged. */
export async function exchanged(
  value: unknown,
  take: (text: string) => Promise<string | undefined>,
): Promise<unknown> {
  if (typeof value === "string") return (await take(value)) ?? value;
  if (Array.isArray(value)) return Promise.all(value.map((item) => exchanged(item, take)));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(async ([name, item]) => [name, await exchanged(item, take)]);
  return Object.fromEntries(await Promise.all(entries));
}

/** What a `data:` URI holds. */
export async function dataOf(text: string): Promise<{ bytes: Uint8Array; type: string } | undefined> {
  if (!/^data:[^,]*,/.test(text)) return undefined;
  try {
    const reply = await fetch(text);
    return { bytes: await reply.bytes(), type: reply.headers.get("content-type") ?? "" };
  } catch {
    return undefined;
  }
}
