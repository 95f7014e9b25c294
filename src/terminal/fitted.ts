import { type Align, alignedLines } from "./grid.ts";
import { columnsOf, type Output, paint } from "./text.ts";

export interface FittedColumn<T> {
  readonly name: string;
  readonly align: Align;
  /** Empty where there is nothing to say; a column of which all cells are empty is left out. */
  readonly cell: (item: T) => string;
  /** Which goes first where the terminal is too narrow: the highest. */
  readonly spare?: number;
}

/** One item a line. Columns with nothing in them are left out, and those that the terminal has no room for. */
export function fittedTable<T>(
  items: readonly T[],
  columns: readonly FittedColumn<T>[],
  output: Output,
  { foot }: { readonly foot?: T } = {},
): string {
  const width = output.columns ?? 80;
  const useful = columns.filter(({ cell }) => items.some((item) => cell(item) !== ""));
  const shown = foot === undefined ? items : [...items, foot];
  const most = Math.max(0, ...useful.map(({ spare = 0 }) => spare));
  const layouts = Array.from({ length: most + 1 }, (_, n) => {
    const kept = useful.filter(({ spare = 0 }) => spare <= most - n);
    return alignedLines(
      [kept.map(({ name }) => name), ...shown.map((item) => kept.map(({ cell }) => cell(item)))],
      kept.map(({ align }) => align),
    );
  });
  const fits = (lines: readonly string[]) => lines.every((line) => columnsOf(line) <= width);
  const lines = layouts.find(fits) ?? layouts.at(-1) ?? [];
  const colour = paint(output);
  const rows = lines.slice(1, items.length + 1);
  const feet = lines.slice(items.length + 1);
  const rule = colour("dim", "─".repeat(Math.min(width, Math.max(...lines.map(columnsOf)))));
  return [
    colour("bold", lines[0] ?? ""),
    ...rows,
    ...(feet.length > 0 ? [rule, ...feet.map((line) => colour("bold", line))] : []),
  ].join("\n");
}
