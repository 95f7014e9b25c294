import type { Cost } from "../base/cost.ts";
import { formatUsd } from "../base/cost.ts";
import type { CallRecord } from "../base/journal.ts";
import { type Align, alignedLines } from "./grid.ts";
import { columnsOf, type Output, paint, printable } from "./text.ts";

interface Column {
  readonly name: string;
  readonly align: Align;
  readonly cell: (call: CallRecord) => string;
  /** Which goes first where the terminal is too narrow: the highest. */
  readonly spare?: number;
}

/** As many characters of an id as tell calls apart in practice. */
const SHORT_ID = 8;

const COLUMNS: readonly Column[] = [
  { name: "call", align: "left", cell: ({ id }) => printable(id).slice(0, SHORT_ID) },
  { name: "made", align: "left", cell: ({ intendedAt }) => timeText(intendedAt), spare: 1 },
  { name: "endpoint", align: "left", cell: ({ endpoint }) => printable(endpoint) },
  { name: "state", align: "left", cell: ({ state }) => state },
  { name: "cost", align: "right", cell: ({ cost }) => (cost ? costText(cost) : "") },
  { name: "run", align: "left", cell: ({ chain, run }) => printable(run ? `${chain}/${run}` : ""), spare: 3 },
  { name: "request", align: "left", cell: ({ ticket }) => printable(ticket?.requestId ?? ""), spare: 2 },
];

/** Recorded calls, one a line. Columns with nothing in them are left out, and those that the terminal has no room for. */
export function recordTable(calls: readonly CallRecord[], output: Output): string {
  const width = output.columns ?? 80;
  const useful = COLUMNS.filter(({ cell }) => calls.some((call) => cell(call) !== ""));
  const layouts = [4, 3, 2, 1].map((room) => {
    const columns = useful.filter(({ spare = 0 }) => spare < room);
    const rows = [
      columns.map(({ name }) => name),
      ...calls.map((call) => columns.map(({ cell }) => cell(call))),
    ];
    return alignedLines(
      rows,
      columns.map(({ align }) => align),
    );
  });
  const fits = (lines: readonly string[]) => lines.every((line) => columnsOf(line) <= width);
  const [head = "", ...rows] = layouts.find(fits) ?? layouts.at(-1) ?? [];
  return [paint(output)("bold", head), ...rows].join("\n");
}

/** `2026-11-24 12:50:25`, in UTC: the days of a bill are UTC's. */
export const timeText = (at: number): string => new Date(at).toISOString().slice(0, 19).replace("T", " ");

const REASONS = { no_units: "units unknown", no_price: "price unknown", failed: "may be billed" };

export const costText = (cost: Cost): string =>
  cost.source === "unknown" ? REASONS[cost.reason] : formatUsd(cost.nanoUsd);
