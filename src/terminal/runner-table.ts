import { formatDuration, formatSum } from "../ledger/format.ts";
import type { RunnerCosts } from "../ledger/runner-costs.ts";
import type { CostSum } from "../ledger/sum.ts";
import { formatUsd } from "../money/cost.ts";
import type { RunnerCost } from "../money/runner-cost.ts";
import { drawTable, type TableColumn } from "./draw-table.ts";
import { type Output, printable } from "./text.ts";

const COLUMNS: readonly TableColumn<RunnerCost>[] = [
  { name: "runners of", align: "left", cell: ({ app }) => printable(app ?? "no app", 48) },
  { name: "environment", align: "left", cell: ({ environment = "" }) => printable(environment, 48) },
  { name: "machine", align: "left", cell: ({ machineType }) => printable(machineType, 48) },
  { name: "surge", align: "left", cell: ({ isSurge }) => (isSurge ? "surge" : "") },
  { name: "lived", align: "right", cell: ({ seconds }) => formatDuration(seconds) },
  { name: "cost", align: "right", cell: ({ nanoUsd }) => formatUsd(nanoUsd) },
];

/** What runners cost, one app and machine a line, and what that makes together with the calls. */
export function runnerTable({ rows, nanoUsd }: RunnerCosts, calls: CostSum, output: Output): string {
  const together = formatSum({ ...calls, nanoUsd: calls.nanoUsd + nanoUsd });
  const sum = `Calls ${formatSum(calls)} and runners ${formatUsd(nanoUsd)}: ${together} in all.`;
  return rows.length === 0 ? `No runners were billed. ${sum}` : `${drawTable(rows, COLUMNS, output)}\n${sum}`;
}
