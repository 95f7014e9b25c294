import { builtin } from "../base/builtin.ts";
import { type Clock, inTime } from "../base/clock.ts";
import { pooled } from "../base/pooled.ts";
import { sha256 } from "../base/sha256.ts";
import { abortable, OVER, whenAborted } from "../base/signal.ts";
import { uncached } from "../base/transport.ts";
import { urlsIn } from "../base/urls.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { FileExpiredError } from "../errors/files.ts";
import { type FetchedFile, type FetchFileOptions, fetchFile, GONE, isFalMedia } from "./fetch-file.ts";

/** Where copies are kept, and how much a single one may be: models choose what they give. */
export interface KeepFiles {
  /** Made if there is none. */
  readonly directory: string;
  /** The longest file that is copied, in bytes. @default 1073741824, which is 1 GiB */
  readonly maxBytes?: number;
  /** How long copying one file may take, in milliseconds. @default 600000, ten minutes */
  readonly timeout?: number;
}

export interface KeptFilesOptions {
  /** A text names the directory. Undefined: nothing is kept. */
  readonly keep: KeepFiles | string | undefined;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** Whether an origin is the platform's own, as an emulator's files are. */
  readonly isOurs: (url: string) => boolean;
  readonly report: (what: string, error: unknown) => void;
  /** Aborts when the client closes: copies under way have seconds left, and what has not come by then is dropped. */
  readonly closing: () => AbortSignal;
}

/** The media that calls give, copied while fal has them. A copy's place follows from its URL, so nothing is rewritten. */
export interface KeptFiles {
  /** Copies the media of a result that are not there yet. Never rejects. Undefined where nothing is kept. */
  readonly keep: ((data: unknown) => Promise<void>) | undefined;
  /** Where the copy of a file is; undefined where there is none. */
  path(url: string): Promise<string | undefined>;
  /** The copy of a file, or the file itself. @throws {FileExpiredError} where neither is to be had. */
  read(url: string): Promise<Blob>;
  /** False where fal says that it has let the file go; true where it has it, or does not tell. */
  isThere(url: string): Promise<boolean>;
}

const AT_ONCE = 4;
/** More of one result are not copied: a list of addresses is no media. */
const MOST_FILES = 500;
const PATIENCE_MS = 15_000;
/** A host that gives nothing for so long is given up: a program that has ended would stay for it. */
const SILENCE_MS = 60_000;
/** What copies have left when their client closes. */
const CLOSING_MS = 10_000;
const MOST_BYTES = 2 ** 30;
const LONGEST_MS = 600_000;

/** What is known of a client's copies. */
interface Copies extends KeptFilesOptions {
  readonly directory: string | undefined;
  readonly maxBytes: number;
  readonly timeout: number;
  readonly underWay: Map<string, Promise<void>>;
  /** Once, what killed processes have left is taken away. */
  swept: Promise<void> | undefined;
}

export function createKeptFiles(options: KeptFilesOptions): KeptFiles {
  const { keep, clock, fetch } = options;
  const given: Partial<KeepFiles> | undefined = typeof keep === "string" ? { directory: keep } : keep;
  const { directory, maxBytes = MOST_BYTES, timeout = LONGEST_MS } = given ?? {};
  const copies: Copies = {
    ...options,
    ...{ directory, maxBytes, timeout, underWay: new Map(), swept: undefined },
  };
  const copyOf = async (url: string): Promise<string | undefined> => {
    if (directory === undefined || !isMedia(options, url)) return undefined;
    const path = await pathIn(directory, url);
    return (await exists(path)) ? path : undefined;
  };
  return {
    path: copyOf,
    keep: directory === undefined ? undefined : async (data) => keepAll(copies, directory, data),
    async read(url) {
      const closed = options.closing();
      const path = await copyOf(url);
      if (path !== undefined) return new Blob([new Uint8Array(await files().readFile(path))]);
      return withFile(copies, url, closed, async ({ headers, pieces }) => {
        const all: Uint8Array<ArrayBuffer>[] = [];
        for await (const piece of pieces) all.push(piece);
        return new Blob(all, { type: headers.get("content-type") ?? "" });
      });
    },
    async isThere(url) {
      if (!isMedia(options, url)) return true;
      const ask = (signal: AbortSignal) =>
        fetch(url, { method: "HEAD", redirect: "manual", signal, ...uncached() });
      const answer = await inTime(clock, PATIENCE_MS, OVER, ask).catch(() => undefined);
      return !answer || !GONE.has(answer.status);
    },
  };
}

