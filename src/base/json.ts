import { InvalidArgumentError } from "../errors/arguments.ts";

/** What JSON cannot say, but fal takes as the URL of an upload: a Blob (a `File` is one with a name), or bytes of any kind. */
export type Attachment = Blob | Bytes;
/** A Buffer and a Uint8Array are views. */
export type Bytes = ArrayBufferLike | ArrayBufferView;

/**
 * How many levels deep JSON from outside is read. Whatever goes over it again, as a store, a comparison or the user's own
 * `JSON.stringify` does, may need the stack for it, and a few thousand levels are its end.
 */
const LEVELS_READ = 500;
/** How many are sent and kept: what was read, with whatever the code puts around it. */
const LEVELS_WRITTEN = 1_000;

/**
 * The value of a JSON text that somebody else wrote. What lies deeper than 500 levels is the text that came, in its place,
 * and so is a number that no number of JavaScript holds: an integer that would be rounded, or what would be infinite.
 *
 * @throws {SyntaxError} where it is no JSON.
 */
export const parseForeign = (text: string): unknown => parsedTo(LEVELS_READ, text);

/** The value of a JSON text that `wireJson` wrote, if nobody has touched it since. @throws {SyntaxError} */
export const parseOwn = (text: string): unknown => parsedTo(LEVELS_WRITTEN, text);

/** Whether a JSON text is deeper than whatever reads JSON from outside can be asked to follow. */
export const isTooDeep = (text: string): boolean => isDeeperThan(LEVELS_READ, text);

/** Each level takes a bracket to open and one to close. */
const isDeeperThan = (levels: number, text: string): boolean =>
  text.length > 2 * levels && isDeeper(text, levels);

function parsedTo(levels: number, text: string): unknown {
  const value: unknown = JSON.parse(text);
  const isDeep = isDeeperThan(levels, text);
  if (!isDeep && !MAY_BE_LARGE.test(text)) return value;
  const exact = withLargeNumbers(isDeep ? flattened(text, levels) : text);
  return exact === text ? value : JSON.parse(exact);
}

/** What a number needs to be too large, or -0, found without knowing what is a number. */
const MAY_BE_LARGE = /\d{16}|[eE]\+?\d{3}|(?:^|[[,:\s])-0/;
const [MINUS, ZERO, NINE] = [0x2d, 0x30, 0x39];
const NUMBER = /-?\d[\d.eE+-]*/y;

/** A JSON text, in which each number that no number of JavaScript holds is a text, and -0 is 0, as JSON says it again. */
function withLargeNumbers(json: string): string {
  const parts: string[] = [];
  let taken = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfText(json, at);
    if (code !== MINUS && !(code >= ZERO && code <= NINE)) continue;
    NUMBER.lastIndex = at;
    const number = NUMBER.exec(json)?.[0];
    if (number === undefined) continue;
    const isZero = Object.is(Number(number), -0);
    if (isZero || !isHeld(number)) {
      parts.push(json.slice(taken, at), isZero ? "0" : `"${number}"`);
      taken = at + number.length;
    }
    at += number.length - 1;
  }
  return parts.join("") + json.slice(taken);
}

/** Of a fraction nobody expects all its digits. */
function isHeld(number: string): boolean {
  const value = Number(number);
  if (!Number.isFinite(value)) return false;
  return /[.eE]/.test(number) || Number.isSafeInteger(value) || String(value) === number;
}

const [QUOTE, BRACKET, BRACE] = [0x22, 0x5b, 0x7b];

/** By the text: to list a million fields takes longer than to read them. */
function isDeeper(json: string, levels: number): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfText(json, at);
    else if (code === BRACKET || code === BRACE) {
      if (++depth > levels) return true;
    } else if (code === BRACKET + 2 || code === BRACE + 2) depth--;
  }
  return false;
}

/** A JSON text, in which each part that lies deeper is a text of its own. */
function flattened(json: string, levels: number): string {
  const parts: string[] = [];
  let taken = 0;
  let begin = 0;
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const letter = json[at];
    if (letter === '"') at = endOfText(json, at);
    else if ((letter === "{" || letter === "[") && depth++ === levels) begin = at;
    else if ((letter === "}" || letter === "]") && --depth === levels) {
      parts.push(json.slice(taken, begin), JSON.stringify(json.slice(begin, at + 1)));
      taken = at + 1;
    }
  }
  return parts.join("") + json.slice(taken);
}

