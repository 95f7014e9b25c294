import { type Attachment, wireJson } from "./json.ts";
import { pooled } from "./pooled.ts";
import { sha256 } from "./sha256.ts";

/** How many files of one input are seen to at once. */
const AT_ONCE = 4;

/**
 * The exact JSON of an input in which each Blob or ArrayBuffer is what `place` made of it, such as the URL of its upload
 * or its digest. One that occurs several times is placed once. Nothing is placed unless all the rest can be said in JSON.
 *
 * @throws {InvalidArgumentError} naming the field that JSON cannot say.
 */
export async function jsonWithAttachments(
  input: unknown,
  place: (file: Blob) => Promise<string>,
): Promise<string> {
  const found = new Set<Attachment>();
  const collect = (attachment: Attachment) => {
    found.add(attachment);
    return "";
  };
  const body = wireJson(input, "input", collect);
  if (found.size === 0) return body;
  const attachments = [...found];
  const places = await pooled(attachments, AT_ONCE, (attachment) => place(asBlob(attachment)));
  const placeOf = new Map(attachments.map((attachment, index) => [attachment, places[index] ?? ""]));
  return wireJson(input, "input", (attachment) => placeOf.get(attachment) ?? "");
}

const asBlob = (attachment: Attachment): Blob =>
  attachment instanceof Blob ? attachment : new Blob([attachment]);

/** Names a file by its bytes and type: `blob:sha256:<hex>:<content type>`. Reads it into memory once. */
export const digestOf = async (file: Blob): Promise<string> =>
  `blob:sha256:${await sha256(await file.arrayBuffer())}:${file.type}`;
