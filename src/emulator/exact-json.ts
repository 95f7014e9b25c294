/** What JSON has as it came, where no number of JavaScript can hold it. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
};

/** The same as `JSON.parse`, but a whole number that would be rounded is written again as it came. @throws {SyntaxError} */
export const exactJson = (text: string): unknown =>
  /\d{16}/.test(text) ? JSON.parse(text, exact as Parameters<typeof JSON.parse>[1]) : JSON.parse(text);

function exact(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  const isWhole = typeof value === "number" && source !== undefined && /^-?\d+$/.test(source);
  return isWhole && BigInt(source) !== BigInt(Math.trunc(value)) ? rawJSON(source) : value;
}

/** With such numbers as their digits, which models take as they take those of a text. */
export function withDigits(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isRawJSON(value)) return value.rawJSON;
  if (Array.isArray(value)) return value.map(withDigits);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withDigits(item)]));
}

/** With the nearest number in the place of each. */
export const rounded = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? "null");
