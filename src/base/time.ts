import { InvalidArgumentError } from "../errors/arguments.ts";

/**
 * A date, its ISO form, milliseconds since the epoch, or how long ago: `30m`, `12h`, `7d`, `2w`. `2026-11`, `2026-11-24` and
 * `2026-11-24T12:00` name no zone, and are UTC's.
 */
export type Time = string | Date | number;

/** What is asked for, with times as people write them. */
export type Timed<Q> = Omit<Q, "since" | "until"> & {
  readonly [K in keyof Q & ("since" | "until")]?: Time | undefined;
};

const AGO = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `7d`, `12h` or `30m` in milliseconds; undefined for what does not read so. */
export function lengthOf(text: string): number | undefined {
  const [, count, unit] = /^(\d+)([mhdw])$/.exec(text.trim()) ?? [];
  return count === undefined ? undefined : Number(count) * AGO[unit as keyof typeof AGO];
}

/** A year, a month, a day or a moment of ISO 8601; a zone is `Z` or an offset. */
const ISO = /^\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?)?)?(Z|[+-]\d\d:?\d\d)?$/i;

/**
 * The moment that is meant. Without a zone it is UTC's, wherever the program runs: `2026-11` is when November begins there.
 *
 * @throws {InvalidArgumentError} for what is no time. @returns milliseconds since the epoch.
 */
export function timeOf(time: Time, now: number): number {
  const text = typeof time === "string" ? time.trim() : undefined;
  const ago = text === undefined ? undefined : lengthOf(text);
  if (ago !== undefined) return now - ago;
  const at = text === undefined ? new Date(time).getTime() : momentOf(text);
  if (!Number.isNaN(at)) return at;
  throw new InvalidArgumentError(
    `${JSON.stringify(time)} is not a time. It reads 7d, 12h or 30m (ago), or 2026-11-24, 2026-11 or 2026-11-24T12:00, which are UTC's.`,
  );
}

/** A Date would take what names no zone for local time, 90 for a year, and February the 30th for a day in March. */
function momentOf(text: string): number {
  const [, , day, clock, , , zone] = ISO.exec(text) ?? [];
  if (!ISO.test(text) || (zone && !clock)) return Number.NaN;
  if (day && !isOnCalendar(text.slice(0, 10))) return Number.NaN;
  return new Date(clock && !zone ? `${text}Z` : text).getTime();
}

function isOnCalendar(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}

/** The same question, in milliseconds since the epoch. @throws {InvalidArgumentError} for what is no time. */
export function inMilliseconds<
  Q extends { readonly since?: Time | undefined; readonly until?: Time | undefined },
>(
  { since, until, ...rest }: Q,
  now: number,
): Omit<Q, "since" | "until"> & { readonly since?: number; readonly until?: number } {
  return {
    ...rest,
    ...(since !== undefined && { since: timeOf(since, now) }),
    ...(until !== undefined && { until: timeOf(until, now) }),
  };
}
