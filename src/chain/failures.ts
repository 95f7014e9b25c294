/** Which steps an error came from, however deep the code wrapped it. */
export interface Failures {
  /** Notes where an error came from, and gives it back. */
  from<E>(key: string, error: E): E;
  /** Notes that one error stands for another, came from where that did, and gives it back. */
  insteadOf<E>(other: unknown, error: E): E;
  /** Every step that it came through, the innermost first. */
  keysOf(error: unknown): readonly string[];
}

const DEEPEST = 10;

export function trackFailures(): Failures {
  const ofObjects = new WeakMap<object, readonly string[]>();
  /** Texts and numbers can be thrown too: two equal ones are the same. */
  const ofOthers = new Map<unknown, readonly string[]>();

  const noted = (error: unknown): readonly string[] | undefined =>
    isObject(error) ? ofObjects.get(error) : ofOthers.get(error);
  const note = (error: unknown, keys: readonly string[]): void =>
    void (isObject(error) ? ofObjects.set(error, keys) : ofOthers.set(error, keys));

  const keysOf = (error: unknown, depth = 0): readonly string[] => {
    const known = noted(error);
    if (known) return known;
    if (!isObject(error) || depth > DEEPEST) return [];
    return (
      partsOf(error)
        .map((part) => keysOf(part, depth + 1))
        .find(({ length }) => length > 0) ?? []
    );
  };

  /** What it is made of may be thrown by itself. */
  const noteWithParts = (error: unknown, keys: readonly string[], depth = 0): void => {
    note(error, keys);
    if (!isObject(error) || depth > DEEPEST) return;
    for (const part of partsOf(error)) if (!noted(part)) noteWithParts(part, keys, depth + 1);
  };

  return {
    keysOf: (error) => keysOf(error),
    from(key, error) {
      const known = keysOf(error);
      if (!known.includes(key)) noteWithParts(error, [...known, key]);
      return error;
    },
    insteadOf(other, error) {
      const known = keysOf(other);
      if (other !== error && known.length > 0) noteWithParts(error, known);
      return error;
    },
  };
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const partsOf = (error: object): readonly unknown[] => {
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  return [...(cause === undefined ? [] : [cause]), ...(Array.isArray(errors) ? errors : [])];
};
