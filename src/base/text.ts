/** `nearest("promt", ["prompt", "seed"])` is `"prompt"`: the candidate that a mistyped word most likely meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
  }
  return row[b.length] ?? 0;
}

/** More of a text than anybody reads at a terminal. */
const MOST_SHOWN = 10_000;

/**
 * A text from elsewhere (a model, a server, a caller) as one line that is only read: it cannot move a cursor, change
 * colours, turn the direction of writing or hide a part of itself. Escape sequences are left out, line ends and controls
 * become spaces, and what is not seen is written out (`\u200b`).
 *
 * @param most Characters that are looked at, so that no text takes long; how many are left is said. @default 10_000
 */
export function printable(text: string, most: number = MOST_SHOWN): string {
  const shown = text
    .slice(0, most)
    .toWellFormed()
    .replace(ESCAPE_SEQUENCES, "")
    .replace(CONTROLS, " ")
    .replace(UNSEEN, escaped)
    .trimEnd();
  return text.length > most ? `${shown}… (${text.length - most} more characters)` : shown;
}

/** A text of several lines that is safe to show: what a terminal obeys, or does not show, is written out. */
export const escapedControls = (text: string): string =>
  text.toWellFormed().replaceAll("\r\n", "\n").replace(CONTROLS_OF_LINES, escaped).replace(UNSEEN, escaped);

/** JSON that is safe to show: what JSON leaves as it is and a terminal obeys, or does not show, is escaped. */
export const printableJson = (value: unknown, space?: number): string =>
  JSON.stringify(value, null, space).replace(CONTROLS_OF_JSON, escaped).replace(UNSEEN, escaped);

const ESCAPE_SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]|(?:\x1b\]|\x9d)[^\p{Cc}]*(?:\x07|\x1b\\|\x9c)/gu;
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;
const CONTROLS_OF_LINES = /[^\t\n\P{Cc}]|[\p{Zl}\p{Zp}]/gu;
/** All but the line ends that the form itself has. */
const CONTROLS_OF_JSON = /[^\n\P{Cc}]|[\p{Zl}\p{Zp}]/gu;
/** Marks of direction, characters of no width, fillers; not what makes one emoji of several. */
const UNSEEN =
  /(?![\u{fe00}-\u{fe0f}]|(?<=\p{Extended_Pictographic}[\u{fe0f}\u{1f3fb}-\u{1f3ff}]?)\u{200d}\p{Extended_Pictographic})[\p{Default_Ignorable_Code_Point}\u{fff9}-\u{fffb}]/gu;

/** A character, as JSON writes what it must escape. */
function escaped(char: string): string {
  let all = "";
  for (let n = 0; n < char.length; n++) all += `\\u${hex(char.charCodeAt(n), 4)}`;
  return all;
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, "0");

/**
 * A text as one word of a command that is offered for copying, whatever shell it is pasted into; what is not seen is
 * written out, as bash, zsh and ksh read it.
 */
export function shellWord(text: string): string {
  if (/^[\w./:@+][\w./:@+-]*$/.test(text)) return text;
  if (printableWhole(text) === text) return `'${text.replaceAll("'", "'\\''")}'`;
  const inner = text
    .toWellFormed()
    .replace(/[\\']/g, "\\$&")
    .replace(CONTROLS, written)
    .replace(UNSEEN, written);
  return `$'${inner}'`;
}

const printableWhole = (text: string): string =>
  text.toWellFormed().replace(CONTROLS, " ").replace(UNSEEN, escaped);

const written = (text: string): string =>
  Array.from(text, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  }).join("");
