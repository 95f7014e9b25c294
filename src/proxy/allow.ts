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
  const [first, ...rest] = pattern;
  if (parts.length === 0) return isBeginning || pattern.every((part) => part === "**");
  if (first === undefined) return false;
  const after = parts.slice(1);
  if (first === "**") return matches(rest, parts, isBeginning) || matches(pattern, after, isBeginning);
  return partMatches(first, parts[0] ?? "") && matches(rest, after, isBeginning);
}

function partMatches(pattern: string, part: string): boolean {
  const literal = pattern.split("*").map((text) => text.replaceAll(/[.~]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}$`).test(part);
}
