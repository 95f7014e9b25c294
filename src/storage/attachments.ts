import { type Attachment, type Bytes, wireJson } from "../base/json.ts";
import { pooled } from "../base/pooled.ts";
import { sha256 } from "../base/sha256.ts";

/** How many files of one input are seen to at once. */
const AT_ONCE = 4;

/** An input as it was when it was given, whatever becomes of the object afterwards. */
export interface TakenInput {
  readonly hasFiles: boolean;
  /**
   * The exact JSON in which each Blob, and all bytes, are what `place` made of it, such as the URL of its upload or its
   * digest. One that occurs several times is placed once.
   */
  json(place: (file: Blob) => Promise<string>): Promise<string>;
}

/** @throws {InvalidArgumentError} naming the field that JSON cannot say. */
export function takeInput(input: unknown): TakenInput {
  const marks = new Map<Attachment, { readonly mark: string; readonly file: Blob }>();
  let seed: string | undefined;
  const text = wireJson(input, "input", (attachment) => {
    const known = marks.get(attachment);
    if (known) return known.mark;
    // Nobody else's text is like it.
    seed ??= crypto.randomUUID();
    const mark = `${seed}-${marks.size}`;
    marks.set(attachment, { mark, file: asBlob(attachment) });
    return mark;
  });
  return {
    hasFiles: marks.size > 0,
    async json(place) {
      if (marks.size === 0) return text;
      const files = [...marks.values()];
      const places = await pooled(files, AT_ONCE, ({ file }) => place(file));
      return files.reduce(
        (json, { mark }, n) => json.replaceAll(`"${mark}"`, () => JSON.stringify(places[n])),
        text,
      );
    },
  };
}

/** A copy of bytes as they are now: of a view, the part of its buffer that it shows. */
export const asBlob = (attachment: Attachment): Blob =>
  attachment instanceof Blob ? attachment : new Blob([unshared(attachment)]);

/** A Blob takes no shared memory. */
function unshared(bytes: Bytes): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  return isShared(view) ? new Uint8Array(view) : (view as Uint8Array<ArrayBuffer>);
}

const isShared = (view: Uint8Array): boolean =>
  Object.prototype.toString.call(view.buffer) === "[object SharedArrayBuffer]";

/** Names a file by its bytes and type: `blob:sha256:<hex>:<content type>`. Reads it into memory once. */
export const digestOf = async (file: Blob): Promise<string> =>
  `blob:sha256:${await sha256(await file.arrayBuffer())}:${file.type}`;
