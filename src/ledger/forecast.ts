import { monthAfter, monthOf } from "../journal/months.ts";
import { monthText } from "./closing.ts";
import type { CostKey, CostQuery, CostRow, Costs } from "./costs.ts";

export interface ForecastQuery extends Pick<CostQuery, "endpoint" | "chain" | "account" | "keyId" | "tags"> {
  /** What it is told by. @default ["tag:customer", "endpoint"] */
  readonly by?: readonly Exclude<CostKey, "month" | "day" | "hour">[];
}

/** What a month will have cost, in nano-USD. */
export interface Expected {
  /** What it has cost so far. */
  readonly soFarNanoUsd: number;
  /** As if the rest of it went on as the days before did. Undefined where there are too few of them. */
  readonly likelyNanoUsd: number | undefined;
  /** Four of five such months end between these two. */
  readonly lowNanoUsd: number | undefined;
  readonly highNanoUsd: number | undefined;
}

export interface ForecastRow extends Expected {
  readonly key: CostRow["key"];
}

export interface Forecast {
  /** The month that goes on, such as `2026-11`. */
  readonly month: string;
  /** How many whole days before today it rests on, 28 at most. */
  readonly days: number;
  /** The dearest first. */
  readonly rows: readonly ForecastRow[];
  /** Of all together: less uncertain than its rows, whose ups and downs even out. */
  readonly total: Expected;
  /** Calls of the month whose cost is not known, and so not in it. */
  readonly unknown: number;
}

const DAY_MS = 86_400_000;
const MOST_DAYS = 28;
/** Two days have no spread that means anything. */
const FEWEST_DAYS = 3;
/** Of a normal distribution, for four of five. */
const Z = 1.2816;

/** What the month will have cost, by the days before today: their mean goes on, and their spread is its uncertainty. */
export async function forecastOf(
  costs: (query: CostQuery) => Promise<Costs>,
  now: number,
  { by = ["tag:customer", "endpoint"], ...chosen }: ForecastQuery = {},
): Promise<Forecast> {
  const month = monthOf(now);
  const today = now - (now % DAY_MS);
  const first = today - MOST_DAYS * DAY_MS;
  const since = new Date(Math.min(first, month));
  const { rows } = await costs({ ...chosen, by: [...by, "day"], since });
  const dayOf = (row: CostRow) => Date.parse(`${row.key["day"]}T00:00:00Z`);
  const before = rows.filter((row) => dayOf(row) >= first && dayOf(row) < today);
  const begun = before.reduce((at, row) => Math.min(at, dayOf(row)), today);
  const span: Span = { month, begun, today, restDays: (monthAfter(month) - now) / DAY_MS };
  const ofDays = (some: readonly CostRow[]) =>
    expected(
      some.map((row) => ({ day: dayOf(row), nanoUsd: row.nanoUsd })),
      span,
    );

  const groups = Map.groupBy(rows, ({ key }) => JSON.stringify(by.map((name) => key[name] ?? null)));
  const told = [...groups.values()].map((some): ForecastRow => {
    const { day, ...key } = some[0]?.key ?? {};
    return { key, ...ofDays(some) };
  });
  const amount = ({ likelyNanoUsd, soFarNanoUsd }: Expected) => likelyNanoUsd ?? soFarNanoUsd;
  return {
    month: monthText(month),
    days: daysIn(span),
    rows: told.filter((row) => amount(row) > 0).sort((a, b) => amount(b) - amount(a)),
    total: ofDays(rows),
    unknown: rows.reduce((sum, row) => sum + (dayOf(row) >= month ? row.unknown : 0), 0),
  };
}

interface Span {
  readonly month: number;
  /** The first of the days that it rests on. */
  readonly begun: number;
  readonly today: number;
  /** From now to the end of the month; a part of today too. */
  readonly restDays: number;
}

const daysIn = ({ begun, today }: Span): number => (today - begun) / DAY_MS;

function expected(spent: readonly { day: number; nanoUsd: number }[], span: Span): Expected {
  const { month, begun, today, restDays } = span;
  const sum = (some: typeof spent) => some.reduce((all, { nanoUsd }) => all + nanoUsd, 0);
  const soFarNanoUsd = sum(spent.filter(({ day }) => day >= month));
  const days = daysIn(span);
  if (days < FEWEST_DAYS) {
    return { soFarNanoUsd, likelyNanoUsd: undefined, lowNanoUsd: undefined, highNanoUsd: undefined };
  }
  const byDay = Array.from({ length: days }, (_, n) =>
    sum(spent.filter(({ day }) => day === begun + n * DAY_MS && day < today)),
  );
  const mean = byDay.reduce((all, nano) => all + nano, 0) / days;
  const variance = byDay.reduce((all, nano) => all + (nano - mean) ** 2, 0) / (days - 1);
  const rest = restDays * mean;
  // The days to come differ from the mean, and the mean of few days from the true one; few days also hide how they differ.
  const spread = Math.sqrt(variance * restDays * (1 + restDays / days));
  const margin = Z * (1 + (Z ** 2 + 1) / (4 * (days - 1))) * spread;
  return {
    soFarNanoUsd,
    likelyNanoUsd: Math.round(soFarNanoUsd + rest),
    lowNanoUsd: Math.round(soFarNanoUsd + Math.max(0, rest - margin)),
    highNanoUsd: Math.round(soFarNanoUsd + rest + margin),
  };
}
