/**
 * A unit as FOCUS writes it: `Seconds`, `Compute-Seconds`, `1000 Characters`, `GB`. Where fal does not name it, `Units`.
 *
 * https://focus.finops.org, attribute UnitFormat
 */
export function focusUnit(unit: string | undefined): string {
  const words = (unit ?? "")
    .trim()
    .replace(/[^\p{L}\p{N} /-]/gu, "")
    .split(/[\s/-]+/)
    .filter(Boolean);
  const { quantity, names } = quantityOf(words);
  if (names.length === 0) return quantity === undefined ? "Units" : `${quantity} Units`;
  const last = names.length - 1;
  const text = names.map((name, n) => (n === last ? plural(capital(name)) : capital(name))).join("-");
  return quantity === undefined ? text : `${quantity} ${text}`;
}

const THOUSANDS: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, b: 1e9 };

/** `1000`, `1k` or `1m` before the names. */
function quantityOf(words: readonly string[]): { quantity: number | undefined; names: readonly string[] } {
  const [, digits = "", letter = ""] = /^(\d+)([kmb])?$/i.exec(words[0] ?? "") ?? [];
  const quantity = Number(digits) * (THOUSANDS[letter.toLowerCase()] ?? 1);
  if (digits === "" || quantity === 0 || !Number.isSafeInteger(quantity))
    return { quantity: undefined, names: words };
  return { quantity: quantity === 1 ? undefined : quantity, names: words.slice(1) };
}

/** Sizes of data are written as they are, for one and for many. */
const DATA = new Set(
  ["b", "B"].flatMap((base) => [
    base,
    ...["K", "M", "G", "T", "P", "E"].flatMap((size) => [`${size}${base}`, `${size}i${base}`]),
  ]),
);

const capital = (name: string): string => (DATA.has(name) ? name : name[0]?.toUpperCase() + name.slice(1));

const plural = (name: string): string =>
  DATA.has(name) || /s$/i.test(name) || !/\p{L}$/u.test(name) ? name : `${name}s`;
