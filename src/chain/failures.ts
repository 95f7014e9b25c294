/** Which step an error came from, however deep the code wrapped it. */
export interface Failures {
  /** Notes where an error came from, and gives it back. The first to note it is right. */
  from<E>(key: string, error: E): E;
  keyOf(error: unknown): string | undefined;
}

const DEEPEST = 10;

export function trackFailures(): Failures {
  const keys = new WeakMap<object, string>();

  const keyOf = (error: unknown, depth = 0): string | undefined => {
    if (typeof error !== "object" || error === null || depth > DEEPEST) return undefined;
    const { cause, errors } = error as { cause?: unknown; errors?: unknown };
    return (
      keys.get(error) ??
      keyOf(cause, depth + 1) ??
      (Array.isArray(errors) ? errors.map((one) => keyOf(one, depth + 1)).find(Boolean) : undefined)
    );
  };

  return {
    keyOf: (error) => keyOf(error),
    from(key, error) {
      if (typeof error === "object" && error !== null && !keys.has(error)) keys.set(error, key);
      return error;
    },
  };
}
