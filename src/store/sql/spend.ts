import type { Spend, SpendGroup, SpendQuery } from "../../journal/spend.ts";
import { meant } from "./calls.ts";
import { FOR, longOf } from "./columns.ts";
import { select } from "./tables.ts";
import type { Row, Statement } from "./work.ts";

const FACTS = ["state", "cost_source", "cost_reason", "billed", "unused"];

const milliseconds = (column: string): string => `cast(round(${column} * 1000) as bigint)`;
const SUMS = {
  calls: "count(*)",
  nano: sum("cost_nano"),
  saved: sum("cost_nano * reuses"),
  reuses: sum("reuses"),
  wait_ms: sum(milliseconds("wait_seconds")),
  run_ms: sum(milliseconds("run_seconds")),
  runner_ms: sum("case when job_id is not null then ended_at - intended_at end"),
};

export function spendWhere({ by, ...filter }: SpendQuery): Statement {
  const keys = [...by.map(groupOf), ...FACTS];
  const columns = [
    ...by.map((name) => `${groupOf(name)} as ${groupColumn(name)}`),
    ...FACTS,
    ...Object.entries(SUMS).map(([name, sum]) => `${sum} as ${name}`),
  ];
  return select(columns.join(", "), "calls", meant(filter), `group by ${keys.join(", ")}`);
}

/** What a group is told by in a row. */
export const groupColumn = (name: SpendGroup): string => `by_${name.toLowerCase()}`;

/** @param held What the column has of a name that is too long for it. */
export function wholeName(field: "chain" | "run" | "rootRun", held: string): Statement {
  const { column } = FOR[field];
  return {
    sql: `select ${longOf(column)} as name from @calls where ${column} = $1 limit 1`,
    params: [held],
  };
}

function groupOf(name: SpendGroup): string {
  switch (name) {
    case "endpoint":
      return name;
    case "day":
      return "intended_at / 86400000 * 86400000";
    case "hour":
      return "intended_at / 3600000 * 3600000";
    default:
      return FOR[name].column;
  }
}

export function spendOf(row: Row, { by }: SpendQuery): Spend {
  const number = (name: keyof typeof SUMS) => row[name] as number;
  const text = <T extends string>(name: string) => (row[name] ?? undefined) as T | undefined;
  const billed = text("billed");
  return {
    group: Object.fromEntries(by.map((name) => [name, row[groupColumn(name)] ?? undefined])),
    state: row["state"] as Spend["state"],
    source: text("cost_source"),
    reason: text("cost_reason"),
    billed: billed === "unknown" || billed === undefined ? billed : billed === "true",
    unused: text("unused"),
    calls: number("calls"),
    nanoUsd: number("nano"),
    savedNanoUsd: number("saved"),
    reuses: number("reuses"),
    waitMs: number("wait_ms"),
    runMs: number("run_ms"),
    runnerMs: number("runner_ms"),
  };
}

/** What is summed is whole, and so is its sum; a database may think it too large for that. */
function sum(expression: string): string {
  return `cast(coalesce(sum(${expression}), 0) as bigint)`;
}
