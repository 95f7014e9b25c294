/**
 * What errors hold, as JSON: what JSON cannot say is `{ "fal-chain": kind, value }`. Of what no program decides by, such as
 * a socket or a function, nothing is kept, and of what is very much or very deep only the beginning.
 */

const MARK = "fal-chain";
const DEEPEST = 24;
const CUT = "…";

/** What may still be written of an error, and what is being written. */
export class Room {
  readonly above = new Set<object>();
  #characters: number;
  readonly longestText: number;

  constructor(characters = 65_536, longestText = 16_384) {
    this.#characters = characters;
    this.longestText = longestText;
  }

  get isFull(): boolean {
    return this.#characters <= 0;
  }

  /** Whether there is room for so many characters more. */
  take(characters: number): boolean {
    this.#characters -= characters;
    return this.#characters >= 0;
  }
}

/** What such a field holds is nobody's business. */
export const isSecretName = (name: string): boolean =>
  /authorization|cookie|password|passwd|secret|api[-_]?key|(access|auth|cdn|id|refresh|session)[-_]?token/i.test(
    name,
  );

/** @param saveError Says what is kept of an error within it. */
export function savedValue(
  value: unknown,
  room: Room,
  saveError: (error: unknown, room: Room) => object,
): unknown {
  if (typeof value === "string") return savedText(value, room);
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0)) {
    return room.take(String(value).length) ? value : CUT;
  }
  if (typeof value === "number" || typeof value === "bigint") return marked(typeof value, numeral(value));
  if (typeof value !== "object") return marked("undefined");
  const { above } = room;
  if (above.has(value) || above.size > DEEPEST || !room.take(2)) return CUT;
  above.add(value);
  try {
    return savedObject(value, room, saveError);
  } catch {
    // A getter or a toJSON of its own threw.
    return CUT;
  } finally {
    above.delete(value);
  }
}

const numeral = (value: number | bigint): string => (Object.is(value, -0) ? "-0" : String(value));

const marked = (kind: string, value?: unknown): object => ({
  [MARK]: kind,
  ...(value !== undefined && { value }),
});

function savedText(text: string, room: Room): string {
  const kept = text.length > room.longestText ? text.slice(0, room.longestText) + CUT : text;
  return room.take(kept.length) ? kept : CUT;
}

function savedObject(value: object, room: Room, saveError: (error: unknown, room: Room) => object): unknown {
  const inner = (item: unknown) => savedValue(item, room, saveError);
  const list = (items: Iterable<unknown>): unknown[] => {
    const saved: unknown[] = [];
    for (const item of items) {
      saved.push(inner(item));
      if (room.isFull) break;
    }
    return saved;
  };
  switch (Object.prototype.toString.call(value)) {
    case "[object Error]":
    case "[object DOMException]":
      return marked("error", saveError(value, room));
    case "[object Array]":
      return list(value as unknown[]);
    case "[object Date]":
      return marked("date", Number(value));
    case "[object Map]":
      return marked("map", list(value as Map<unknown, unknown>));
    case "[object Set]":
      return marked("set", list(value as Set<unknown>));
    case "[object Headers]":
      return marked("headers", list([...(value as Headers)].filter(([name]) => !isSecretName(name))));
  }
  const bytes = bytesOf(value);
  if (bytes) return room.take(bytes.byteLength) ? marked("bytes", toBase64(bytes)) : CUT;
  if (isLive(value)) return marked("undefined");
  if ("toJSON" in value && typeof value.toJSON === "function") return inner(value.toJSON());
  const fields = Object.entries(value).flatMap(([name, item]): [string, unknown][] => {
    const isKept = item !== undefined && typeof item !== "function" && typeof item !== "symbol";
    return isKept && !isSecretName(name) && room.take(name.length) ? [[name, inner(item)]] : [];
  });
  const plain = Object.fromEntries(fields);
  return MARK in plain ? marked("object", plain) : plain;
}

function bytesOf(value: object): ArrayBuffer | undefined {
  if (value instanceof ArrayBuffer) return value;
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice().buffer;
}

/** A socket, a stream, a request: it is of this process, and all that it holds is too. */
const isLive = (value: object): boolean =>
  ["on", "addEventListener", "pipe", "then", "getReader"].some(
    (name) => typeof Reflect.get(value, name) === "function",
  );

/** @param restoreError Makes an error of what was kept of one. */
export function restoredValue(saved: unknown, restoreError: (saved: never) => unknown): unknown {
  const inner = (item: unknown) => restoredValue(item, restoreError);
  if (typeof saved !== "object" || saved === null) return saved;
  if (Array.isArray(saved)) return saved.map(inner);
  if (!(MARK in saved)) return restoredFields(saved, inner);
  const { [MARK]: kind, value } = saved as { [MARK]: unknown; value?: unknown };
  const list = () => (value as unknown[]).map(inner);
  switch (kind) {
    case "error":
      return restoreError(value as never);
    case "number":
      return Number(value);
    case "bigint":
      return BigInt(String(value));
    case "date":
      return new Date(value === null ? Number.NaN : Number(value));
    case "map":
      return new Map(list() as [unknown, unknown][]);
    case "set":
      return new Set(list());
    case "headers":
      return new Headers(list() as [string, string][]);
    case "bytes":
      return fromBase64(String(value));
    case "object":
      return restoredFields(value as object, inner);
    default:
      return undefined;
  }
}

const restoredFields = (saved: object, inner: (item: unknown) => unknown): object =>
  Object.fromEntries(Object.entries(saved).map(([name, item]) => [name, inner(item)]));

/** As many arguments as any runtime takes. */
const CHUNK = 0x8000;

export function toBase64(buffer: ArrayBuffer): string {
  const bytes = new Uint8Array(buffer);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)));
  }
  return btoa(parts.join(""));
}

export const fromBase64 = (text: string): ArrayBuffer =>
  Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
