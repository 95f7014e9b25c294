import { printable } from "../base/text.ts";

/** More than a table has room for. */
const MOST_SHOWN = 1_000;

/** A piece of HTML in which everything that came from outside is escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | undefined | false | readonly Part[];

/** Text is escaped wherever it stands, in an attribute's quotation marks too; pieces of HTML stay what they are. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.map((string, n) => string + (n < parts.length ? textOf(parts[n]) : "")).join(""));

function textOf(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(textOf).join("");
  return printable(String(part), MOST_SHOWN).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
