/** What this code is a part of, as https://www.w3.org/TR/trace-context/ tells it. */
export interface Trace {
  readonly traceId: string;
  /** Two hex digits; `01` says that somebody may keep it. */
  readonly flags: string;
}

const ZEROS = /^0+$/;

/** Undefined for what is no valid `traceparent`. A later version may say more at its end. */
export function parseTraceparent(header: string | undefined): Trace | undefined {
  const match = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(header?.trim() ?? "");
  const [, version = "", traceId = "", parentId = "", flags = "", more] = match ?? [];
  if (!match || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  return ZEROS.test(traceId) || ZEROS.test(parentId) ? undefined : { traceId, flags };
}

/** The header of one call within the trace. */
export function traceparent({ traceId, flags }: Trace): string {
  const parent = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  );
  return `00-${traceId}-${parent.join("")}-${flags}`;
}

/** What every receiver must take: https://www.w3.org/TR/baggage/#limits */
const LONGEST_BAGGAGE = 8192;

/** The values that a `baggage` header has under these keys. What cannot be read is left out. */
export function parseBaggage<K extends string>(
  header: string | undefined,
  keys: readonly K[],
): Partial<Record<K, string>> {
  const found: Partial<Record<K, string>> = {};
  if (header === undefined || header.length > LONGEST_BAGGAGE) return found;
  for (const member of header.split(",")) {
    const [pair = ""] = member.split(";");
    const at = pair.indexOf("=");
    const key = keys.find((name) => name === pair.slice(0, at).trim());
    const value = key && decoded(pair.slice(at + 1).trim());
    if (value) found[key] = value;
  }
  return found;
}

/** Adds to a header that the caller wrote, in the place of what it has under the same keys. */
export function withBaggage(
  header: string | undefined,
  values: Readonly<Record<string, string | undefined>>,
): string {
  const others = (header ?? "").split(",").filter((member) => {
    const key = member.split("=")[0]?.trim() ?? "";
    return key !== "" && !(key in values);
  });
  const ours = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  return [...others.map((member) => member.trim()), ...ours].join(",");
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
