/** What a result's body is, by what its reply says of it. */
export interface ResultBody {
  /** JSON, a text or, of bytes, an ArrayBuffer. */
  readonly data: unknown;
  /** Whether it is what nobody would send on purpose: said to be JSON, and not. */
  readonly isGarbled: boolean;
}

/**
 * JSON where it says so, text likewise, and an ArrayBuffer for `application/octet-stream`, as the official client has it. Of
 * any other type, or none, it is the first of JSON, text and bytes that it can be.
 */
export function readBody(headers: Headers, bytes: ArrayBuffer): ResultBody {
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "application/octet-stream") return { data: bytes, isGarbled: false };
  const text = new TextDecoder().decode(bytes);
  if (type.startsWith("text/") && type !== "text/json") return { data: text, isGarbled: false };
  const json = parsed(text);
  if (json) return { data: json.value, isGarbled: false };
  if (/[/+]json$/.test(type)) return { data: text, isGarbled: true };
  return { data: isText(bytes) ? text : bytes, isGarbled: false };
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
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
