import type { RunInfo } from "../chain/run-handle.ts";
import type { CallRecord } from "../journal/call.ts";
import { nameOfRun } from "../journal/run-name.ts";
import { totalOf } from "../money/cost.ts";
import { timeText, totalText } from "./figures.ts";
import { type Align, alignedLines } from "./grid.ts";
import { clip, columnsOf, nameText, type Output, paint } from "./text.ts";

/** A run, and the calls that it has made. */
export interface ListedRun {
  readonly run: RunInfo;
  readonly calls: readonly CallRecord[];
}

interface Column {
  readonly name: string;
  readonly align: Align;
  readonly cell: (listed: ListedRun) => string;
  /** Which goes first where the terminal is too narrow: the highest. */
  readonly spare?: number;
}

const COLUMNS: readonly Column[] = [
  { name: "run", align: "left", cell: ({ run }) => nameText(nameOfRun(run)) },
  { name: "state", align: "left", cell: ({ run }) => run.state },
  { name: "started", align: "left", cell: ({ run }) => timeText(run.startedAt), spare: 1 },
  { name: "calls", align: "right", cell: ({ calls }) => String(calls.length), spare: 2 },
  {
    name: "cost",
    align: "right",
    cell: ({ calls }) => totalText(totalOf(calls.flatMap(({ cost }) => cost ?? []))),
  },
];

/** Runs, one a line. Columns that the terminal has no room for are left out, and ids are cut as the last resort. */
export function runTable(runs: readonly ListedRun[], output: Output): string {
  const width = output.columns ?? 80;
  const layouts = [3, 2, 1].map((room) => linesOf(runs, room));
  const fits = (lines: readonly string[]) => lines.every((line) => columnsOf(line) <= width);
  const chosen = layouts.find(fits) ?? linesOf(runs, 1, width);
  const [head = "", ...rows] = chosen;
  return [paint(output)("bold", head), ...rows].join("\n");
}

function linesOf(runs: readonly ListedRun[], room: number, width?: number): string[] {
  const columns = COLUMNS.filter(({ spare = 0 }) => spare < room);
  const rows = [
    columns.map(({ name }) => name),
    ...runs.map((listed) => columns.map(({ cell }) => cell(listed))),
  ];
  const others = columns
    .slice(1)
    .map((_, nth) => Math.max(...rows.map((row) => columnsOf(row[nth + 1] ?? ""))) + 2);
  const left =
    width === undefined ? Number.POSITIVE_INFINITY : width - others.reduce((sum, one) => sum + one, 0);
  return alignedLines(
    rows.map(([first = "", ...rest]) => [clip(first, Math.max(8, left)), ...rest]),
    columns.map(({ align }) => align),
  );
}
