import { parseOwn, wireJson } from "../base/json.ts";
import { StoreError } from "../errors/store.ts";

/** What JSON can say, as types know it; what is undefined it leaves out. */
export type Json =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly Json[]
  | { readonly [name: string]: Json };

/** T after a round trip through JSON: what a run's output is, the first time and each time it is read back. */
export type Saved<T> = unknown extends T
  ? T
  : // What is JSON already is itself, so that a type which holds itself is not followed for ever.
    T extends Json
    ? T
    : T extends { toJSON(...args: never[]): infer J }
      ? Saved<J>
      : T extends bigint | symbol | ((...args: never[]) => unknown)
        ? never
        : // Lists by themselves: the compiler asks for what is in them when it is needed, and a type may hold itself.
          T extends readonly unknown[]
          ? T[number][] extends T
            ? T extends unknown[]
              ? Saved<T[number]>[]
              : readonly Saved<T[number]>[]
            : { [K in keyof T]: Saved<T[K]> }
          : T extends object
            ? { [K in keyof T]: Saved<T[K]> }
            : T;

/** What an input is that would not survive. A text, since the compiler prints it where such a function is handed over. */
export type NotSerialisable =
  "the input of a chain must survive JSON (no Date, Map, class instance…): give text or numbers instead";

/** JSON of what code gave; undefined for nothing. @throws {InvalidArgumentError} when JSON cannot say it. */
export const toJson = (value: unknown, name: string): string | undefined =>
  value === undefined ? undefined : wireJson(value, name);

/**
 * What every later reader will see, so that the first one sees it too.
 *
 * @throws {StoreError} for what is no JSON any more, as after a change by hand.
 */
export function fromJson<T>(json: string | undefined): Saved<T> {
  if (json === undefined) return undefined as Saved<T>;
  try {
    return parseOwn(json) as Saved<T>;
  } catch {
    // The runtime's own message would quote it.
    throw new StoreError(
      "What the store has of this is not JSON: it was changed, or cut off, by something else.",
      {
        isOfValue: true,
      },
    );
  }
}
