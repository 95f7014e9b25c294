import { CALL_STATES } from "../../journal/call.ts";
import type { Spend, SpendGroup, SpendQuery } from "../../journal/spend.ts";
import { MOST_NANO_USD } from "../../money/cost.ts";
import { meant } from "./calls.ts";
import { FOR } from "./columns.ts";
import { longOf } from "./fields.ts";
import { select } from "./tables.ts";
import type { Row, Statement } from "./work.ts";

/** Longer than anything takes, either way, since clocks step. */
const LONGEST_SECONDS = 1e9;
const LONGEST_MS = LONGEST_SECONDS * 1000;
const MOST_REUSES = 1e9;

/** A whole number as one that no database thinks too large, however many of them are added up. */
const real = (column: string): string => `cast(${column} as double precision)`;
const sum = (condition: string, expression: string): string =>
  `coalesce(sum(case when ${condition} then ${expression} end), 0)`;
const seconds = (column: string): string =>
  sum(`${column} between -${LONGEST_SECONDS} and ${LONGEST_SECONDS}`, `round(${column} * 1000)`);

const IS_PLAUSIBLE = `cost_nano between 0 and ${MOST_NANO_USD}`;
const IS_SAVED = `saved_nano between 0 and ${MOST_NANO_USD}`;
const IS_COUNT = `reuses between 0 and ${MOST_REUSES}`;
const RUNNER_MS = `${real("ended_at")} - ${real("intended_at")}`;

/** Of what cannot be meant, as after a change by hand, nothing is added: it is said that its cost is not known. */
const SUMS = {
  calls: "count(*)",
  nano: sum(IS_PLAUSIBLE, real("cost_nano")),
  saved: `${sum(`${IS_PLAUSIBLE} and ${IS_COUNT}`, `${real("cost_nano")} * reuses`)} + ${sum(`${IS_SAVED} and ${IS_COUNT}`, `${real("saved_nano")} * (1 + reuses)`)}`,
  reuses: `${sum(IS_COUNT, real("reuses"))} + count(saved_nano)`,
  wait_ms: seconds("wait_seconds"),
  run_ms: seconds("run_seconds"),
  runner_ms: sum(`job_id is not null and ${RUNNER_MS} between -${LONGEST_MS} and ${LONGEST_MS}`, RUNNER_MS),
};

const FACTS = {
  state: "state",
  source: `case when cost_source = 'unknown' or ${IS_PLAUSIBLE} then cost_source when cost_source is not null then '' end`,
  reason: "cost_reason",
  billed: "billed",
  unused: "unused",
};

export function spendWhere({ by, ...filter }: SpendQuery): Statement {
  const keys = [...by.map(groupOf), ...Object.values(FACTS)];
  const columns = [
    ...by.map((name) => `${groupOf(name)} as ${groupColumn(name)}`),
    ...Object.entries(FACTS).map(([name, fact]) => `${fact} as fact_${name}`),
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

const SOURCES = ["estimated", "measured", "invoiced", "unknown"] as const;

export function spendOf(row: Row, { by }: SpendQuery): Spend {
  const number = (name: keyof typeof SUMS) => Number(row[name]);
  const fact = <T extends string>(name: keyof typeof FACTS) =>
    (row[`fact_${name}`] ?? undefined) as T | undefined;
  const state = fact("state");
  const said = fact("source");
  const source = said === undefined ? undefined : (SOURCES.find((name) => name === said) ?? "unknown");
  const billed = fact("billed");
  return {
    group: Object.fromEntries(by.map((name) => [name, row[groupColumn(name)] ?? undefined])),
    state: CALL_STATES.find((name) => name === state) ?? "ambiguous",
    source,
    reason: source === said ? fact("reason") : "implausible",
    billed: billed === "unknown" || billed === undefined ? billed : billed === "true",
    unused: fact("unused"),
    calls: number("calls"),
    nanoUsd: number("nano"),
    savedNanoUsd: number("saved"),
    reuses: number("reuses"),
    waitMs: number("wait_ms"),
    runMs: number("run_ms"),
    runnerMs: number("runner_ms"),
  };
}
