import * as z from "zod/mini";
import type { Clock } from "../base/clock.ts";
import { type Time, timeOf } from "../base/time.ts";
import type { Transport } from "../base/transport.ts";
import type { RunnerCost } from "../money/runner-cost.ts";
import { pagesOf } from "./pages.ts";
import { readAsAdmin } from "./read-as-admin.ts";

export interface RunnerUsageQuery {
  /** From. @default a day ago */
  readonly since?: Time | undefined;
  /** Up to, but without. @default now */
  readonly until?: Time | undefined;
  /** Only these, by their names without the owner's, up to fifty. @default every app of the account */
  readonly apps?: readonly string[] | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

/** Reads what the account's own runners cost. */
export type ReadRunnerUsage = (query?: RunnerUsageQuery) => Promise<readonly RunnerCost[]>;

/** Source: `GET /v1/serverless/usage` of https://api.fal.ai/v1/openapi.json */
const Page = z.looseObject({
  time_series: z.array(
    z.looseObject({
      results: z.array(
        z.looseObject({
          app: z.nullish(z.string()),
          environment: z.nullish(z.string()),
          machine_type: z.string(),
          quantity: z.number(),
          cost_total: z.number(),
          currency: z.literal("USD"),
          is_surge: z.optional(z.boolean()),
        }),
      ),
    }),
  ),
  next_cursor: z.optional(z.nullable(z.string())),
  has_more: z.optional(z.boolean()),
});

const MOST_PAGES = 5_000;
const MOST = Number.MAX_SAFE_INTEGER;

export function createRunnerUsage(transport: Transport, base: () => string, clock: Clock): ReadRunnerUsage {
  return async ({ since = "1d", until, apps, abortSignal: signal } = {}) => {
    const now = clock.now();
    const parameters = {
      start: new Date(timeOf(since, now)).toISOString(),
      ...(until !== undefined && { end: new Date(timeOf(until, now)).toISOString() }),
      // Whole days would bill what lies before the time that is asked for.
      ...{ bound_to_timeframe: "false", timeframe: "day" },
      // Its days add up, whereas a summary may be the whole one on each page.
      expand: "time_series",
      ...(apps && { app: apps.join(",") }),
    };
    const read = (cursor: object) => {
      const url = `${base()}/serverless/usage?${new URLSearchParams({ ...parameters, ...cursor })}`;
      return readAsAdmin(transport, url, Page, signal);
    };
    const rows: RunnerCost[] = [];
    for await (const { time_series } of pagesOf("the runners' bill", MOST_PAGES, read)) {
      rows.push(...time_series.flatMap(({ results }) => results.map(toUsage)));
    }
    return addedUp(rows);
  };
}

type Row = z.output<typeof Page>["time_series"][number]["results"][number];

const toUsage = (row: Row): RunnerCost => ({
  app: row.app ?? undefined,
  environment: row.environment ?? undefined,
  machineType: row.machine_type,
  isSurge: row.is_surge ?? false,
  seconds: row.quantity,
  // Whatever it says, it is a number that can be added up.
  nanoUsd: Math.max(-MOST, Math.min(Math.round(row.cost_total * 1e9), MOST)),
});

/** One row for each app, environment and kind of machine, the dearest first. */
function addedUp(rows: readonly RunnerCost[]): RunnerCost[] {
  const groups = Map.groupBy(rows, ({ app, environment, machineType, isSurge }) =>
    JSON.stringify([app, environment, machineType, isSurge]),
  );
  const sums = [...groups.values()].flatMap((group) => {
    const [first] = group;
    const seconds = group.reduce((sum, row) => sum + row.seconds, 0);
    const nanoUsd = group.reduce((sum, row) => sum + row.nanoUsd, 0);
    return first ? [{ ...first, seconds, nanoUsd }] : [];
  });
  return sums.sort((a, b) => b.nanoUsd - a.nanoUsd);
}
