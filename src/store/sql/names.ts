import { nodeModule } from "../node.ts";

/** What a database keeps of a text as it is, and what of one that it could not. */

/** Bytes of a name that an index takes: three of them in one row must stay below the 2,704 of PostgreSQL. */
const LONGEST = 800;
/** Letters of a longer one that are kept, for people. */
const BEGINNING = 100;
const SHORTENED = /…[0-9a-f]{64}$/;

/** PostgreSQL's texts hold no NUL, and UTF-8 no half of a surrogate pair. */
export const mended = (text: string): string =>
  text.isWellFormed() && !text.includes("\0") ? text : text.toWellFormed().replaceAll("\0", "\u{fffd}");

/** Whether only a hash tells it from others, so that the whole is kept beside it. */
export const isShortened = (text: string): boolean => SHORTENED.test(text);

/** The columns that have an index on a text that somebody chose. */
export const INDEXED: ReadonlySet<string> = new Set(["chain", "run", "id", "key", "request_id", "root_run"]);

/** A name as an index holds it. One that is like a shortened one is shortened too: no two names are the same. */
export function indexed(name: string): string {
  const text = mended(name);
  const fits = text.length * 3 <= LONGEST || new TextEncoder().encode(text).length <= LONGEST;
  if (fits && !isShortened(text)) return text;
  const hash = nodeModule("node:crypto").createHash("sha256").update(text).digest("hex");
  return `${text.slice(0, BEGINNING).toWellFormed()}…${hash}`;
}
