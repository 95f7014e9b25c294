/** Which steps an error came from, however deep the code wrapped it. */
export interface Failures {
  /** Notes where an error came from, and gives it back. */
  from<E>(key: string, error: E): E;
  /** Every step that it came through, the innermost first. */
  keysOf(error: unknown): readonly string[];
}

const DEEPEST = 10;

export function trackFailures(): Failures {
  const keys = new WeakMap<object, readonly string[]>();

  const keysOf = (error: unknown, depth = 0): readonly string[] => {
    if (typeof error !== "object" || error === null || depth > DEEPEST) return [];
    const known = keys.get(error);
    if (known) return known;
    const { cause, errors } = error as { cause?: unknown; errors?: unknown };
    const parts = [cause, ...(Array.isArray(errors) ? errors : [])];
    return parts.map((part) => keysOf(part, depth + 1)).find(({ length }) => length > 0) ?? [];
  };

  return {
    keysOf: (error) => keysOf(error),
    from(key, error) {
      if (typeof error !== "object" || error === null) return error;
      const known = keysOf(error);
      if (!known.includes(key)) keys.set(error, [...known, key]);
      return error;
    },
  };
}
