import type { Clock } from "../base/clock.ts";
import { type Attachment, isAttachment, parseOwn } from "../base/json.ts";
import { callback, checkOptions, nested, type OptionsOf, signal, text } from "../base/options.ts";
import type { Report } from "../base/report.ts";
import type { Transport } from "../base/transport.ts";
import { ApiError } from "../errors/api.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { type Announced, announcing } from "./announce.ts";
import { asBlob, takeInput } from "./attachments.ts";
import { LIFECYCLE, lifecycleJson, type StorageSettings } from "./lifecycle.ts";
import { type Part, putInParts, putWhole } from "./put.ts";

export interface UploadOptions {
  /** @default the file's own name, or the time and the type's ending */
  readonly filename?: string;
  /** @default the Blob's own type, or application/octet-stream */
  readonly contentType?: string;
  /** How long fal keeps the file, and who may read it. @default what the account says */
  readonly lifecycle?: StorageSettings | undefined;
  readonly abortSignal?: AbortSignal | undefined;
  /** Told of the bytes that fal has, at the beginning and after each part of 10 MiB (of a file up to 90 MiB, at its end). */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
}

/** In bytes. */
export interface UploadProgress {
  readonly loaded: number;
  readonly total: number;
}

const UPLOAD: OptionsOf<UploadOptions> = {
  filename: text,
  contentType: text,
  lifecycle: nested(LIFECYCLE, "lifecycle"),
  abortSignal: signal,
  onProgress: callback,
};

/** fal's file storage. Names are those of the official client. */
export interface StorageClient {
  /**
   * Uploads a file and gives its URL. Uploading is free, and repeated where it fails on the way; above 90 MiB the file
   * goes in parts, and a Blob whose upload has failed or was aborted goes on with the parts that are missing when it is
   * uploaded again, as long as its address lasts.
   *
   * @example
   * const url = await fal.storage.upload(film, { onProgress: ({ loaded, total }) => show(loaded / total) });
   * @throws {ApiError} where fal refuses it, {NetworkError} where no way leads there, the reason of `abortSignal`.
   */
  upload(file: Attachment, options?: UploadOptions): Promise<string>;
  /** Gives an input as JSON says it, each Blob in it, and all bytes, uploaded and replaced by its URL. */
  transformInput(
    input: Record<string, unknown>,
    options?: Pick<UploadOptions, "lifecycle" | "abortSignal">,
    // biome-ignore lint/suspicious/noExplicitAny: the fields are those of the input
  ): Promise<Record<string, any>>;
}

/** An upload in parts that has come to nothing yet. */
interface Unfinished extends Announced {
  /** What it was described as. */
  readonly as: string;
  readonly parts: Map<number, Part>;
}

/** As the official client does. */
const PARTS_FROM_BYTES = 90 * 2 ** 20;

export function createStorage(
  transport: Transport,
  rest: () => string,
  clock: Clock,
  report: Report,
): StorageClient {
  const announce = announcing(transport, rest);

  /** Uploads in parts that have failed, by their files: their address, and the parts that it has. */
  const unfinished = new WeakMap<Blob, Unfinished>();

  async function upload(file: Blob, options: UploadOptions): Promise<string> {
    const { abortSignal: signal, onProgress, lifecycle, filename } = options;
    const contentType = options.contentType ?? (file.type || "application/octet-stream");
    const described = { file_name: filename ?? nameOf(file, contentType, clock), content_type: contentType };
    const inParts = file.size > PARTS_FROM_BYTES;
    const as = JSON.stringify([contentType, filename, lifecycleJson(lifecycle)]);
    // Whoever uploads it at the same time sends all of it.
    let begun = unfinished.get(file);
    unfinished.delete(file);
    if (begun?.as !== as) begun = undefined;
    const tell = (loaded: number) => {
      try {
        onProgress?.({ loaded, total: file.size });
      } catch (error) {
        report("A callback for an upload's progress has failed", error);
      }
    };
    for (let address = 1; ; address++) {
      const terms = { inParts, lifecycle: lifecycleJson(lifecycle), signal };
      begun ??= { as, parts: new Map(), ...(await announce(described, terms)) };
      const { uploadUrl, fileUrl, parts } = begun;
      const target = { transport, to: uploadUrl, signal };
      try {
        if (inParts) await putInParts(file, parts, tell, target);
        else {
          tell(0);
          await putWhole(file, contentType, target);
          tell(file.size);
        }
        return fileUrl;
      } catch (error) {
        if (!isSpent(error)) {
          if (inParts) unfinished.set(file, begun);
          throw error;
        }
        if (address === MOST_ADDRESSES) throw error;
        begun = undefined;
      }
    }
  }

  const storage: StorageClient = {
    async upload(data, options = {}) {
      checkOptions(options, UPLOAD, { of: "upload" });
      options.abortSignal?.throwIfAborted();
      return upload(blobOf(data), options);
    },
    transformInput: async (input, options = {}) =>
      parseOwn(await takeInput(input).json((file) => storage.upload(file, options))) as Record<
        string,
        unknown
      >,
  };
  return storage;
}

/**
 * An address that refuses has expired, or a repeat after a lost answer found the upload done (what fal says then is not
 * established). Another address costs nothing.
 */
const isSpent = (error: unknown): boolean => error instanceof ApiError && error.status < 500;
const MOST_ADDRESSES = 2;

function blobOf(data: unknown): Blob {
  if (isAttachment(data)) return asBlob(data);
  throw new InvalidArgumentError(
    `${data === null ? "null" : `A value of type ${typeof data}`} is not a file: upload takes a Blob, a File, an ` +
      "ArrayBuffer or a typed array such as a Buffer.",
  );
}

function nameOf(file: Blob, contentType: string, clock: Clock): string {
  const own = (file as { readonly name?: unknown }).name;
  if (typeof own === "string" && own !== "") return own;
  const ending = contentType.split("/")[1]?.match(/^[a-z0-9]+/i)?.[0];
  return `${clock.now()}.${ending === undefined || ending === "octet" ? "bin" : ending}`;
}
