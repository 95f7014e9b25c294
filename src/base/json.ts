import { InvalidArgumentError } from "./errors.ts";

/**
 * The exact JSON of an input. What JSON cannot say is an error here, before anything is paid, and not silently `{}` or
 * `null` on the wire.
 *
 * @throws {InvalidArgumentError} naming the field.
 */
export function wireJson(value: unknown, name = "input"): string {
  check(value, name, new Set());
  return JSON.stringify(value) ?? "{}";
}

function check(value: unknown, path: string, above: Set<object>): void {
  if (typeof value === "number" && !Number.isFinite(value))
    throw cannot(path, `${value}`, "Give a finite number.");
  if (typeof value === "bigint") throw cannot(path, "a bigint", "Give a number or a string.");
  if (typeof value === "function" || typeof value === "symbol") {
    throw cannot(path, `a ${typeof value}`, "Leave it out.");
  }
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Blob) {
    throw cannot(path, "a Blob", "Upload the file first and give its URL, or give a data: URI.");
  }
  if (above.has(value)) throw cannot(path, "an object that contains itself", "Give a plain copy.");
  if ("toJSON" in value && typeof value.toJSON === "function") {
    check(value.toJSON(), path, above);
    return;
  }
  if (!Array.isArray(value) && !isPlain(value)) {
    throw cannot(
      path,
      `a ${value.constructor?.name ?? "strange object"}`,
      "Give plain objects, arrays and text.",
    );
  }
  above.add(value);
  for (const [key, item] of Object.entries(value)) {
    check(item, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, above);
  }
  above.delete(value);
}

/** An instance of a user's own class is plain enough; the built-in containers serialise to `{}`. */
const isPlain = (value: object): boolean => Object.prototype.toString.call(value) === "[object Object]";

const cannot = (path: string, what: string, cure: string) =>
  new InvalidArgumentError(`${path} is ${what}, which JSON cannot say. ${cure}`);
