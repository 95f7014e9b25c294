import type { CallRecord } from "../journal/store.ts";
import type { Cost } from "../money/cost.ts";
import { formatUsd } from "../money/cost.ts";
import { type FittedColumn, fittedTable } from "./fitted.ts";
import { type Output, printable } from "./text.ts";

/** As many characters of an id as tell calls apart in practice. */
const SHORT_ID = 8;

const COLUMNS: readonly FittedColumn<CallRecord>[] = [
  { name: "call", align: "left", cell: ({ id }) => printable(id).slice(0, SHORT_ID) },
  { name: "made", align: "left", cell: ({ intendedAt }) => timeText(intendedAt), spare: 1 },
  { name: "endpoint", align: "left", cell: ({ endpoint }) => printable(endpoint) },
  { name: "state", align: "left", cell: ({ state }) => state },
  { name: "cost", align: "right", cell: ({ cost }) => (cost ? costText(cost) : "") },
  { name: "run", align: "left", cell: ({ chain, run }) => printable(run ? `${chain}/${run}` : ""), spare: 3 },
  { name: "request", align: "left", cell: ({ ticket }) => printable(ticket?.requestId ?? ""), spare: 2 },
];

/** Recorded calls, one a line. */
export const recordTable = (calls: readonly CallRecord[], output: Output): string =>
  fittedTable(calls, COLUMNS, output);

/** `2026-11-24 12:50:25`, in UTC: the days of a bill are UTC's. */
export const timeText = (at: number): string => new Date(at).toISOString().slice(0, 19).replace("T", " ");

const REASONS = { no_units: "units unknown", no_price: "price unknown", failed: "may be billed" };

export const costText = (cost: Cost): string =>
  cost.source === "unknown" ? REASONS[cost.reason] : formatUsd(cost.nanoUsd);
