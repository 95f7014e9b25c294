import { type Attachment, wireJson } from "../base/json.ts";
import { pooled } from "../base/pooled.ts";
import { sha256 } from "../base/sha256.ts";

/** How many files of one input are seen to at once. */
const AT_ONCE = 4;

/** An input as it was when it was given, whatever becomes of the object afterwards. */
export interface TakenInput {
  readonly hasFiles: boolean;
  /**
   * The exact JSON in which each Blob or ArrayBuffer is what `place` made of it, such as the URL of its upload or its
   * digest. One that occurs several times is placed once.
   */
  json(place: (file: Blob) => Promise<string>): Promise<string>;
}

/** @throws {InvalidArgumentError} naming the field that JSON cannot say. */
export function takeInput(input: unknown): TakenInput {
  const marks = new Map<Attachment, string>();
  // Nobody else's text is like it.
  const seed = crypto.randomUUID();
  const text = wireJson(input, "input", (attachment) => {
    const mark = marks.get(attachment) ?? `${seed}-${marks.size}`;
    marks.set(attachment, mark);
    return mark;
  });
  return {
    hasFiles: marks.size > 0,
    async json(place) {
      if (marks.size === 0) return text;
      const files = [...marks];
      const places = await pooled(files, AT_ONCE, ([attachment]) => place(asBlob(attachment)));
      return files.reduce(
        (json, [, mark], n) => json.replaceAll(`"${mark}"`, () => JSON.stringify(places[n])),
        text,
      );
    },
  };
}

const asBlob = (attachment: Attachment): Blob =>
  attachment instanceof Blob ? attachment : new Blob([attachment]);

/** Names a file by its bytes and type: `blob:sha256:<hex>:<content type>`. Reads it into memory once. */
export const digestOf = async (file: Blob): Promise<string> =>
  `blob:sha256:${await sha256(await file.arrayBuffer())}:${file.type}`;
