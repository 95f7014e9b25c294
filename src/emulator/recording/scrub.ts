import { withoutSecret, withoutSecrets } from "../../errors/secrets.ts";

const REMOVED = "…";
/** Names whose values are secrets, in whichever way their words are joined. */
const SECRET_NAME =
  /(^|_)(token|secret|password|passwd|authorization|cookies?|api_?key|signature|sig|credentials?|jwt|policy)$/;
/** JSON Web Tokens, whoever's they are. */
const JWT = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g;
const SCHEME = /\b(Key|Bearer|Basic)\s+[\w+/=.~:-]{8,}/g;
/** A file's address, and what is asked there: signatures, mostly. */
const QUERY = /(\bhttps?:\/\/[^\s"'<>?#\\]+)[?#]([^\s"'<>\\]+)/g;
const LOGIN = /(\bhttps?:\/\/)[^\s/"'@]+@/g;
/** What is shorter may be a word of anybody's. */
const LEAST = 8;

/** Takes keys, tokens, signatures and cookies out of what is written down. */
export interface Scrubber {
  /** It is taken out of everything that comes, in every form, unless it is short enough to be a word. */
  remember(secret: string | null | undefined): void;
  /** A value of JSON, without what is secret by its name or its look. */
  value(value: unknown): unknown;
  /** Text that may be a stream of events, whose data is JSON. */
  events(text: string): string;
  /** A path with its query. */
  path(path: string, search: string): string;
  /** The last look: whatever is known to be secret, wherever it stands. */
  text(text: string): string;
}

export function createScrubber(): Scrubber {
  const secrets = new Set<string>();
  const remember = (secret: string | null | undefined) => {
    if (secret && secret.length >= LEAST) secrets.add(secret);
  };
  const plain = (text: string): string =>
    text
      .replace(QUERY, (_, address: string, query: string) => {
        for (const [name, given] of new URLSearchParams(query)) if (isSecretName(name)) remember(given);
        return address;
      })
      .replace(LOGIN, "$1")
      .replace(SCHEME, `$1 ${REMOVED}`)
      .replace(JWT, REMOVED);
  const value = (given: unknown): unknown => {
    if (typeof given === "string") return plain(given);
    if (Array.isArray(given)) return given.map(value);
    if (typeof given !== "object" || given === null) return given;
    return Object.fromEntries(
      Object.entries(given).map(([name, item]) => {
        if (!isSecretName(name) || typeof item === "number") return [name, value(item)];
        if (typeof item === "string") remember(item);
        return [name, item === null ? null : REMOVED];
      }),
    );
  };
  return {
    remember,
    value,
    events: (text) =>
      text
        .split("\n")
        .map((line) => {
          try {
            return line.startsWith("data:")
              ? `data: ${JSON.stringify(value(JSON.parse(line.slice(5))))}`
              : plain(line);
          } catch {
            return plain(line);
          }
        })
        .join("\n"),
    path(path, search) {
      const query = new URLSearchParams(search);
      for (const [name, given] of [...query]) {
        if (isSecretName(name)) query.delete(name);
        else query.set(name, plain(given));
      }
      query.sort();
      return query.size > 0 ? `${path}?${query}` : path;
    },
    text: (text) =>
      [...secrets].reduce((hidden, secret) => withoutSecret(hidden, secret), withoutSecrets(text)),
  };
}

const isSecretName = (name: string): boolean =>
  SECRET_NAME.test(
    name
      .replace(/([a-z])([A-Z])/g, "$1_$2")
      .toLowerCase()
      .replaceAll("-", "_"),
  );
