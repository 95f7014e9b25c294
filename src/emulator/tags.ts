const MOST_PAIRS = 10;
const LONGEST_KEY = 64;
const LONGEST_VALUE = 256;
const MOST_BYTES = 1024;
const KEY = /^[a-z0-9._-]+$/;
/** Printable ASCII; the comma is gone by then, since pairs are split at it. */
const VALUE = /^[\x20-\x7e]*$/;

/**
 * Reads `X-Fal-Tags` as fal's gateway does: it fails open, so a pair that breaks a rule is dropped without a word and
 * the request runs. Limits count before duplicates are merged; of duplicates the last wins.
 */
export function parseTags(header: string | null): Record<string, string> {
  const tags = new Map<string, string>();
  let pairs = 0;
  let bytes = 0;
  for (const pair of header?.split(",") ?? []) {
    const at = pair.indexOf("=");
    if (at < 0) continue;
    const key = pair.slice(0, at).trim().toLowerCase();
    const value = pair.slice(at + 1).trim();
    if (!isValid(key, value)) continue;
    if (pairs + 1 > MOST_PAIRS || bytes + key.length + value.length > MOST_BYTES) continue;
    pairs += 1;
    bytes += key.length + value.length;
    tags.set(key, value);
  }
  return Object.fromEntries(tags);
}

const isValid = (key: string, value: string): boolean =>
  key.length <= LONGEST_KEY &&
  KEY.test(key) &&
  !key.startsWith("fal.") && // reserved
  value.length <= LONGEST_VALUE &&
  VALUE.test(value);
