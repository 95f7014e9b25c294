import { parseForeign } from "../base/json.ts";
import type { WireReply } from "../base/transport.ts";

/** What a result's body is, by what its reply says of it. */
export interface ResultBody {
  /** JSON, a text or, of bytes, an ArrayBuffer. */
  readonly data: unknown;
  readonly isJson: boolean;
  /** Whether it is what nobody would send on purpose: said to be JSON, and not. */
  readonly isGarbled: boolean;
}

/**
 * JSON where it says so, text likewise, and an ArrayBuffer for `application/octet-stream`, as the official client has it. Of
 * any other type, or none, it is the first of JSON, text and bytes that it can be. Of JSON, what lies deeper than 500 levels
 * is its text.
 */
export function readBody(reply: WireReply): ResultBody {
  const { headers, bytes } = reply;
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "application/octet-stream") return { data: bytes, ...PLAIN };
  const { text } = reply;
  if (type.startsWith("text/") && type !== "text/json") return { data: text, ...PLAIN };
  const json = parsed(text);
  if (json) return { data: json.value, isJson: true, isGarbled: false };
  if (/[/+]json$/.test(type)) return { data: text, isJson: false, isGarbled: true };
  return { data: isText(bytes) ? text : bytes, ...PLAIN };
}

const PLAIN = { isJson: false, isGarbled: false };

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseForeign(text) };
  } catch {
    return undefined;
  }
}

function isText(bytes: ArrayBuffer): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
