import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { NetworkError } from "../errors/network.ts";

/**
 * Saves files under `directory`, each as its name with the ending that its content type or URL has. No key goes along:
 * file URLs are public. A file is there whole or not at all; one that fails does not stop the others.
 *
 * @returns the paths, in order. @throws {NetworkError} naming the first file that could not be had.
 */
export async function download(
  files: Readonly<Record<string, string>>,
  directory: string,
  options: { signal?: AbortSignal } = {},
): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const { signal = new AbortController().signal } = options;
  const saves = Object.entries(files).map(([name, url]) => save(name, url, directory, signal));
  await Promise.allSettled(saves);
  return Promise.all(saves);
}

async function save(name: string, url: string, directory: string, signal: AbortSignal): Promise<string> {
  const failed = (why: string, cause?: unknown) => {
    signal.throwIfAborted();
    return new NetworkError(`The file ${shorten(url)} ${why}`, { cause });
  };
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    throw failed("could not be reached.", cause);
  });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw failed(
      `could not be had (HTTP ${response.status}). fal may have let it go: files are kept for a limited time.`,
    );
  }
  const path = join(directory, name + ending(response.headers.get("content-type"), url));
  const partial = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(partial), { signal });
    await rename(partial, path);
    return path;
  } catch (error) {
    await rm(partial, { force: true });
    // The disk's errors name what the system was asked to do, and are thrown as they are.
    throw error instanceof Error && "syscall" in error ? error : failed("broke off before its end.", error);
  }
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

function ending(type: string | null, url: string): string {
  const known = ENDINGS[type?.split(";")[0]?.trim().toLowerCase() ?? ""];
  return known ?? /^\.\w{1,8}$/.exec(extname(URL.parse(url)?.pathname ?? ""))?.[0] ?? "";
}

/** A data URI is as long as its file. */
const shorten = (url: string): string => (url.length > 120 ? `${url.slice(0, 117)}…` : url);
