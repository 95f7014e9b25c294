import { builtin } from "./builtin.ts";

/**
 * Lower-case hex SHA-256 of bytes, or of a text's UTF-8 bytes. Node's own hash where there is one: it takes no turn of
 * the event loop, and a fraction of the time. Elsewhere WebCrypto.
 */
export async function sha256(data: string | BufferSource): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const node = builtin("node:crypto");
  if (node) {
    const view = ArrayBuffer.isView(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes);
    return node.createHash("sha256").update(view).digest("hex");
  }
  return hexOf(await crypto.subtle.digest("SHA-256", bytes));
}

/** An id in the form of a UUID, always the same for the same text. */
export const derivedId = async (text: string): Promise<string> =>
  (await sha256(text)).slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");

/** Lower-case hex HMAC-SHA-256 of a text. */
export async function hmacSha256(secret: string, text: string): Promise<string> {
  const node = builtin("node:crypto");
  if (node) return node.createHmac("sha256", secret).update(text).digest("hex");
  const encode = (value: string) => new TextEncoder().encode(value);
  const key = await crypto.subtle.importKey("raw", encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return hexOf(await crypto.subtle.sign("HMAC", key, encode(text)));
}

const hexOf = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
