/**
 * What the command draws with, for programs that run in a terminal: a run's live view and table, its files saved,
 * Ctrl-C that cancels, exit codes. Node only; the client itself prints nothing.
 *
 * @module
 */
export { type CostTableOptions, costTable } from "./cost-table.ts";
export { type DownloadOptions, download } from "./download.ts";
export { drawTable, type TableColumn } from "./draw-table.ts";
export { EXIT, exitCodeOf } from "./exit-code.ts";
export { explainCalls, explainedRun, writeExplanation } from "./explained.ts";
export { writeFieldList } from "./field-list.ts";
export { costText, timeText } from "./figures.ts";
export { filesIn } from "./files-in.ts";
export type { Align } from "./grid.ts";
export { aside } from "./live.ts";
export { runProgram, untilInterrupted } from "./program.ts";
export { recordTable } from "./record-table.ts";
export { type ListedRun, runTable } from "./run-table.ts";
export { runTree } from "./run-tree.ts";
export { runnerTable } from "./runner-table.ts";
export { type Received, type ShowOptions, showRun } from "./show.ts";
export { type Colour, type Output, paint, printable, printableJson, wrap } from "./text.ts";
export { type TimelineOptions, timeline } from "./timeline.ts";
export { writeError } from "./write-error.ts";
