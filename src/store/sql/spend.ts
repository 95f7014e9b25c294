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
/**
 * A sum of whole amounts in two parts, of millions and of the rest: no database takes that for too large, and no number is
 * rounded before there are nine billion dollars.
 */
const amounts = (condition: string, column: string, times = ""): readonly [string, string] => [
  sum(condition, `${real(`${column} / ${MILLION}`)}${times}`),
  sum(condition, `${real(`${column} % ${MILLION}`)}${times}`),
];
const MILLION = 1_000_000;

const RUNNER_MS = `${real("ended_at")} - ${real("intended_at")}`;

/** Of what cannot be meant, as after a change by hand, nothing is added: it is said that its cost is not known. */
const SUMS = {
  calls: "count(*)",
  corrections: "0",
  ...inParts("nano", [amounts(IS_PLAUSIBLE, "cost_nano")]),
  ...inParts("saved", [
    amounts(`${IS_PLAUSIBLE} and ${IS_COUNT}`, "cost_nano", " * reuses"),
    amounts(`${IS_SAVED} and ${IS_COUNT}`, "saved_nano", " * (1 + reuses)"),
  ]),
  reuses: `${sum(IS_COUNT, real("reuses"))} + count(saved_nano)`,
  wait_ms: seconds("wait_seconds"),
  run_ms: seconds("run_seconds"),
  runner_ms: sum(`job_id is not null and ${RUNNER_MS} between -${LONGEST_MS} and ${LONGEST_MS}`, RUNNER_MS),
};

/** Columns of a sum that is the sum of these. */
function inParts<N extends string>(name: N, parts: readonly (readonly [string, string])[]) {
  const columns = [0, 1].map((at) => parts.map((part) => part[at]).join(" + "));
  return { [`${name}_millions`]: columns[0], [`${name}_rest`]: columns[1] } as Record<
    `${N}_millions` | `${N}_rest`,
    string
  >;
}

const wholeOf = (row: Row, name: string): bigint => {
  const [millions, rest] = [`${name}_millions`, `${name}_rest`].map((part) =>
    BigInt(Math.round(Number(row[part]))),
  );
  return (millions ?? 0n) * BigInt(MILLION) + (rest ?? 0n);
};

const FACTS = {
  state: "state",
  source: `case when cost_source = 'unknown' or ${IS_PLAUSIBLE} then cost_source when cost_source is not null then '' end`,
  reason: "cost_reason",
  billed: "billed",
  unused: "unused",
};

/** What calls took and cost; of a closed month as it was closed. */
export const spendWhere = (query: SpendQuery): Statement =>
  grouped(query, "calls", { at: "intended_at", facts: FACTS, sums: SUMS });

const CORRECTED = "corrections join @calls on calls.id = corrections.call";
const IS_AMOUNT = `delta_nano between -${MOST_NANO_USD} and ${MOST_NANO_USD}`;

/** What came since of closed months. */
export const correctedWhere = (query: SpendQuery): Statement =>
  grouped(query, CORRECTED, {
    at: "arrived_at",
    facts: { ...FACTS, source: "delta_source", reason: "null" },
    sums: {
      ...Object.fromEntries(Object.keys(SUMS).map((name) => [name, "0"])),
      corrections: "count(*)",
      ...inParts("nano", [amounts(IS_AMOUNT, "delta_nano")]),
    },
  });

interface Table {
  /** The column of the time that it counts by. */
  readonly at: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly sums: Readonly<Record<string, string>>;
}

function grouped({ by, ...filter }: SpendQuery, table: string, { at, facts, sums }: Table): Statement {
  const keys = [...by.map((name) => groupOf(name, at)), ...Object.values(facts)];
  const columns = [
    ...by.map((name) => `${groupOf(name, at)} as ${groupColumn(name)}`),
    ...Object.entries(facts).map(([name, fact]) => `${fact} as fact_${name}`),
    ...Object.entries(sums).map(([name, sum]) => `${sum} as ${name}`),
  ];
  const grouping = keys.filter((key) => key !== "null").join(", ");
  return select(columns.join(", "), table, meant(filter, at), `group by ${grouping}`);
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

function groupOf(name: SpendGroup, at: string): string {
  switch (name) {
    case "endpoint":
      return name;
    case "day":
      return `${at} / 86400000 * 86400000`;
    case "hour":
      return `${at} / 3600000 * 3600000`;
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
    corrections: number("corrections"),
    nanoUsd: wholeOf(row, "nano"),
    savedNanoUsd: wholeOf(row, "saved"),
    reuses: number("reuses"),
    waitMs: number("wait_ms"),
    runMs: number("run_ms"),
    runnerMs: number("runner_ms"),
  };
}
