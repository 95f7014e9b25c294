import { InvalidArgumentError } from "../errors/arguments.ts";

/** Whether an endpoint, and the requests of an app, are among those that a proxy passes on. */
export interface Allowed {
  endpoint(id: string): boolean;
  /** Whether some endpoint of this app is. */
  app(app: string): boolean;
}

const SEGMENT = /^[A-Za-z0-9_.~*-]+$/;

/**
 * Endpoints by patterns: `*` stands for any letters of one part of an id, `**` for any number of parts, none included.
 *
 * @throws {InvalidArgumentError} for what can be no endpoint.
 */
export function allowed(patterns: readonly string[]): Allowed {
  const all = patterns.map(partsOf);
  return {
    endpoint: (id) => all.some((parts) => matches(parts, id.split("/"), false)),
    app: (app) => all.some((parts) => matches(parts, app.split("/"), true)),
  };
}

function partsOf(pattern: unknown): readonly string[] {
  const parts = typeof pattern === "string" ? pattern.split("/") : [];
  if (parts.length > 0 && parts.every((part) => SEGMENT.test(part))) return parts;
  throw new InvalidArgumentError(
    `${JSON.stringify(pattern)} in allow is not an endpoint, such as fal-ai/flux/schnell, nor a pattern such as fal-ai/flux/*.`,
  );
}

/** @param isBeginning Whether it is enough that something could follow. */
function matches(pattern: readonly string[], parts: readonly string[], isBeginning: boolean): boolean {
  if (!isBeginning) return fits(pattern, parts, "**", partMatches);
  const known = pattern.indexOf("**");
  const fixed = known === -1 ? pattern : pattern.slice(0, known);
  return (
    (known !== -1 || parts.length <= fixed.length) &&
    parts.every((part, nth) => nth >= fixed.length || partMatches(fixed[nth] ?? "", part))
  );
}

const partMatches = (pattern: string, part: string): boolean =>
  fits([...pattern], [...part], "*", (letter, given) => letter === given);

/**
 * Whether a pattern stands for a text, each in its pieces, where `many` stands for any number of them. Only the latest of
 * those is ever tried anew: a regular expression tries all, and whoever asks chooses how long that takes.
 */
function fits(
  pattern: readonly string[],
  text: readonly string[],
  many: string,
  isSame: (wanted: string, given: string) => boolean,
): boolean {
  let at = 0;
  let latest = -1;
  let resumeAt = 0;
  for (let nth = 0; nth < text.length; ) {
    const wanted = pattern[at];
    if (wanted === many) {
      latest = at;
      resumeAt = nth;
      at += 1;
    } else if (wanted !== undefined && isSame(wanted, text[nth] ?? "")) {
      at += 1;
      nth += 1;
    } else if (latest !== -1) {
      resumeAt += 1;
      nth = resumeAt;
      at = latest + 1;
    } else return false;
  }
  return pattern.slice(at).every((wanted) => wanted === many);
}
