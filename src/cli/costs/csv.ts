import { escapedControls } from "../../base/text.ts";
import { type CostRow, type Costs, formatUsd } from "../../index.ts";

/** `0.003`: exact. */
export const usd = (nanoUsd: number): string => formatUsd(nanoUsd).replace("$", "");

const COLUMNS: Readonly<Record<string, (row: CostRow) => string | number>> = {
  calls: ({ calls }) => calls,
  usd: ({ usd }) => usd.total,
  estimated_usd: ({ usd }) => usd.estimated,
  measured_usd: ({ usd }) => usd.measured,
  invoiced_usd: ({ usd }) => usd.invoiced,
  unknown_calls: ({ unknown }) => unknown,
  wait_seconds: ({ waitSeconds }) => waitSeconds,
  run_seconds: ({ runSeconds }) => runSeconds,
  runner_seconds: ({ runnerSeconds }) => runnerSeconds,
  wasted_usd: ({ usd }) => usd.wasted,
  failed_usd: ({ usd }) => usd.failed,
  unused_usd: ({ usd }) => usd.unused,
  doubtful_calls: ({ waste }) => waste.doubtful,
  reuses: ({ reuse }) => reuse.times,
  saved_usd: ({ usd }) => usd.saved,
  corrections: ({ corrections }) => corrections.count,
  corrections_usd: ({ usd }) => usd.corrections,
};

/** The rows of a report, exact to the nano-dollar. */
export const costsCsv = ({ rows, currency }: Costs, by: readonly string[]): string =>
  toCsv(
    [...by, ...Object.keys(COLUMNS), ...(currency ? [currency.code.toLowerCase()] : [])],
    rows.map((row) => [
      ...by.map((name) => row.key[name] ?? ""),
      ...Object.values(COLUMNS).map((value) => value(row)),
      ...(currency ? [row.converted ?? ""] : []),
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
