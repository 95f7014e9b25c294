import { nearest } from "../base/text.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";

/** Milliseconds, and the least of them that can be meant. */
const DURATIONS = { timeout: 1, pollInterval: 5, idleTimeout: 100 } as const;

/** What a call knows besides, and what the official client's calls do. */
const OTHERS = [
  ...["input", "output", "step", "onChange", "ambiguousSubmit", "tags", "webhookUrl", "priority", "hint"],
  ...["startTimeout", "storageSettings", "headers", "abortSignal", "logs", "mode", "cancelOnAbort"],
  ...["onEnqueue", "onQueueUpdate", "requestId", "method", "connectionMode"],
];
const KNOWN: ReadonlySet<string> = new Set([...Object.keys(DURATIONS), ...OTHERS]);

/**
 * What a call was told that cannot be meant, found before anything is sent.
 *
 * @throws {InvalidArgumentError} naming the option and what it takes, or the nearest one that there is.
 */
export function checkOptions(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!KNOWN.has(name)) {
      const meant = nearest(name, KNOWN);
      throw new InvalidArgumentError(
        `There is no option ${JSON.stringify(name)}.${meant ? ` Did you mean "${meant}"?` : ""} Nothing was sent.`,
      );
    }
    const least = Object.hasOwn(DURATIONS, name) ? DURATIONS[name as keyof typeof DURATIONS] : undefined;
    if (least !== undefined) checkDuration(name, value, least);
  }
}

function checkDuration(name: string, value: unknown, least: number): void {
  if (typeof value === "number" && value >= least) return;
  const given = typeof value === "number" ? String(value) : JSON.stringify(value);
  throw new InvalidArgumentError(
    `${name} is ${given}; it is a number of milliseconds from ${least} up. Nothing was sent.`,
  );
}
