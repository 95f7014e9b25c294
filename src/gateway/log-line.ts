/** How loggers name a request's id in a line of JSON. */
const NAMES = ["request_id", "requestId", "request", "x-fal-request-id"];

/**
 * Which of a runner's requests a line of its log is about: the one that the line names, or the only one there is.
 * Undefined for a line that may be about any of them, or none.
 */
export function requestOf(line: string, requests: ReadonlySet<string>): string | undefined {
  const [only] = requests;
  const named = idsIn(line).find((id) => requests.has(id));
  return named ?? (requests.size === 1 ? only : undefined);
}

function idsIn(line: string): readonly string[] {
  if (!line.startsWith("{")) return [];
  try {
    const fields = JSON.parse(line) as Record<string, unknown>;
    return NAMES.flatMap((name) => (typeof fields[name] === "string" ? [fields[name]] : []));
  } catch {
    return [];
  }
}
