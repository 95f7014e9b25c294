import { InvalidArgumentError } from "../errors/arguments.ts";
import { nearest } from "./text.ts";

/** Whether a value can be meant, and in words what can. */
export interface Takes {
  readonly what: string;
  readonly is: (value: unknown) => boolean;
  /** The words that it is one of. */
  readonly words?: readonly string[];
}

/** What each option takes that there is; a type's options, all of them. */
export type OptionsOf<T> = { readonly [K in keyof T]-?: Takes };

/**
 * What somebody was told that cannot be meant. An option that is undefined is left out.
 *
 * @param of Whose options they are, such as `createFal`, where that is not plain.
 * @param so What has not happened for it, such as "Nothing was sent."
 * @throws {InvalidArgumentError} naming the option and what it takes, or the nearest one that there is.
 */
export function checkOptions(
  given: unknown,
  known: Readonly<Record<string, Takes>>,
  { of, so = "" }: { readonly of?: string; readonly so?: string } = {},
): void {
  const where = of ? ` of ${of}` : "";
  const say = (text: string) => new InvalidArgumentError(so ? `${text} ${so}` : text);
  if (!isObject(given)) throw say(`The options${where} are ${shown(given)}; they are an object.`);
  for (const name of Object.keys(given)) {
    const value = (given as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    const takes = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!takes) throw say(`There is no option ${shownName(name)}${where}.${meant(name, Object.keys(known))}`);
    if (!takes.is(value)) {
      const choice = typeof value === "string" ? meant(value, takes.words ?? []) : "";
      throw say(`${name} is ${shown(value)}; it is ${takes.what}.${choice}`);
    }
  }
}

const meant = (word: string, candidates: readonly string[]): string => {
  const found = word.length > LONGEST_QUOTED ? undefined : nearest(word, candidates);
  return found ? ` Did you mean "${found}"?` : "";
};

const LONGEST_QUOTED = 40;

/** What somebody wrote, as far as it may be shown: it may be the key, in the wrong place. */
function shown(value: unknown): string {
  if (typeof value === "string") {
    const isQuotable = value.length <= LONGEST_QUOTED && !value.includes(":");
    return isQuotable ? JSON.stringify(value) : `a text of ${value.length} characters`;
  }
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

const shownName = (name: string): string =>
  name.length > LONGEST_QUOTED || name.includes(":")
    ? `with a name of ${name.length} characters`
    : JSON.stringify(name);

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A finite number from `least` up. */
export const number = (least: number, unit = ""): Takes => ({
  what: `a number ${unit ? `of ${unit} ` : ""}from ${least} up`,
  is: (value) => typeof value === "number" && value >= least && value < Number.POSITIVE_INFINITY,
});

/** A whole number from `least` up. */
export const count = (least: number): Takes => ({
  what: `a whole number from ${least} up`,
  is: (value) => Number.isSafeInteger(value) && (value as number) >= least,
});

/** The same, or `Infinity` for none. */
export const limit = (least: number, unit = ""): Takes => ({
  what: number(least, unit).what,
  is: (value) => typeof value === "number" && value >= least,
});

export const milliseconds = (least: number): Takes => number(least, "milliseconds");

export const oneOf = (allowed: readonly string[]): Takes => ({
  what: `one of ${allowed.join(", ")}`,
  is: (value) => typeof value === "string" && allowed.includes(value),
  words: allowed,
});

export const flag: Takes = { what: "true or false", is: (value) => typeof value === "boolean" };

export const anyText: Takes = { what: "a text", is: (value) => typeof value === "string" };

export const text: Takes = {
  what: "a text that is not empty",
  is: (value) => typeof value === "string" && value.trim() !== "",
};

/** A text that every store can keep as it is, so that it is found again. */
export const name: Takes = {
  what: "a text that is not empty, without a NUL and without half a character (one of a surrogate pair)",
  is: (value) => text.is(value) && (value as string).isWellFormed() && !(value as string).includes("\0"),
};

/** @throws {InvalidArgumentError} */
export function checkName(what: string, value: unknown): void {
  if (!name.is(value)) throw new InvalidArgumentError(`${what} is ${name.what}.`);
}

/** Which one is meant is found out where it is used. */
export const time: Takes = {
  what: "a time, such as 7d (ago), 2026-11-24 or a Date",
  is: (value) => typeof value === "string" || typeof value === "number" || value instanceof Date,
};

export const webAddress: Takes = {
  what: "an http(s) URL",
  is: (value) => typeof value === "string" && /^https?:$/.test(URL.parse(value)?.protocol ?? ""),
};

export const callback: Takes = { what: "a function", is: (value) => typeof value === "function" };

/** @throws {InvalidArgumentError} */
export function checkFunction(what: string, value: unknown): void {
  if (callback.is(value)) return;
  const given = value instanceof Promise ? "a promise, which has begun already" : shown(value);
  throw new InvalidArgumentError(`${what} is ${given}; it is a function, such as () => fal.subscribe(…).`);
}

/** Not what has its entries elsewhere, as a Map and Headers have. */
export const record: Takes = {
  what: "an object of names and values",
  is: (value) => isObject(value) && !(Symbol.iterator in value),
};

export const list: Takes = { what: "an array", is: Array.isArray };

/** One of another copy of the platform's class as well. */
export const signal: Takes = {
  what: "an AbortSignal",
  is: (value) => isObject(value) && "aborted" in value && "addEventListener" in value,
};

/** An object with these methods. */
export const having = (what: string, ...methods: readonly string[]): Takes => ({
  what,
  is: (value) =>
    (isObject(value) || typeof value === "function") &&
    methods.every((method) => typeof (value as Record<string, unknown>)[method] === "function"),
});

export const aClock: Takes = having("an object with functions now and sleep", "now", "sleep");

export const either = (...takes: readonly Takes[]): Takes => ({
  what: takes.map(({ what }) => what).join(", or "),
  is: (value) => takes.some(({ is }) => is(value)),
});

/** An object of options of its own; what is wrong within it is said by its own name. */
export function nested(known: Readonly<Record<string, Takes>>, of: string): Takes {
  return {
    what: record.what,
    is(value) {
      if (!record.is(value)) return false;
      checkOptions(value, known, { of });
      return true;
    },
  };
}

/** What is checked where it is used. */
export const anything: Takes = { what: "anything", is: () => true };
