import { styleText } from "node:util";
import { printable, printableJson as printableJsonOf } from "../base/text.ts";

/** A stream to draw on. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

export { printable };

/** A name, of which nobody reads more than so many characters, and which a table draws many times. */
export const nameText = (name: string): string => printable(name, LONGEST_NAME);

const LONGEST_NAME = 200;

/** JSON that is safe to show. */
export const printableJson = (value: unknown): string => printableJsonOf(value, 2);

export type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Colours where the stream shows them: not in files and pipes, nor with NO_COLOR. */
export const paint =
  (output: Output) =>
  (format: Colour, text: string): string =>
    styleText(format, text, { stream: output });

/** How many columns of a terminal a text takes. It is taken for printable, without colours. */
export function columnsOf(text: string): number {
  // Most texts are of these, and it takes many times as long to tell the characters of others apart.
  if (/^[ -~]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of SEGMENTER.segment(text)) columns += columnsOfCharacter(segment);
  return columns;
}

const SEGMENTER = new Intl.Segmenter();
const WIDE =
  /\p{Emoji_Presentation}|\u{fe0f}|[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{20000}-\u{3fffd}]/u;

const columnsOfCharacter = (character: string): number =>
  WIDE.test(character) ? 2 : /^[\p{Mark}\p{Cf}]+$/u.test(character) ? 0 : 1;

/** The text, cut with an ellipsis where it takes more than so many columns. */
export function clip(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let room = columns - 1;
  let kept = "";
  for (const { segment } of SEGMENTER.segment(text)) {
    room -= columnsOfCharacter(segment);
    if (room < 0) break;
    kept += segment;
  }
  return columns > 0 ? `${kept.trimEnd()}…` : "";
}

/** The words on as many lines as they need; a word that is longer than a line gets one of its own. */
export function wrap(words: readonly string[], columns: number, between = " "): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && columnsOf(last + between + word) <= columns) {
      lines[lines.length - 1] = last + between + word;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

/** `1.7 s` */
export const seconds = (value: number): string => `${value.toFixed(1)} s`;