/** Where the text ends that begins there. */
export function endOfText(json: string, begin: number): number {
  let end = begin;
  let escapes: number;
  do {
    end = json.indexOf('"', end + 1);
    if (end === -1) return json.length;
    escapes = 0;
    while (json[end - 1 - escapes] === "\\") escapes++;
  } while (escapes % 2 === 1);
  return end;
}

const isBytes = (value: unknown): value is Bytes =>
  ArrayBuffer.isView(value) || /^\[object (Shared)?ArrayBuffer\]$/.test(tagOf(value));

export const isAttachment = (value: unknown): value is Attachment => value instanceof Blob || isBytes(value);

/**
 * The exact JSON of an input, where a bigint is its digits. What JSON cannot say is an error here, before anything is paid, and not silently `{}` or
 * `null` on the wire.
 *
 * @param place Gives the text that stands for a Blob or for bytes. Without it those are errors too, and bigints: what is kept
 *   is to come back as it was.
 * @throws {InvalidArgumentError} naming the field.
 */
export function wireJson(value: unknown, name = "input", place?: (attachment: Attachment) => string): string {
  check(value, name, new Set(), place !== undefined);
  const replacer =
    place &&
    ((_: string, item: unknown) => (typeof item === "bigint" ? rawJson?.(`${item}`) : placed(item, place)));
  return JSON.stringify(replacer ? replacer("", value) : value, replacer) ?? "{}";
}

/** Puts digits into JSON as they are; undefined in runtimes that cannot. */
const { rawJSON: rawJson } = JSON as { readonly rawJSON?: (text: string) => unknown };

/** The same with its attachments replaced: before JSON comes to them, which would ask a Buffer for its toJSON. */
function placed(value: unknown, place: (attachment: Attachment) => string): unknown {
  if (isAttachment(value)) return place(value);
  if (typeof value !== "object" || value === null || !Object.values(value).some(isAttachment)) return value;
  const orPlace = (item: unknown) => (isAttachment(item) ? place(item) : item);
  if (Array.isArray(value)) return value.map(orPlace);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, orPlace(item)]));
}

function check(value: unknown, path: string, above: Set<object>, isInput: boolean): void {
  if (typeof value === "number" && !Number.isFinite(value))
    throw cannot(path, `${value}`, "Give a finite number.");
  if (typeof value === "bigint") {
    if (isInput && rawJson) return;
    throw cannot(path, "a bigint", "Give a number or a string.");
  }
  if (typeof value === "function" || typeof value === "symbol") {
    throw cannot(path, `a ${typeof value}`, "Leave it out.");
  }
  if (typeof value !== "object" || value === null) return;
  if (isAttachment(value)) {
    if (isInput) return;
    const kind = value.constructor.name;
    throw cannot(
      path,
      `${/^[AI]/.test(kind) ? "an" : "a"} ${kind}`,
      "Upload the file first (fal.storage.upload gives its URL) and give that, or give a data: URI.",
    );
  }
  if (above.has(value)) throw cannot(path, "an object that contains itself", "Give a plain copy.");
  if (above.size === LEVELS_WRITTEN) throw tooDeep(path);
  if ("toJSON" in value && typeof value.toJSON === "function") {
    check(value.toJSON(), path, above, isInput);
    return;
  }
  if (!Array.isArray(value) && !isPlain(value)) {
    const kind = value.constructor?.name ?? "strange object";
    throw cannot(path, `a ${kind}`, "Give plain objects, arrays and text.");
  }
  above.add(value);
  for (const [key, item] of Object.entries(value)) {
    check(item, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, above, isInput);
  }
  above.delete(value);
}

/** An instance of a user's own class is plain enough; the built-in containers serialise to `{}`. */
const isPlain = (value: object): boolean => tagOf(value) === "[object Object]";

/** Right for what comes from another realm too. */
const tagOf = (value: unknown): string => Object.prototype.toString.call(value);

/** Its path is as long as it is deep. */
const tooDeep = (path: string) =>
  new InvalidArgumentError(
    `${path.slice(0, 60)}… goes on for more than ${LEVELS_WRITTEN} levels, which is more than can be sent and kept. ` +
      "Give the part that lies deeper as a text.",
  );

const cannot = (path: string, what: string, cure: string) =>
  new InvalidArgumentError(`${path} is ${what}, which JSON cannot say. ${cure}`);
