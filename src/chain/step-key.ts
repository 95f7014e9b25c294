/**
 * What a run finds its steps by. Whatever makes or reads a key does it here: keys are in stores, so a form that changes
 * finds nothing of what an older version of the package has paid for.
 *
 * | what is found                   | key                          | such as                       |
 * | ------------------------------- | ---------------------------- | ----------------------------- |
 * | a call, by its content          | `place endpoint content#nth` | `/hero/map[3] acme/echo 5f#1` |
 * | a call, by the name of its step | `place =name#nth content`    | `/ =cover#1 5f`               |
 * | a memoized function             | `place !name#nth`            | `/hero !title#1`              |
 * | a file that was uploaded        | `/ ^digest`                  | `/ ^9ab1`                     |
 * | a copy of a file that is gone   | `/ ^file:url`                | `/ ^file:https://…/a.png`     |
 * | a run without an id of its own  | `>chain/id`                  | `>poster/outer%2Fo%234f`      |
 *
 * A place is `/` outside of any scope, else its scopes from the outside in, each after a slash. A scope is a branch
 * (`name`), an item of a map (`map[index]`) or a memoized function (`step:name#nth`). Names are percent-encoded, so none
 * holds a space, a slash or a number sign. `nth` counts, from 1, equal things in the order in which they are asked for.
 */

const ROOT = "/";

export const branchScope = (name: string): string => encodeURIComponent(name);
/** The same for every map in a scope: which of two that run at once is the first may be another the next time. */
export const itemScope = (index: number): string => `map[${index}]`;
export const functionScope = (name: string, nth: number): string => `step:${encodeURIComponent(name)}#${nth}`;

/** A scope within another one. */
export const within = (outer: string, scope: string): string => `${outer}/${scope}`;

/** What is counted to tell equal steps apart: a key without its number. */
export const callLabel = (scope: string, endpoint: string, content: string): string =>
  `${scope || ROOT} ${endpoint} ${content}`;
export const namedCallLabel = (scope: string, name: string): string =>
  `${scope || ROOT} =${encodeURIComponent(name)}`;
export const functionLabel = (scope: string, name: string): string =>
  `${scope || ROOT} !${encodeURIComponent(name)}`;
export const startLabel = (scope: string, chain: string, input: string): string =>
  `${scope} start ${chain} ${input}`;

/** The key of a call by its content, or of a memoized function; and what a named call is found by, whatever its input. */
export const numbered = (label: string, nth: number): string => `${label}#${nth}`;
export const namedCallKey = (numberedLabel: string, content: string): string => `${numberedLabel} ${content}`;
export const fileKey = (digest: string): string => `${ROOT} ^${digest}`;
/** What stands for the digest of a file that is known by its URL alone. */
export const copyName = (url: string): string => `file:${url}`;
export const innerRunKey = (chain: string, id: string): string =>
  `>${encodeURIComponent(chain)}/${encodeURIComponent(id)}`;

/**
 * The id of a run that has none of its own, made of where it is started and with what.
 *
 * @param input A hash of it; empty for none.
 */
export function innerRunId(
  outer: { readonly chain: string; readonly run: string; readonly scope: string },
  input: string,
  nth: number,
): string {
  const [chain, run] = [outer.chain, outer.run].map((name) => name.replace(/[%/]/g, encodeURIComponent));
  const mark = input === "" ? `${nth}` : nth === 1 ? input : `${input}.${nth}`;
  return `${chain}/${run}${outer.scope}#${mark}`;
}

const placeOf = (key: string): string => key.slice(0, key.indexOf(" "));

/** What a named call is found by; for other steps something that no named call has. */
export const numberedLabelOf = (key: string): string => key.split(" ").slice(0, 2).join(" ");
export const isInScope = (key: string, scope: string): boolean => placeOf(key) === (scope || ROOT);
/** The same, and deeper within it. */
export const isBelow = (key: string, scope: string): boolean => `${placeOf(key)}/`.startsWith(`${scope}/`);
export const isOfFile = (key: string): boolean => key.startsWith("^", key.indexOf(" ") + 1);

/** The scopes of a step as people write them, from the outside in: `hero/map[3]`. */
export const scopeForPeople = (key: string): string =>
  placeOf(key).slice(1).split("/").map(decodeURIComponent).join("/");
/** The same, one by one. */
export const scopesIn = (scope: string): string[] => scope.split("/").filter(Boolean);
