/** What such a field holds is nobody's business, whatever it looks like. */
const SECRET_FIELDS =
  /^(authorization|proxy-authorization|cookie|set-cookie|password|passwd|secret|client_?secret|api[-_]?key|x-api-key|access[-_]?token)$/i;

const DEEPEST = 12;

/** A plain copy of whatever is logged, in which every text went through `hide`. Cycles end at a depth. */
export function redacted(value: unknown, hide: (text: string) => string, depth = 0): unknown {
  if (typeof value === "string") return hide(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEEPEST) return "…";
  if (value instanceof Blob || value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    return `[${value.constructor.name}]`;
  }
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return redacted(value.toJSON(), hide, depth + 1);
  }
  if (Array.isArray(value)) return value.map((item) => redacted(item, hide, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      // A short secret may be the same word as a field of ours.
      name.length < 8 ? name : hide(name),
      SECRET_FIELDS.test(name) ? "…" : redacted(item, hide, depth + 1),
    ]),
  );
}