async function keepAll(copies: Copies, directory: string, data: unknown): Promise<void> {
  const { underWay, report, closing } = copies;
  // Of this moment: it may close before the first of them is asked for.
  const closed = closing();
  const urls = new Set([...urlsIn(data)].map(([url]) => url));
  const media = [...urls].filter((url) => isMedia(copies, url));
  if (media.length > MOST_FILES) {
    const left = media.length - MOST_FILES;
    report(
      `${left} files of a result are not kept`,
      new Error(`it names ${media.length}; ${MOST_FILES} are copied`),
    );
  }
  await pooled(media.slice(0, MOST_FILES), AT_ONCE, (url) => {
    const copying =
      underWay.get(url) ?? copy(copies, directory, url, closed).finally(() => underWay.delete(url));
    underWay.set(url, copying);
    return copying.catch((error: unknown) => report(`The file ${url} could not be kept`, error));
  });
}

/** Files of other hosts are not fal's to lose. */
function isMedia({ isOurs }: Pick<KeptFilesOptions, "isOurs">, address: string | URL): boolean {
  const url = URL.parse(address);
  return url !== null && (isFalMedia(url) || (/^https?:$/.test(url.protocol) && isOurs(url.href)));
}

/** A name that a stranger has chosen says no more than what the file is. */
async function pathIn(directory: string, url: string): Promise<string> {
  const name = (new URL(url).pathname.split("/").at(-1) ?? "").replace(/%[\da-f]{2}|[^\w.-]/gi, "_");
  return `${directory}/${(await sha256(url)).slice(0, 16)}-${name.slice(-80)}`;
}

const exists = (path: string): Promise<boolean> =>
  files()
    // No link is followed: whoever may write in the directory could have put it there.
    .lstat(path)
    .then(
      (found) => found.isFile(),
      () => false,
    );

async function copy(copies: Copies, directory: string, url: string, closed: AbortSignal): Promise<void> {
  const path = await pathIn(directory, url);
  if (await exists(path)) return;
  await files().mkdir(directory, { recursive: true, mode: 0o700 });
  copies.swept ??= sweep(directory, copies.timeout);
  await copies.swept;
  await withFile(copies, url, closed, async ({ pieces }) => {
    const partial = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
    const file = await files().open(partial, "wx", 0o600);
    try {
      // One piece is in memory at a time, however long the file is.
      for await (const piece of pieces) await file.writeFile(piece);
      await file.close();
      // There whole, or not at all.
      await files().rename(partial, path);
    } catch (error) {
      await file.close().catch(() => {});
      await files().rm(partial, { force: true });
      throw error;
    }
  });
}

const PARTIAL = /^[0-9a-f]{16}-.*\.[0-9a-f]{8}\.part$/;

/** No copy takes as long as that: whoever made these is gone. */
async function sweep(directory: string, olderThanMs: number): Promise<void> {
  const { readdir, rm, stat } = files();
  for (const name of (await readdir(directory)).filter((found) => PARTIAL.test(found))) {
    const path = `${directory}/${name}`;
    const { mtimeMs = Number.POSITIVE_INFINITY } = (await stat(path).catch(() => undefined)) ?? {};
    if (Date.now() - mtimeMs > olderThanMs) await rm(path, { force: true });
  }
}

/** Whatever becomes of `use`, nothing of the exchange is left behind. */
async function withFile<T>(
  copies: Copies,
  url: string,
  closed: AbortSignal,
  use: (file: FetchedFile) => Promise<T>,
): Promise<T> {
  const { fetch, maxBytes } = copies;
  const over = new AbortController();
  const own = URL.parse(url)?.origin;
  try {
    const file = await fetchFile(url, {
      ...{ fetch, mostBytes: maxBytes, signal: over.signal, within: patienceOf(copies, closed, over.signal) },
      gone: () => new FileExpiredError(url),
      mayFollow: (target) => target.origin === own || isMedia(copies, target),
      isOurs: ({ href }) => copies.isOurs(href),
    });
    return await use(file);
  } finally {
    over.abort(OVER);
  }
}

/**
 * How long the host of one file is waited for. Only while it is: the disk is not what drags, and where time is virtual it
 * stands still for that.
 */
function patienceOf(
  { clock, timeout }: Copies,
  closed: AbortSignal,
  over: AbortSignal,
): FetchFileOptions["within"] {
  let until = clock.now() + timeout;
  let why = `it did not come within ${timeout / 1000} s`;
  whenAborted(closed, over, () => {
    until = Math.min(until, clock.now() + CLOSING_MS);
    why = "its client was closed";
  });
  return async (next) => {
    const coming = next();
    const wait = () => {
      const left = until - clock.now();
      const late = new Error(left <= SILENCE_MS ? why : `nothing came for ${SILENCE_MS / 1000} s`);
      return inTime(clock, Math.min(left, SILENCE_MS), late, () =>
        closed.aborted ? coming : abortable(coming, closed),
      );
    };
    return wait().catch((error: unknown) => {
      if (error !== OVER) throw error;
      return wait();
    });
  };
}

function files() {
  const found = builtin("node:fs/promises");
  if (!found) throw new InvalidArgumentError("keepFiles needs a file system, and this runtime has none.");
  return found;
}
