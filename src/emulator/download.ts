import { type ModelFailure, refuseField } from "../model/model.ts";
import type { FileStore } from "./files.ts";

const MOST_BYTES = 100 * 2 ** 20;

export interface DownloadOptions {
  readonly files: FileStore;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
  /** The input field that named the file. */
  readonly field?: string;
}

/** Reads an input file as a model would. Our own files come from memory, so nothing has to listen anywhere. */
export async function loadFile(url: string, options: DownloadOptions): Promise<Uint8Array> {
  const { files, fetch, signal, field = "image_url" } = options;
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

  let response: Response;
  let bytes: Uint8Array;
  try {
    response = await fetch(target, { signal });
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    signal.throwIfAborted();
    throw refuse("the host did not answer", error);
  }
  if (!response.ok) throw refuse(`the host answered ${response.status}`);
  if (bytes.length > MOST_BYTES) {
    throw refuseField(field, "file_too_large", "The file is too large", { ctx: { max_size: MOST_BYTES } });
  }
  return bytes;
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
