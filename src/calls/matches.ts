/**
 * Whether `whole` holds everything that `part` says: each field of an object, each item of a list, in order. `whole`
 * may say more, as a history does that fills in defaults. Both are no deeper than what `wireJson` writes.
 */
export function matches(part: unknown, whole: unknown): boolean {
  if (Array.isArray(part)) {
    return (
      Array.isArray(whole) &&
      part.length === whole.length &&
      part.every((item, index) => matches(item, whole[index]))
    );
  }
  if (typeof part !== "object" || part === null) {
    return Object.is(part, whole) || (part === 0 && whole === 0) || isRounded(part, whole);
  }
  if (typeof whole !== "object" || whole === null || Array.isArray(whole)) return false;
  return Object.entries(part).every(
    ([key, value]) => Object.hasOwn(whole, key) && matches(value, (whole as Record<string, unknown>)[key]),
  );
}

/** Digits that are too many for a number come back as they were, or from those that round them as what is left. */
const isRounded = (part: unknown, whole: unknown): boolean =>
  typeof part === "string" &&
  typeof whole === "number" &&
  /^-?\d+$/.test(part) &&
  !Number.isSafeInteger(whole) &&
  Number(part) === whole;
