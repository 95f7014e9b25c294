import { bytesOf, TooManyBytes } from "../base/bounded-body.ts";
import { type ModelFailure, refuseField } from "../model/model.ts";
import type { FileStore } from "./files.ts";
import { NotPublic, publicFetch } from "./public-fetch.ts";

const MOST_BYTES = 100 * 2 ** 20;
const LONGEST_MS = 60_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 5;

export interface DownloadOptions {
  readonly files: FileStore;
  /** Undefined: one that asks for nothing that fal could not reach. */
  readonly fetch: typeof fetch | undefined;
  readonly signal: AbortSignal;
  /** The input field that named the file. */
  readonly field?: string;
}

/** Reads an input file as a model would. Our own files come from memory, so nothing has to listen anywhere. */
export async function loadFile(url: string, options: DownloadOptions): Promise<Uint8Array> {
  const { files, signal, field = "image_url" } = options;
  const refuse = (why: string, cause?: unknown): ModelFailure =>
    refuseField(field, "file_download_error", `Failed to download the file: ${why}`, { cause });

  const target = URL.parse(url);
  if (!target) throw refuse("this is not a URL");
  if (target.protocol === "data:") return fromDataUri(url) ?? fail(refuse("the data URI cannot be read"));
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw refuse(`${target.protocol} URLs are not supported`);
  }
  const own = files.find(target);
  if (own) return own.bytes;
  try {
    return await fetched(target, options);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Refused || error instanceof NotPublic) throw refuse(error.message, error.cause);
    if (!(error instanceof TooManyBytes)) throw refuse("the host did not answer", error);
    throw refuseField(field, "file_too_large", "The file is too large", { ctx: { max_size: MOST_BYTES } });
  }
}

class Refused extends Error {}

async function fetched(url: URL, { fetch, signal }: DownloadOptions): Promise<Uint8Array> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]);
  let at = url;
  for (let followed = 0; ; followed++) {
    const response = await (fetch ?? publicFetch)(at, { redirect: "manual", signal: both });
    if (response.ok) return bytesOf(response, { mostBytes: MOST_BYTES, within: (next) => next() });
    response.body?.cancel().catch(() => {});
    const next = URL.parse(response.headers.get("location") ?? "", at);
    const leads = REDIRECTS.has(response.status) && next && /^https?:$/.test(next.protocol);
    if (!leads || followed === MOST_REDIRECTS) throw new Refused(`the host answered ${response.status}`);
    at = next;
  }
}

function fromDataUri(uri: string): Uint8Array | undefined {
  const comma = uri.indexOf(",");
  if (comma < 0) return undefined;
  const payload = uri.slice(comma + 1);
  try {
    return uri.slice(0, comma).endsWith(";base64")
      ? Buffer.from(payload, "base64")
      : Buffer.from(decodeURIComponent(payload), "utf8");
  } catch {
    return undefined;
  }
}

function fail(error: Error): never {
  throw error;
}
