import { InvalidArgumentError } from "../errors/arguments.ts";

/** A date, its ISO form, milliseconds since the epoch, or how long ago: `30m`, `12h`, `7d`, `2w`. */
export type Time = string | Date | number;

/** What is asked for, with times as people write them. */
export type Timed<Q> = Omit<Q, "since" | "until"> & {
  readonly [K in keyof Q & ("since" | "until")]?: Time | undefined;
};

const AGO = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** @throws {InvalidArgumentError} for what is no time. @returns milliseconds since the epoch. */
export function timeOf(time: Time, now: number): number {
  const text = typeof time === "string" ? time.trim() : undefined;
  const [, count, unit] = /^(\d+)([mhdw])$/.exec(text ?? "") ?? [];
  if (count !== undefined) return now - Number(count) * AGO[unit as keyof typeof AGO];
  // A Date would also take 90 for a year.
  const at = text === undefined || /^\d{4}(-|$)/.test(text) ? new Date(text ?? time).getTime() : Number.NaN;
  if (!Number.isNaN(at) && isOnCalendar(text)) return at;
  throw new InvalidArgumentError(
    `${JSON.stringify(time)} is not a time. It reads 7d, 12h or 30m (ago), or 2026-11-24, or 2026-11-24T12:00:00Z.`,
  );
}

/** A Date would also take February the 30th, for a day in March. */
function isOnCalendar(text = ""): boolean {
  const [day] = /^\d{4}-\d{2}-\d{2}/.exec(text) ?? [];
  return day === undefined || new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
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
