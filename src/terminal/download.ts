import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Clock, inTime, systemClock } from "../base/clock.ts";
import { pooled } from "../base/pooled.ts";
import { abortable } from "../base/signal.ts";
import { ambientEnv, readEnvironment } from "../environment/environment.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { NetworkError } from "../errors/network.ts";
import { type FetchedFile, type FetchFileOptions, fetchFile, isFalMedia } from "../files/fetch-file.ts";

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** The longest file that is saved, in bytes. @default 4294967296, which is 4 GiB */
  readonly maxBytes?: number;
  /**
   * Origins in this machine's own network that may be asked, such as those of `fal.environment.origins.trusted`: what a
   * model names there is else not asked.
   * @default those that the variables of this process name, such as FAL_HOST
   */
  readonly origins?: ReadonlySet<string>;
  /** How long one file may take, in milliseconds. @default 3600000, an hour */
  readonly timeout?: number;
  /** Time as a parameter, for tests. */
  readonly clock?: Clock;
}

const AT_ONCE = 8;
const MOST_BYTES = 2 ** 32;
/** A host that gives nothing for so long is given up. */
const SILENCE_MS = 60_000;
const LONGEST_MS = 3_600_000;

/**
 * Saves files under `directory`, each as its name with the ending that its content type or URL has. No key goes along:
 * file URLs are public. A file is there whole or not at all; one that fails does not stop the others. What an address
 * leads to is asked only where it is a host of one of the files, or of fal's media.
 *
 * @returns the paths, in order. @throws {NetworkError} naming the first file that could not be had.
 */
export async function download(
  files: Readonly<Record<string, string>>,
  directory: string,
  options: DownloadOptions = {},
): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const origins = new Set(Object.values(files).map((url) => URL.parse(url)?.origin));
  const mayFollow = (url: URL) => isFalMedia(url) || origins.has(url.origin);
  const isOurs = ({ origin }: URL) =>
    (options.origins ?? readEnvironment(ambientEnv()).origins.trusted).has(origin);
  const saves = await pooled(Object.entries(files), AT_ONCE, async ([name, url]) => {
    const [saved] = await Promise.allSettled([
      saveOne(url, placeOf(name, directory), { mayFollow, isOurs }, options),
    ]);
    return saved;
  });
  return saves.map((saved) => {
    if (saved.status === "rejected") throw saved.reason;
    return saved.value;
  });
}

/** @throws {InvalidArgumentError} for a name that leads out of the directory. */
function placeOf(name: string, directory: string): string {
  const place = join(directory, name);
  if (dirname(resolve(place)) === resolve(directory) && !/[\\/]/.test(name)) return place;
  throw new InvalidArgumentError(
    `${JSON.stringify(name)} is no name of a file in ${directory}. Leave out / and \\.`,
  );
}

async function saveOne(
  url: string,
  name: string,
  which: Pick<FetchFileOptions, "mayFollow" | "isOurs">,
  options: DownloadOptions,
): Promise<string> {
  const over = new AbortController();
  const gone = (status: number) => {
    const why = "fal may have let it go: files are kept for a limited time.";
    return new NetworkError(`The file ${url} could not be had (HTTP ${status}). ${why}`);
  };
  try {
    options.signal?.throwIfAborted();
    const file = await fetchFile(url, { ...boundsOf(options, over.signal), ...which, gone });
    return await save(file, name + ending(file.headers.get("content-type"), url));
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    over.abort();
  }
}

function boundsOf(
  { signal: left, maxBytes = MOST_BYTES, timeout = LONGEST_MS, clock = systemClock }: DownloadOptions,
  over: AbortSignal,
) {
  const signal = left ? AbortSignal.any([left, over]) : over;
  const until = clock.now() + timeout;
  const within = <T>(next: () => Promise<T>) => {
    const ms = Math.min(until - clock.now(), SILENCE_MS);
    const why =
      ms < SILENCE_MS ? `it did not come within ${timeout / 1000} s` : `nothing came for ${ms / 1000} s`;
    return abortable(inTime(clock, ms, new Error(why), next), signal);
  };
  return { fetch, signal, within, mostBytes: maxBytes };
}

async function save({ pieces }: FetchedFile, path: string): Promise<string> {
  const partial = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await pipeline(pieces, createWriteStream(partial, { flags: "wx" }));
    await rename(partial, path);
    return path;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

const ENDINGS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "application/json": ".json",
  }),
);

function ending(type: string | null, url: string): string {
  // What a stranger wrote, such as "constructor", is no property of ours.
  const known = ENDINGS.get(type?.split(";")[0]?.trim().toLowerCase() ?? "");
  return known ?? /^\.\w{1,8}$/.exec(extname(URL.parse(url)?.pathname ?? ""))?.[0] ?? "";
}
