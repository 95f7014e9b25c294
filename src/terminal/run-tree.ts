import type { RunPart } from "../chain/parts.ts";
import { type TreeLine, treeLines } from "../chain/tree.ts";
import type { CallRecord } from "../journal/call.ts";
import { formatShare, formatUnitsShort } from "../ledger/format.ts";
import { type CostSum, sumOfCalls } from "../ledger/sum.ts";
import { unknownNote } from "./cost-table.ts";
import { drawTable, type TableColumn } from "./draw-table.ts";
import { costText, totalText } from "./figures.ts";
import { clip, nameText, type Output, paint, seconds } from "./text.ts";
import { stateText } from "./timeline.ts";

interface Row extends Pick<TreeLine, "step" | "calls"> {
  readonly name: string;
  readonly sum: CostSum;
}

/** What a run cost, step by step, with the sums of its scopes and of the runs that it is made of. */
export function runTree(parts: readonly RunPart[], output: Output): string {
  const calls = parts.flatMap(({ steps }) => steps.flatMap(({ call }) => call ?? []));
  const total = sumOfCalls(calls);
  const rows = treeLines(parts).map(rowOf);
  const foot = { name: "total", step: undefined, calls, sum: total };
  return [
    paint(output)("bold", nameText(parts[0]?.run ?? "")),
    drawTable(rows, columnsFor(total), output, { foot }),
    ...runnersWaited(total),
    ...unknownNote(total, output),
  ].join("\n");
}

const LONGEST_NAME = 44;

function rowOf(line: TreeLine): Row {
  const { step, group, calls } = line;
  const name = step?.kind === "file" ? `file ${step.name.slice(0, 8)}` : (step?.name ?? group ?? "");
  return {
    name: clip(`${branches(line)}${nameText(name)}`, LONGEST_NAME),
    step,
    calls,
    sum: sumOfCalls(calls),
  };
}

/** `│  └─ `: which line it hangs from. */
const branches = ({ follows }: TreeLine): string =>
  follows
    .map((more, depth) => (depth === follows.length - 1 ? (more ? "├─ " : "└─ ") : more ? "│  " : "   "))
    .join("");

const callOf = ({ step }: Row): CallRecord | undefined => step?.call;
const time = (value: number | undefined): string => (value === undefined ? "" : seconds(value));

const columnsFor = (total: CostSum): TableColumn<Row>[] => [
  { name: "step", align: "left", cell: ({ name }) => name },
  { name: "endpoint", align: "left", cell: (row) => endpointOf(row), spare: 4 },
  { name: "state", align: "left", cell: (row) => statesOf(row), spare: 3 },
  { name: "wait", align: "right", cell: (row) => time(callOf(row)?.usage?.waitSeconds), spare: 1 },
  { name: "run", align: "right", cell: (row) => time(callOf(row)?.usage?.runSeconds), spare: 1 },
  { name: "billed", align: "left", cell: (row) => unitsOf(row), spare: 1 },
  { name: "cost", align: "right", cell: (row) => costTextOf(row) },
  { name: "share", align: "right", cell: ({ sum }) => formatShare(sum.nanoUsd, total.nanoUsd), spare: 2 },
];

const endpointOf = ({ step }: Row): string =>
  step?.call && step.call.endpoint !== step.name ? nameText(step.call.endpoint) : "";

/** What became of a step, and where its money was for nothing. */
function statesOf({ step }: Row): string {
  if (!step) return "";
  const state = stateText(step);
  return step.call?.unused === "left-over" ? `${state}, unused` : state;
}

function unitsOf({ step }: Row): string {
  const { usage, cost } = step?.call ?? {};
  return usage?.units === undefined ? "" : nameText(formatUnitsShort(usage.units, cost));
}

function costTextOf({ step, sum }: Row): string {
  if (!step) return totalText(sum);
  if (step.call?.cost) return costText(step.call.cost);
  return step.call?.error?.billed === false ? "not billed" : step.call ? "unknown" : "";
}

const runnersWaited = ({ runnerSeconds }: CostSum): string[] =>
  runnerSeconds > 0 ? [`Runners waited ${seconds(runnerSeconds)} for these calls, each call by itself.`] : [];
