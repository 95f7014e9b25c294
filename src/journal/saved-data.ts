import { fromBase64, toBase64 } from "../errors/saved-value.ts";

/** What a result is in a store, which has JSON only: bytes are `{ "fal-chain": "bytes", "base64": "…" }`. */

const MARK = "fal-chain";

/** JSON that looks like bytes is wrapped, so that it comes back as it was. */
export function savedData(data: unknown): unknown {
  if (data instanceof ArrayBuffer) return { [MARK]: "bytes", base64: toBase64(data) };
  return isMarked(data) ? { [MARK]: "json", value: data } : data;
}

export function restoredData(saved: unknown): unknown {
  if (!isMarked(saved)) return saved;
  return "base64" in saved ? fromBase64(String(saved.base64)) : (saved as { value?: unknown }).value;
}

/** The same to be looked at. */
export function shownData(saved: unknown): unknown {
  const data = restoredData(saved);
  return data instanceof ArrayBuffer ? `${data.byteLength} bytes` : data;
}

/** A reply with such data for its body. */
export function replyWith(data: unknown): Response {
  if (data instanceof ArrayBuffer) {
    return new Response(data, { headers: { "content-type": "application/octet-stream" } });
  }
  return typeof data === "string" ? new Response(data) : Response.json(data);
}

const isMarked = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value) && MARK in value;
