import type { Clock } from "../base/clock.ts";
import { type Attachment, isAttachment, parseOwn } from "../base/json.ts";
import type { Transport } from "../base/transport.ts";
import { ApiError } from "../errors/api.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { announcing } from "./announce.ts";
import { asBlob, takeInput } from "./attachments.ts";
import { lifecycleJson, type StorageSettings } from "./lifecycle.ts";
import { putInParts, putWhole } from "./put.ts";

export interface UploadOptions {
  /** @default the file's own name, or the time and the type's ending */
  readonly filename?: string;
  /** @default the Blob's own type, or application/octet-stream */
  readonly contentType?: string;
  /** How long fal keeps the file, and who may read it. @default what the account says */
  readonly lifecycle?: StorageSettings | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

/** fal's file storage. Names are those of the official client. */
export interface StorageClient {
  /**
   * Uploads a file and gives its URL. Uploading is free, and repeated where it fails on the way; above 90 MiB the file
   * goes in parts.
   *
   * @throws {ApiError} where fal refuses it, {NetworkError} where no way leads there, the reason of `abortSignal`.
   */
  upload(file: Attachment, options?: UploadOptions): Promise<string>;
  /** Gives an input as JSON says it, each Blob in it, and all bytes, uploaded and replaced by its URL. */
  transformInput(
    input: Record<string, unknown>,
    options?: Omit<UploadOptions, "filename" | "contentType">,
    // biome-ignore lint/suspicious/noExplicitAny: the fields are those of the input
  ): Promise<Record<string, any>>;
}

/** As the official client does. */
const PARTS_FROM_BYTES = 90 * 2 ** 20;

export function createStorage(transport: Transport, rest: () => string, clock: Clock): StorageClient {
  const announce = announcing(transport, rest);

  async function upload(file: Blob, options: UploadOptions): Promise<string> {
    const { abortSignal: signal } = options;
    const contentType = options.contentType ?? (file.type || "application/octet-stream");
    const described = {
      file_name: options.filename ?? nameOf(file, contentType, clock),
      content_type: contentType,
    };
    const inParts = file.size > PARTS_FROM_BYTES;
    for (let address = 1; ; address++) {
      const { uploadUrl, fileUrl } = await announce(described, {
        inParts,
        lifecycle: lifecycleJson(options.lifecycle),
        signal,
      });
      const target = { transport, to: uploadUrl, signal };
      try {
        await (inParts ? putInParts(file, target) : putWhole(file, contentType, target));
        return fileUrl;
      } catch (error) {
        if (address === MOST_ADDRESSES || !isSpent(error)) throw error;
      }
    }
  }

  const storage: StorageClient = {
    async upload(data, options = {}) {
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
