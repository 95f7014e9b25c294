/** What is shorter may be a part of any word or number: it is hidden where it stands by itself. */
const SHORTEST_SECRET = 8;
/** What is shorter than this is no secret to anybody, and hiding it would hide everything. */
const SHORTEST_WORD = 4;
/** Secrets that are remembered: a server that is given a key by each of its users does not remember all of them. */
const MOST_KNOWN = 100;

/** Each secret, with the forms in which it is recognised. */
const known = new Map<string, readonly string[]>();
/** All their forms, the longest first: one that is a part of another one must not leave the rest of that. */
let knownForms: readonly string[] = [];
/** Those of them that are hidden as words only; undefined where there are none. */
let knownWords: RegExp | undefined;

/** From now on `withoutSecrets` knows it, in every form. */
export function rememberSecret(secret: string): void {
  if (secret.length < SHORTEST_WORD) return;
  const forms = known.get(secret) ?? formsOf(secret);
  // Again the newest.
  known.delete(secret);
  known.set(secret, forms);
  const [oldest] = known.keys();
  if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
  const all = longestFirst([...known.values()].flat());
  knownForms = all.filter((form) => form.length >= SHORTEST_SECRET);
  knownWords = anyWordOf(all.filter((form) => form.length < SHORTEST_SECRET));
}

/** fal's keys are a UUID and 32 hexadecimal digits, whoever's they are. */
const FAL_KEYS = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?::|%3a)[0-9a-f]{32}\b/gi;

/** What may well be a key: two words with a colon between them, of which the second is long and no word of a language. */
const KEY_LIKE =
  /(?<![\w-])(?!sqlite:)[\w-]{6,64}:(?=[\w-]{0,128}\d)(?=[\w-]{0,128}[a-z])[\w-]{16,128}(?![\w-])/gi;

/** Whether a text that is meant to be something else is a key. */
export const looksLikeKey = (text: string): boolean =>
  text.search(KEY_LIKE) !== -1 || text.search(FAL_KEYS) !== -1 || hide(text, knownForms) !== text;

/** A text without the secrets that are known, and without anything that looks like a fal key. */
export function withoutSecrets(text: string): string {
  const hidden = hide(text.replace(FAL_KEYS, "…:…"), knownForms);
  return knownWords ? hidden.replace(knownWords, "…") : hidden;
}

/** The same of a message of ours, which may quote what was given where no key belongs. */
export const withoutKeys = (message: string): string => withoutSecrets(message.replace(KEY_LIKE, "…:…"));

/** A text without the parts of a key that may be written in any way. */
export function withoutParts(text: string, key: string): string {
  const parts = key.split(/[\s:"']+/).filter((part) => part.length >= SHORTEST_SECRET);
  return hide(text, longestFirst(parts.flatMap(formsOf)));
}

/** What takes out secrets that are written line by line, as a private key is, of a text that is one of these lines. */
export function lineHider(secrets: readonly string[]): (line: string) => string {
  const lines = secrets.filter((secret) => secret.includes("\n")).flatMap((secret) => secret.split(/\r?\n/));
  const long = lines.map((line) => line.trim()).filter((line) => line.length >= SHORTEST_SECRET);
  const parts = longestFirst([...new Set(long)]);
  return (line) => hide(line, parts);
}

/** A text without a secret, whichever way it is written in it. */
export const withoutSecret = (text: string, secret: string): string =>
  secret.length < SHORTEST_SECRET ? text : hide(text, known.get(secret) ?? formsOf(secret));

function hide(text: string, forms: readonly string[]): string {
  if (text.length < SHORTEST_SECRET) return text;
  return forms.reduce((hidden, form) => hidden.replaceAll(form, "…"), text);
}

const longestFirst = (forms: readonly string[]): string[] => forms.toSorted((a, b) => b.length - a.length);

const LETTER = "[\\p{L}\\p{N}_]";

/** None of them where another letter goes on: `pass` is no part of `passed`. */
function anyWordOf(words: readonly string[]): RegExp | undefined {
  if (words.length === 0) return undefined;
  const isLetter = new RegExp(LETTER, "u");
  const alone = words.map((word) => {
    const before = isLetter.test(word.slice(0, 1)) ? `(?<!${LETTER})` : "";
    const after = isLetter.test(word.slice(-1)) ? `(?!${LETTER})` : "";
    return `${before}${word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}${after}`;
  });
  return new RegExp(alone.join("|"), "gu");
}

/** As it is, within JSON, in a URL, in hexadecimal digits, and within base64 at any place. */
function formsOf(secret: string): readonly string[] {
  const url = encodeURIComponent(secret.toWellFormed());
  const bytes = new TextEncoder().encode(secret);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64 = [0, 1, 2].flatMap((before) => {
    const within = base64Within(bytes, before);
    return [within, within.replaceAll("+", "-").replaceAll("/", "_")];
  });
  return longestFirst([
    ...new Set([
      secret,
      JSON.stringify(secret).slice(1, -1),
      ...(/^[0-9a-f]+$/.test(secret) ? [secret.toUpperCase()] : []),
      url,
      url.replace(/%../g, (byte) => byte.toLowerCase()),
      ...[hex, hex.toUpperCase()],
      ...base64,
    ]),
  ]);
}

/** The characters of base64 that are the secret's alone, where so many bytes (of three) stand before it. */
function base64Within(bytes: Uint8Array, before: number): string {
  const shifted = "\0".repeat(before) + Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const from = Math.ceil((before * 8) / 6);
  const to = Math.floor((shifted.length * 8) / 6);
  return btoa(shifted).slice(from, to);
}
