import type { Clock } from "../base/clock.ts";
import { pooled } from "../base/pooled.ts";
import { sha256 } from "../base/sha256.ts";
import { urlsIn } from "../base/urls.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { FileExpiredError } from "../errors/files.ts";
import { NetworkError } from "../errors/network.ts";

export interface KeptFilesOptions {
  /** Undefined: nothing is kept. */
  readonly directory: string | undefined;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** Whether an origin is the platform's own, as an emulator's files are. */
  readonly isOurs: (url: string) => boolean;
  readonly report: (what: string, error: unknown) => void;
}

/** The media that calls give, copied while fal has them. A copy's place follows from its URL, so nothing is rewritten. */
export interface KeptFiles {
  /** Copies the media of a result that are not there yet. Never rejects. */
  keep(data: unknown): Promise<void>;
  /** Where the copy of a file is; undefined where there is none. */
  path(url: string): Promise<string | undefined>;
  /** The copy of a file, or the file itself. @throws {FileExpiredError} where neither is to be had. */
  read(url: string): Promise<Blob>;
  /** False where fal says that it has let the file go; true where it has it, or does not tell. */
  isThere(url: string): Promise<boolean>;
}

const AT_ONCE = 4;
const GONE = new Set([404, 410]);
const PATIENCE_MS = 15_000;

export function createKeptFiles(options: KeptFilesOptions): KeptFiles {
  const { directory, fetch, report } = options;
  const underWay = new Map<string, Promise<void>>();
  const copyOf = async (url: string): Promise<string | undefined> => {
    if (directory === undefined || !isMedia(options, url)) return undefined;
    const path = await pathIn(directory, url);
    return (await exists(path)) ? path : undefined;
  };
  return {
    path: copyOf,
    async keep(data) {
      if (directory === undefined) return;
      const urls = new Set([...urlsIn(data)].map(([url]) => url));
      const media = [...urls].filter((url) => isMedia(options, url));
      await pooled(media, AT_ONCE, (url) => {
        const copying = underWay.get(url) ?? copy(fetch, directory, url).finally(() => underWay.delete(url));
        underWay.set(url, copying);
        return copying.catch((error: unknown) => report(`The file ${url} could not be kept`, error));
      });
    },
    async read(url) {
      const path = await copyOf(url);
      if (path !== undefined) return new Blob([new Uint8Array(await files().readFile(path))]);
      return (await download(fetch, url)).blob();
    },
    async isThere(url) {
      if (!isMedia(options, url)) return true;
      const asked = withPatience(options.clock, (signal) => fetch(url, { method: "HEAD", signal }));
      const answer = await asked.catch(() => undefined);
      return !answer || !GONE.has(answer.status);
    },
  };
}

/** Files of other hosts are not fal's to lose. */
function isMedia({ isOurs }: KeptFilesOptions, url: string): boolean {
  const { protocol, hostname = "" } = URL.parse(url) ?? {};
  return /^https?:$/.test(protocol ?? "") && (/(^|\.)fal\.media$/.test(hostname) || isOurs(url));
}

async function pathIn(directory: string, url: string): Promise<string> {
  const name = decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "").replace(/[^\w.-]/g, "_");
  return `${directory}/${(await sha256(url)).slice(0, 16)}-${name.slice(-80)}`;
}

const exists = (path: string): Promise<boolean> =>
  files()
    .stat(path)
    .then(
      () => true,
      () => false,
    );

async function copy(fetch: KeptFilesOptions["fetch"], directory: string, url: string): Promise<void> {
  const path = await pathIn(directory, url);
  if (await exists(path)) return;
  const body = new Uint8Array(await (await download(fetch, url)).arrayBuffer());
  const partial = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  await files().mkdir(directory, { recursive: true });
  try {
    await files().writeFile(partial, body);
    // There whole, or not at all.
    await files().rename(partial, path);
  } catch (error) {
    await files().rm(partial, { force: true });
    throw error;
  }
}

/** No key goes along: file URLs are public. */
async function download(fetch: KeptFilesOptions["fetch"], url: string): Promise<Response> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new NetworkError(`The file ${url} could not be reached.`, { cause });
  });
  if (response.ok) return response;
  await response.body?.cancel();
  if (GONE.has(response.status)) throw new FileExpiredError(url);
  throw new NetworkError(`The file ${url} could not be had (HTTP ${response.status}).`);
}

async function withPatience<T>(clock: Clock, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const over = new AbortController();
  clock.sleep(PATIENCE_MS, over.signal).then(
    () => late.abort(),
    () => {},
  );
  return act(late.signal).finally(() => over.abort());
}

/** Found without a `node:` import, so that bundlers for other runtimes are not disturbed. */
function files() {
  const found = globalThis.process?.getBuiltinModule?.("node:fs/promises");
  if (!found) throw new InvalidArgumentError("keepFiles needs a file system, and this runtime has none.");
  return found;
}
