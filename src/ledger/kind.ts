import { sha256 } from "../base/sha256.ts";
import type { Kind } from "../journal/kind.ts";

export interface ToldKind extends Kind {
  /** Whether there is a text to be spoken. */
  readonly isSpoken: boolean;
}

/**
 * What calls of an endpoint cost differently by: every choice and number of the input, without knowing the endpoint. Left out
 * is what is written, drawn or spoken by (texts, files, seeds, voices) and what only steers the model.
 *
 * @param input With the endpoint's defaults, where those are known. Of anything but an object nothing tells.
 */
export async function kindOf(endpoint: string, input: unknown): Promise<ToldKind> {
  const told = new Told();
  told.readFields(input, "", 0);
  const name = `${endpoint} ${JSON.stringify(told.fields.sort(([a], [b]) => (a < b ? -1 : 1)))}`;
  const { amount, spoken, prompted } = told;
  return {
    name: name.length <= LONGEST_NAME ? name : `${endpoint.slice(0, 100)} ${await sha256(name)}`,
    amount: Math.min(amount, MOST),
    characters: spoken > 0 ? spoken : prompted,
    isSpoken: spoken > 0,
  };
}

/** What of an input tells what the call costs: each choice and number, by its path. */
export function tellingFields(input: unknown): Readonly<Record<string, string | number | boolean>> {
  const told = new Told();
  told.readFields(input, "", 0);
  return told.given;
}

/** A database's index takes no more, and people read the short ones. */
const LONGEST_NAME = 300;
/** What a store holds of a number. */
const MOST = 1e15;
const MOST_FIELDS = 100;
const DEEPEST = 4;
const LONGEST_WORD = 40;

const SPOKEN = /^(text|texts|script|lyrics|ssml|transcript|dialogue)$/;
const PROMPT = /prompt|caption|description|instruction|message|content|query/;
const STEERS =
  /seed|guidance|cfg|temperature|top_[pk]|penalty|safety|tolerance|sync_mode|format|creativity|resemblance|stability|similarity|strength|voice|language|webhook|^(user|session|client|trace)_/;
const FILE = /^(https?:|data:|blob:|file:)/i;

/** How many of the same are asked for. */
const COUNTED = /^(num|number_of|num_of)_?(images|videos|outputs|samples|results|generations|variations)$/;
/** How long it is to be. */
const LONG =
  /(^|_)(duration|seconds|num_frames|length_ms|duration_ms)($|_)|^(video|audio|music)_length(_ms)?$/;

/** `5`, `"5"` and `"5s"`; undefined for what is no amount. */
export function positive(value: unknown): number | undefined {
  const number = typeof value === "string" ? Number(/^\s*(\d+(?:\.\d+)?)\s*s?\s*$/.exec(value)?.[1]) : value;
  return typeof number === "number" && number > 0 && Number.isFinite(number) ? number : undefined;
}

export const isCount = (name: string): boolean => COUNTED.test(name);
export const isLength = (name: string): boolean => LONG.test(name);

const fieldsIn = (part: unknown): [string, unknown][] =>
  typeof part === "object" && part !== null ? Object.entries(part) : [];
const isWritten = (name: string): boolean => SPOKEN.test(name) || PROMPT.test(name);
const wordIn = (text: string): string | undefined => (text.length <= LONGEST_WORD ? text : undefined);

class Told {
  readonly fields: (readonly [name: string, value: string | number | boolean])[] = [];
  /** The same as they were given. */
  readonly given: Record<string, string | number | boolean> = {};
  amount = 1;
  spoken = 0;
  prompted = 0;

  readFields(value: unknown, prefix: string, depth: number): void {
    if (typeof value !== "object" || value === null || depth > DEEPEST) return;
    for (const [name, field] of Object.entries(value)) this.#read(name, field, `${prefix}${name}`, depth);
  }

  #read(name: string, value: unknown, path: string, depth: number): void {
    if (value === null || value === undefined || STEERS.test(name)) return;
    if (Array.isArray(value)) this.#readList(value, path);
    else if (typeof value === "object") this.readFields(value, `${path}.`, depth + 1);
    else if (typeof value === "string" && isWritten(name)) this.#hear(name, value);
    else if (this.#isAmount(name, value)) this.#say(path, "#", value as string | number);
    else if (typeof value === "string") this.#say(path, FILE.test(value) ? "file" : wordIn(value));
    else if (typeof value === "number" || typeof value === "boolean") this.#say(path, value);
  }

  #readList(list: readonly unknown[], path: string): void {
    this.#say(`${path}[]`, list.length);
    // What is said in turns is spoken all the same.
    for (const [name, value] of list.flatMap(fieldsIn))
      if (typeof value === "string" && isWritten(name)) this.#hear(name, value);
  }

  #isAmount(name: string, value: unknown): boolean {
    const amount = isCount(name) || isLength(name) ? positive(value) : undefined;
    this.amount *= amount ?? 1;
    return amount !== undefined;
  }

  #hear(name: string, text: string): void {
    const length = [...text].length;
    if (SPOKEN.test(name)) this.spoken += length;
    else if (name === "prompt") this.prompted += length;
  }

  #say(path: string, value: string | number | boolean | undefined, given = value): void {
    if (value === undefined || given === undefined || this.fields.length >= MOST_FIELDS) return;
    this.fields.push([path, value]);
    this.given[path] = given;
  }
}
