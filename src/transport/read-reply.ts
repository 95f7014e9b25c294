import type { WireReply } from "../base/transport.ts";
import type { FalKey } from "../environment/credentials.ts";
import type { Exchange } from "./exchange.ts";

/** What the body of an answer may cost. */
export interface ReadLimits {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Told of each part that has come. */
  readonly onBytes: (bytes: number) => void;
}

/** An answer is larger than it may be, and the rest of it was not read. */
export class TooLarge extends Error {
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`more than ${maxBytes} bytes`);
    this.maxBytes = maxBytes;
  }
}

/** @throws {TooLarge} */
export async function readReply({ response, key }: Exchange, limits: ReadLimits): Promise<WireReply> {
  const { type } = response;
  const came = await readBytes(response, limits);
  // Some runtimes hide a redirect that was not followed behind status 0.
  const status = type === "opaqueredirect" ? 302 : response.status;
  // Whoever was sent the key may quote it, in a result too.
  return { status, headers: headersWithout(response.headers, key), ...withoutKey(came, key) };
}

type KeylessBody = Pick<WireReply, "text" | "bytes">;

function withoutKey(bytes: ArrayBuffer, key: FalKey | undefined): KeylessBody {
  const text = new TextDecoder().decode(bytes);
  const hidden = key ? key.hideIn(text) : text;
  if (!key || hidden === text) return { text, bytes };
  // Byte by byte, so that what is no text stays what it is.
  const parts = key.hideIn(charPerByte(new Uint8Array(bytes))).split(ELLIPSIS);
  const left = parts.flatMap((part, at) => [...(at === 0 ? [] : [ELLIPSIS_BYTES]), bytePerChar(part)]);
  return {
    text: hidden,
    bytes: joined(
      left,
      left.reduce((sum, part) => sum + part.length, 0),
    ),
  };
}

/** Bytes without the key. */
export const hiddenIn = (bytes: ArrayBuffer, key: FalKey | undefined): ArrayBuffer =>
  withoutKey(bytes, key).bytes;

const ELLIPSIS = "…";
const ELLIPSIS_BYTES = new TextEncoder().encode(ELLIPSIS);
/** As many arguments as a call takes anywhere. */
const AT_ONCE = 8_192;

function charPerByte(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += AT_ONCE) {
    text += String.fromCharCode(...bytes.subarray(at, at + AT_ONCE));
  }
  return text;
}

function bytePerChar(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** A header may quote the key, too. */
export function headersWithout(headers: Headers, key: FalKey | undefined): Headers {
  if (!key) return headers;
  const all = [...headers];
  const text = all.join("\n");
  if (key.hideIn(text) === text) return headers;
  const copy = new Headers();
  // A header has no such character.
  for (const [name, value] of all) copy.append(name, key.hideIn(value).replaceAll(ELLIPSIS, "..."));
  return copy;
}

/** A fetch that imitates one may have a text only. */
const wholeOf = async (response: Response): Promise<ArrayBuffer> =>
  typeof response.arrayBuffer === "function"
    ? response.arrayBuffer()
    : new TextEncoder().encode(await response.text()).buffer;

async function readBytes(
  response: Response,
  { maxBytes, signal, onBytes }: ReadLimits,
): Promise<ArrayBuffer> {
  const { body, headers } = response;
  // A fetch of a library's own may have a body of its own kind.
  if (typeof body?.getReader !== "function") {
    const bytes = await wholeOf(response);
    if (bytes.byteLength > maxBytes) throw new TooLarge(maxBytes);
    return bytes;
  }
  const reader = body.getReader();
  // A peer that does not answer must not hold the reader up, and a body that failed cannot be cancelled.
  const leave = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", leave, { once: true });
  try {
    const parts: Uint8Array[] = [];
    let size = 0;
    const isAnnounced = Number(headers.get("content-length") ?? 0) > maxBytes;
    for (let isOver = isAnnounced; ; isOver = size > maxBytes) {
      if (isOver) throw new TooLarge(maxBytes);
      const { done, value } = await reader.read();
      if (done) return joined(parts, size);
      parts.push(value);
      size += value.byteLength;
      onBytes(value.byteLength);
    }
  } catch (error) {
    leave();
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

function joined(parts: readonly Uint8Array[], size: number): ArrayBuffer {
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all.buffer;
}
