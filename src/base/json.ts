import { InvalidArgumentError } from "../errors/arguments.ts";

/** What JSON cannot say, but fal takes as the URL of an upload. A `File` is a Blob with a name. */
export type Attachment = Blob | ArrayBuffer;

const isAttachment = (value: unknown): value is Attachment =>
  value instanceof Blob || value instanceof ArrayBuffer;

/**
 * The exact JSON of an input. What JSON cannot say is an error here, before anything is paid, and not silently `{}` or
 * `null` on the wire.
 *
 * @param place Gives the text that stands for a Blob or an ArrayBuffer. Without it those are errors too.
 * @throws {InvalidArgumentError} naming the field.
 */
export function wireJson(value: unknown, name = "input", place?: (attachment: Attachment) => string): string {
  check(value, name, new Set(), place !== undefined);
  const replacer = place && ((_: string, item: unknown) => (isAttachment(item) ? place(item) : item));
  return JSON.stringify(value, replacer) ?? "{}";
}

function check(value: unknown, path: string, above: Set<object>, mayAttach: boolean): void {
  if (typeof value === "number" && !Number.isFinite(value))
    throw cannot(path, `${value}`, "Give a finite number.");
  if (typeof value === "bigint") throw cannot(path, "a bigint", "Give a number or a string.");
  if (typeof value === "function" || typeof value === "symbol") {
    throw cannot(path, `a ${typeof value}`, "Leave it out.");
  }
  if (typeof value !== "object" || value === null) return;
  if (isAttachment(value)) {
    if (mayAttach) return;
    const what = value instanceof Blob ? "a Blob" : "an ArrayBuffer";
    throw cannot(path, what, "Upload the file first and give its URL, or give a data: URI.");
  }
  if (above.has(value)) throw cannot(path, "an object that contains itself", "Give a plain copy.");
  if ("toJSON" in value && typeof value.toJSON === "function") {
    check(value.toJSON(), path, above, mayAttach);
    return;
  }
  if (!Array.isArray(value) && !isPlain(value)) {
    const cure = ArrayBuffer.isView(value)
      ? 'For a file, give new Blob([bytes], { type: "image/png" }), which is uploaded.'
      : "Give plain objects, arrays and text.";
    throw cannot(path, `a ${value.constructor?.name ?? "strange object"}`, cure);
  }
  above.add(value);
  for (const [key, item] of Object.entries(value)) {
    check(item, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, above, mayAttach);
  }
  above.delete(value);
}

/** An instance of a user's own class is plain enough; the built-in containers serialise to `{}`. */
const isPlain = (value: object): boolean => Object.prototype.toString.call(value) === "[object Object]";

const cannot = (path: string, what: string, cure: string) =>
  new InvalidArgumentError(`${path} is ${what}, which JSON cannot say. ${cure}`);
