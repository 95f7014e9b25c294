import { InvalidArgumentError } from "../errors/arguments.ts";
import type { RunnerCost } from "../money/runner-cost.ts";

/** What runners cost their owner, as the platform tells: a part of the bill that belongs to no call. */
export interface RunnerCosts {
  /** The dearest first. */
  readonly rows: readonly RunnerCost[];
  readonly seconds: number;
  readonly nanoUsd: number;
}

/** Asks the platform. */
export type ReadRunnerCosts = (query: {
  readonly since: number;
  readonly until?: number;
  readonly apps?: readonly string[];
}) => Promise<readonly RunnerCost[]>;

/** What of a query runners can be told by: the time, and the app. */
const TOLD_BY = ["by", "since", "until", "app", "runners"];

/** @throws {InvalidArgumentError} for a query that runners cannot answer: they belong to no run, endpoint or customer. */
export async function runnerCosts(
  read: ReadRunnerCosts,
  query: { readonly since?: number; readonly until?: number; readonly app?: string },
): Promise<RunnerCosts> {
  const { since, until, app } = query;
  const others = Object.entries(query).filter(
    ([name, value]) => value !== undefined && !TOLD_BY.includes(name),
  );
  if (since === undefined || others.length > 0) {
    throw new InvalidArgumentError(
      `runners are billed by the second, and belong to no call: ${
        since === undefined ? "say since" : `leave ${others.map(([name]) => name).join(", ")} out`
      }. Only since, until and app choose among them.`,
    );
  }
  const rows = await read({
    since,
    ...(until !== undefined && { until }),
    // The bill has no owner before the name.
    ...(app !== undefined && { apps: [app.slice(app.indexOf("/") + 1)] }),
  });
  return {
    rows,
    seconds: rows.reduce((sum, row) => sum + row.seconds, 0),
    nanoUsd: rows.reduce((sum, row) => sum + row.nanoUsd, 0),
  };
}
