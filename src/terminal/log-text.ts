/** What every line has, or what the place where it is shown says already. */
const LEFT_OUT = new Set([
  ...["level", "time", "msg", "app", "job_id", "pid", "hostname"],
  ...["chain", "run", "epoch", "call"],
]);

/**
 * A line of a log as people read it: of JSON with a message that message, a level that matters, and what else it says.
 * Anything else is as it was.
 */
export function logText(line: string): string {
  const fields = fieldsOf(line);
  if (typeof fields?.["msg"] !== "string") return line;
  const level = String(fields["level"] ?? "info");
  const rest = Object.entries(fields)
    .filter(([name]) => !LEFT_OUT.has(name))
    .map(
      ([name, value]) => `${name}=${typeof value === "string" ? shortened(value) : JSON.stringify(value)}`,
    );
  return [...(level === "info" ? [] : [level.toUpperCase()]), fields["msg"], ...rest].join("  ");
}

function fieldsOf(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Of an id the end: fal's begin with the time, so the beginnings are alike. */
const shortened = (value: string): string => (/^[0-9a-f-]{36}$/.test(value) ? value.slice(-8) : value);
