import { escapedControls } from "../../base/text.ts";
import { type CostRow, type Costs, formatUsd } from "../../index.ts";

/** `0.003`: exact. */
export const usd = (nanoUsd: number): string => formatUsd(nanoUsd).replace("$", "");

const COLUMNS: Readonly<Record<string, (row: CostRow) => string | number>> = {
  calls: ({ calls }) => calls,
  usd: ({ nanoUsd }) => usd(nanoUsd),
  estimated_usd: ({ bySource }) => usd(bySource.estimated),
  measured_usd: ({ bySource }) => usd(bySource.measured),
  invoiced_usd: ({ bySource }) => usd(bySource.invoiced),
  unknown_calls: ({ unknown }) => unknown,
  wait_seconds: ({ waitSeconds }) => waitSeconds,
  run_seconds: ({ runSeconds }) => runSeconds,
  runner_seconds: ({ runnerSeconds }) => runnerSeconds,
  wasted_usd: ({ waste }) => usd(waste.nanoUsd),
  failed_usd: ({ waste }) => usd(waste.failedNanoUsd),
  unused_usd: ({ waste }) => usd(waste.unusedNanoUsd),
  doubtful_calls: ({ waste }) => waste.doubtful,
  reuses: ({ reuse }) => reuse.times,
  saved_usd: ({ reuse }) => usd(reuse.savedNanoUsd),
};

/** The rows of a report, exact to the nano-dollar. */
export const costsCsv = ({ rows }: Costs, by: readonly string[]): string =>
  toCsv(
    [...by, ...Object.keys(COLUMNS)],
    rows.map((row) => [
      ...by.map((name) => row.key[name] ?? ""),
      ...Object.values(COLUMNS).map((value) => value(row)),
    ]),
  );

export const toCsv = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, ...rows].map(csvLine).join("");

/** As RFC 4180 has it. */
export const csvLine = (row: readonly (string | number)[]): string => `${row.map(field).join(",")}\r\n`;

/**
 * A spreadsheet takes a text that begins so for a formula, whoever wrote it, and white space before it for none: it is marked
 * as the text that it is. A number stays one.
 */
const FORMULA = /^[\s\p{Cc}]*[=+\-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}]|^[\t\r\n]/u;
const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

function field(value: string | number): string {
  const text = String(value);
  const shown = escapedControls(FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text);
  // Some spreadsheets part cells at other characters than the comma.
  return /[",;\t\r\n]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
}
