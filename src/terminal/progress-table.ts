import { FalError } from "../errors/fal-error.ts";
import { formatUnits } from "../ledger/format.ts";
import type { Total } from "../money/cost.ts";
import { costText, totalText } from "./figures.ts";
import { type Align, alignedLines } from "./grid.ts";
import type { CallProgress } from "./progress.ts";
import { columnsOf, nameText, type Output, paint, printable, seconds, wrap } from "./text.ts";

interface Column {
  readonly name: string;
  readonly align: Align;
  /** Empty where there is nothing to say; a column of which all cells are empty is left out. */
  readonly cell: (call: CallProgress) => string;
}

const left = (name: string, cell: Column["cell"]): Column => ({ name, align: "left", cell });
const right = (name: string, cell: Column["cell"]): Column => ({ name, align: "right", cell });
const time = (value: number | undefined): string => (value === undefined ? "" : seconds(value));

const COLUMNS: readonly Column[] = [
  left("step", ({ step, endpoint }) => (step === endpoint ? "" : step)),
  left("endpoint", ({ endpoint }) => endpoint),
  left("request", ({ requestId }) => requestId ?? ""),
  left("state", ({ state, isTakenUp }) => (isTakenUp && state === "done" ? "done, taken up" : state)),
  right("wait", ({ waitSeconds }) => time(waitSeconds)),
  right("run", ({ runSeconds }) => time(runSeconds)),
  left("billed", (call) => billed(call)),
  right("cost", (call) => costOf(call)),
];

/** Whether a cell is worth a column: "done" is what is expected. */
const isTelling = (cell: string): boolean => cell !== "" && cell !== "done";

/** What goes below its call where the terminal is too narrow for the column, first things first. */
const FOLDS = [[], ["request"], ["request", "endpoint"]];

export interface TableOptions {
  readonly output: Output;
  readonly total?: Total | undefined;
  /** What the run failed with: it is shown elsewhere, so that the call that caused it need not show it too. */
  readonly runError?: unknown;
}

/** What each call was, how long it waited and ran, what it cost, and the tags that it was sent with. */
export function progressTable(
  calls: readonly CallProgress[],
  { output, total, runError }: TableOptions,
): string {
  const width = output.columns ?? 80;
  const columns = COLUMNS.filter(({ cell }) => calls.some((call) => isTelling(cell(call))));
  const sum = total && totalText(total);
  const layouts = FOLDS.map((folded) => layout(calls, columns, folded, sum));
  const chosen = layouts.find(({ lines }) => widest(lines) <= width) ?? layouts.at(-1);
  if (!chosen) return "";

  const { head, rows, foot } = chosen;
  const colour = paint(output);
  const body = calls.flatMap((call, index) => [
    rows[index] ?? "",
    ...details(call, chosen.folded, runError).flatMap(([name, words, between = "  "]) =>
      wrap(words, width - 11, between).map((line, nth) =>
        colour("dim", `  ${(nth === 0 ? name : "").padEnd(8)} ${line}`),
      ),
    ),
  ]);
  const rule = colour("dim", "─".repeat(Math.min(width, widest(chosen.lines))));
  return [
    rule,
    colour("bold", head),
    ...body,
    ...(foot === undefined ? [] : [rule, colour("bold", foot)]),
    rule,
  ].join("\n");
}

const widest = (lines: readonly string[]): number => Math.max(...lines.map(columnsOf));

function layout(
  calls: readonly CallProgress[],
  all: readonly Column[],
  folded: readonly string[],
  sum: string | undefined,
) {
  const columns = all.filter(({ name }) => !folded.includes(name));
  const cells = [
    columns.map(({ name }) => name),
    ...calls.map((call) => columns.map(({ cell }) => cell(call))),
  ];
  const sumRow = ["total", ...columns.slice(2).map(() => ""), sum ?? ""];
  const hasSumRow = sum !== undefined && columns.length > 1;
  const lines = alignedLines(
    hasSumRow ? [...cells, sumRow] : cells,
    columns.map(({ align }) => align),
  );
  const foot = sum === undefined ? undefined : columns.length > 1 ? lines.at(-1) : `total  ${sum}`;
  return { folded, lines, head: lines[0] ?? "", rows: lines.slice(1, calls.length + 1), foot };
}

type Detail = [name: string, words: string[], between?: string];

function details(call: CallProgress, folded: readonly string[], runError: unknown): Detail[] {
  const { requestId, endpoint, error, state } = call;
  const all: Detail[] = [];
  if (folded.includes("endpoint")) all.push(["endpoint", [endpoint]]);
  if (folded.includes("request") && requestId) all.push(["request", [requestId]]);
  all.push(["tags", Object.entries(call.tags).map(([key, value]) => nameText(`${key}=${value}`))]);
  if (state === "failed" && error !== runError)
    all.push(["error", printable(messageOf(error)).split(" "), " "]);
  return all;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function billed({ units, cost }: CallProgress): string {
  return units === undefined ? "" : nameText(formatUnits(units, cost));
}

function costOf({ cost, cancel, error }: CallProgress): string {
  if (cancel === "in-time") return "not billed";
  if (cost) return costText(cost);
  return error instanceof FalError && error.billed === false ? "not billed" : "";
}
