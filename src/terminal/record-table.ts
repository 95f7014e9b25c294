import type { CallRecord } from "../journal/call.ts";
import { runOf } from "../journal/run-name.ts";
import { drawTable, type TableColumn } from "./draw-table.ts";
import { costText, timeText } from "./figures.ts";
import { nameText, type Output, printable } from "./text.ts";

/** As many characters of an id as tell calls apart in practice. */
const SHORT_ID = 8;

const COLUMNS: readonly TableColumn<CallRecord>[] = [
  { name: "call", align: "left", cell: ({ id }) => printable(id).slice(0, SHORT_ID) },
  { name: "made", align: "left", cell: ({ intendedAt }) => timeText(intendedAt), spare: 1 },
  { name: "endpoint", align: "left", cell: ({ endpoint }) => nameText(endpoint) },
  { name: "state", align: "left", cell: ({ state }) => state },
  { name: "cost", align: "right", cell: ({ cost }) => (cost ? costText(cost) : "") },
  { name: "run", align: "left", cell: (call) => nameText(runOf(call.for) ?? ""), spare: 3 },
  { name: "request", align: "left", cell: ({ ticket }) => nameText(ticket?.requestId ?? ""), spare: 2 },
];

/** Recorded calls, one a line. */
export const recordTable = (calls: readonly CallRecord[], output: Output): string =>
  drawTable(calls, COLUMNS, output);
