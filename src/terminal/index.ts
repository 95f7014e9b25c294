/**
 * What the command draws with, for programs that run in a terminal: a run's live view and table, its files saved,
 * Ctrl-C that cancels. Node only; the client itself prints nothing.
 *
 * @module
 */
export { download, filesIn } from "./download.ts";
export type { Output } from "./live.ts";
export { showRun, untilInterrupted } from "./show.ts";
