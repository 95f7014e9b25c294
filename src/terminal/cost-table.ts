import { formatUsd } from "../base/cost.ts";
import type { Costs } from "../ledger/costs.ts";
import type { CostSum, UnknownReason } from "../ledger/sum.ts";
import { type FittedColumn, fittedTable } from "./fitted.ts";
import { type Output, printable, wrap } from "./text.ts";

export interface CostTableOptions {
  readonly output: Output;
  /** What the rows are grouped by. */
  readonly by: readonly string[];
  /** What was paid for nothing, in place of how long things took. */
  readonly waste?: boolean | undefined;
}

interface Line {
  readonly names: readonly string[];
  readonly sum: CostSum;
}

const money = (nanoUsd: number): string => (nanoUsd === 0 ? "" : formatUsd(nanoUsd));
const count = (number: number): string => (number === 0 ? "" : String(number));

const right = (name: string, cell: (sum: CostSum) => string, spare = 0): FittedColumn<Line> => ({
  name,
  align: "right",
  cell: ({ sum }) => cell(sum),
  spare,
});

const MONEY = [
  right("calls", ({ calls }) => String(calls), 1),
  right("cost", ({ nanoUsd }) => formatUsd(nanoUsd)),
  right("unknown", ({ unknown }) => count(unknown)),
];
/** The rest of the cost is measured. */
const DETAILS = [
  right("estimated", ({ bySource }) => money(bySource.estimated), 3),
  right("invoiced", ({ bySource }) => money(bySource.invoiced), 2),
  right("wait", ({ waitSeconds }) => duration(waitSeconds), 5),
  right("run", ({ runSeconds }) => duration(runSeconds), 4),
  right("runner", ({ runnerSeconds }) => duration(runnerSeconds), 6),
];
const WASTE = [
  right("wasted", ({ waste }) => money(waste.nanoUsd)),
  right("failed", ({ waste }) => money(waste.failedNanoUsd), 4),
  right("unused", ({ waste }) => money(waste.unusedNanoUsd), 4),
  right("doubtful", ({ waste }) => count(waste.doubtful), 2),
  right("reused", ({ reuse }) => count(reuse.times), 3),
  right("saved", ({ reuse }) => money(reuse.savedNanoUsd), 2),
];

/** What calls cost, one group a line, with the total; and why it is not known what some of them cost. */
export function costTable({ rows, total }: Costs, { output, by, waste = false }: CostTableOptions): string {
  const names = by.map(
    (name, nth): FittedColumn<Line> => ({
      name,
      align: "left",
      cell: (line) => line.names[nth] ?? "",
    }),
  );
  const lines = rows.map(
    (row): Line => ({ names: by.map((name) => printable(row.key[name] ?? "none")), sum: row }),
  );
  const share = right("share", ({ nanoUsd }) => shareOf(nanoUsd, total.nanoUsd), 2);
  const table = fittedTable(lines, [...names, ...MONEY, share, ...(waste ? WASTE : DETAILS)], output, {
    foot: { names: ["total"], sum: total },
  });
  const note = total.unknown === 0 ? [] : wrap(whyUnknown(total).split(" "), output.columns ?? 80);
  return [table, ...note].join("\n");
}

function shareOf(part: number, whole: number): string {
  if (part <= 0) return "";
  const percent = (part / whole) * 100;
  return percent < 0.5 ? "< 1 %" : `${percent.toFixed(0)} %`;
}

const REASONS: Record<UnknownReason, string> = {
  no_units: "fal did not say how much it bills",
  no_price: "there was no price",
  failed: "failed or given up, may be billed",
  ambiguous: "may have been accepted",
  "under-way": "under way",
  pending: "price not looked up yet",
};

function whyUnknown({ unknown, unknownBecause }: CostSum): string {
  const reasons = Object.entries(unknownBecause) as [UnknownReason, number][];
  const said = reasons.map(([reason, calls]) => `${calls} ${REASONS[reason]}`).join("; ");
  return `The cost of ${unknown} ${unknown === 1 ? "call" : "calls"} is not known: ${said}.`;
}

/** `1.7 s`, `12 min`, `3.4 h` */
function duration(seconds: number): string {
  if (seconds === 0) return "";
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
