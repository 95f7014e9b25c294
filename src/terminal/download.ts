import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { NetworkError } from "../base/errors.ts";

/**
 * Saves files under `directory`, each as its name with the ending that its content type or URL has. No key goes along:
 * file URLs are public. A file is there whole or not at all.
 *
 * @returns the paths, in order. @throws {NetworkError} naming the file that could not be had.
 */
export async function download(
  files: Readonly<Record<string, string>>,
  directory: string,
  options: { signal?: AbortSignal } = {},
): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  return Promise.all(Object.entries(files).map(([name, url]) => save(name, url, directory, options.signal)));
}

async function save(name: string, url: string, directory: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(url, signal ? { signal } : {}).catch((cause: unknown) => {
    throw new NetworkError(`The file ${shorten(url)} could not be reached.`, { cause });
  });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new NetworkError(
      `The file ${shorten(url)} could not be had (HTTP ${response.status}). fal may have let it go: files and results ` +
        "are kept for a limited time.",
    );
  }
  const path = join(directory, name + ending(response.headers.get("content-type"), url));
  const partial = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await pipeline(
      Readable.fromWeb(response.body as import("node:stream/web").ReadableStream),
      createWriteStream(partial),
    );
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return path;
}

const ENDINGS: Readonly<Record<string, string>> = {
  "image/png": ".png",
  "image/jpeg": ".jpg",
  "image/webp": ".webp",
  "image/gif": ".gif",
  "video/mp4": ".mp4",
  "audio/mpeg": ".mp3",
  "audio/wav": ".wav",
  "application/json": ".json",
};

const ending = (type: string | null, url: string): string =>
  ENDINGS[type?.split(";")[0]?.trim() ?? ""] ?? extname(URL.parse(url)?.pathname ?? "");

/** A data URI is as long as its file. */
const shorten = (url: string): string => (url.length > 120 ? `${url.slice(0, 117)}…` : url);

/** The files in a model's output: every `url` of an object, named by where it stands (`images-0`, `image`). */
export function filesIn(output: unknown, path: readonly string[] = []): Record<string, string> {
  if (typeof output !== "object" || output === null) return {};
  const files: Record<string, string> = {};
  for (const [key, value] of Object.entries(output)) {
    if (key === "url" && typeof value === "string" && /^(https?|data):/.test(value)) {
      files[path.join("-").replace(/[^\w-]+/g, "_") || "file"] = value;
    } else {
      Object.assign(files, filesIn(value, [...path, key]));
    }
  }
  return files;
}
