import { createWriteStream } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Clock, systemClock } from "../base/clock.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { runner } from "./runner.ts";

/**
 * Makes what is cached, at a path that nobody else uses: a file, or a directory.
 *
 * @param path Does not exist yet; the directory that it is in does.
 */
export type Download = (path: string) => unknown;

export interface CachedOptions {
  /** Where it is kept. @default `.cache/fal-chain` on the runner's volume */
  readonly directory?: string;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/**
 * The path of a file (or directory) that all runners of the account share, made by the first one that asks. Many may ask
 * at once: the others wait for it, and whoever was ended in the middle leaves nothing that is taken for the whole.
 *
 * @param name What it is kept under, such as `upscaler/v2.onnx`: another content needs another name.
 * @param download Makes it, or the address that it is fetched from.
 * @example const weights = await cached("upscaler/v2.onnx", "https://example.com/v2.onnx");
 * @throws {InvalidArgumentError} for a name that leads elsewhere, or that the cache needs itself. @throws whatever the download throws.
 */
export function cached(
  name: string,
  download: string | URL | Download,
  options: CachedOptions = {},
): Promise<string> {
  const target = pathOf(name, options.directory ?? runner.cacheDirFor("fal-chain"));
  const make = typeof download === "function" ? download : fetching(download, options.fetch);
  const known = here.get(target);
  if (known) return known;
  const making = madeOnce(target, make, options.clock ?? systemClock).finally(() => here.delete(target));
  here.set(target, making);
  return making;
}

/** What is being made in this process. */
const here = new Map<string, Promise<string>>();

function pathOf(name: string, directory: string): string {
  const path = resolve(directory, name);
  if (name.trim() === "" || isAbsolute(name) || !path.startsWith(resolve(directory) + sep)) {
    throw new InvalidArgumentError(
      `${JSON.stringify(name)} cannot be cached: the name is a path within the cache.`,
    );
  }
  if (name.split(/[\\/]/).some((part) => OF_THE_CACHE.test(part))) {
    throw new InvalidArgumentError(
      `${JSON.stringify(name)} cannot be cached: the cache names its own files so (.NAME.lock, .NAME.partial).`,
    );
  }
  return path;
}

/** Nobody else's: what is cached may well be called `yarn.lock`. */
const OF_THE_CACHE = /^\..+\.(lock|partial)$/s;
const lockOf = (target: string): string => join(dirname(target), `.${basename(target)}.lock`);

/** How often the one who makes it shows that it is alive, and how long others wait for the next sign. */
const BEAT_MS = 5_000;
const DEAD_AFTER_MS = 20_000;
const LOOK_MS = 500;

/**
 * A lock spares the others the same download, and no more: on a network volume it may be given to all of them. What makes
 * it right is that each writes beside the target, and takes its place in one step.
 */
async function madeOnce(target: string, make: Download, clock: Clock): Promise<string> {
  await mkdir(dirname(target), { recursive: true });
  const lock = lockOf(target);
  let seen: { readonly beat: number; readonly at: number } | undefined;
  for (;;) {
    if (await exists(target)) return target;
    if (await take(lock)) return madeUnder(lock, target, make, clock);
    const beat = await beatOf(lock);
    if (beat === undefined) continue;
    // By this machine's clock alone: the volume may have another one.
    if (beat !== seen?.beat) seen = { beat, at: clock.now() };
    if (clock.now() - seen.at >= DEAD_AFTER_MS) {
      // Others wait as long as this one: they are to see that somebody lives, before they come to the same.
      await showLife(lock, clock);
      return madeUnder(lock, target, make, clock);
    }
    await clock.sleep(LOOK_MS);
  }
}

async function madeUnder(lock: string, target: string, make: Download, clock: Clock): Promise<string> {
  const own = partialOf(target, crypto.randomUUID());
  const done = new AbortController();
  const beating = beat(lock, clock, done.signal);
  try {
    await make(own);
    await rename(own, target);
    await clearUp(target);
    return target;
  } catch (error) {
    // Another one has put it there meanwhile: a directory is not replaced, and what is half made is cleared up.
    if (!(await exists(target))) throw error;
    return target;
  } finally {
    done.abort();
    await beating;
    await rm(own, { recursive: true, force: true });
    await rm(lock, { force: true });
  }
}

const PARTIAL = /^\.(.+)\.[0-9a-f-]{36}\.partial$/s;
const partialOf = (target: string, id: string): string =>
  join(dirname(target), `.${basename(target)}.${id}.partial`);

/** Takes away what others have half made, who were killed: nobody needs it any more. Whoever is about it finds the whole. */
async function clearUp(target: string): Promise<void> {
  const directory = dirname(target);
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    const [, of] = PARTIAL.exec(name) ?? [];
    if (of !== basename(target)) continue;
    await rm(join(directory, name), { recursive: true, force: true }).catch(() => {});
  }
}

async function beat(lock: string, clock: Clock, done: AbortSignal): Promise<void> {
  const again = () =>
    clock.sleep(BEAT_MS, done).then(
      () => true,
      () => false,
    );
  while (await again()) {
    await showLife(lock, clock);
  }
}

async function showLife(lock: string, clock: Clock): Promise<void> {
  const now = clock.now() / 1_000;
  await utimes(lock, now, now).catch(() => {});
}

async function take(lock: string): Promise<boolean> {
  try {
    await (await open(lock, "wx")).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

const exists = async (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Of a link itself: what it leads to may not be there, and then nobody could ever take its place. */
const beatOf = async (path: string): Promise<number | undefined> =>
  lstat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );

/** A download that ends before its length is none. */
const fetching =
  (from: string | URL, fetch: typeof globalThis.fetch = globalThis.fetch): Download =>
  async (path) => {
    const response = await fetch(from);
    if (!response.ok || !response.body)
      throw new Error(`The download answered with HTTP ${response.status}.`);
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream(path));
    const [said, isEncoded] = [
      response.headers.get("content-length"),
      response.headers.has("content-encoding"),
    ];
    const { size } = await stat(path);
    if (said !== null && !isEncoded && Number(said) !== size) {
      throw new Error(`The download ended after ${size} of ${said} bytes.`);
    }
  };
