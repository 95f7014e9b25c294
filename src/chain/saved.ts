/** T after a round trip through JSON: what a run's output is, the first time and each time it is read back. */
export type Saved<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends { toJSON(...args: never[]): infer J }
      ? Saved<J>
      : T extends bigint | symbol | ((...args: never[]) => unknown)
        ? never
        : T extends object
          ? { [K in keyof T]: Saved<T[K]> }
          : T;

/** What an input is that would not survive. A text, since the compiler prints it where such a function is handed over. */
export type NotSerialisable =
  "the input of a chain must survive JSON (no Date, Map, class instance…): give text or numbers instead";
