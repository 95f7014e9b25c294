import { type Align, alignedColumn, besideEachOther, widthOf } from "./grid.ts";
import { type Output, paint } from "./text.ts";

export interface TableColumn<T> {
  readonly name: string;
  readonly align: Align;
  /** Empty where there is nothing to say; a column of which all cells are empty is left out. */
  readonly cell: (item: T) => string;
  /** Which goes first where the terminal is too narrow: the highest. */
  readonly spare?: number;
}

/** One item a line. Columns with nothing in them are left out, and those that the terminal has no room for. */
export function drawTable<T>(
  items: readonly T[],
  columns: readonly TableColumn<T>[],
  output: Output,
  { foot }: { readonly foot?: T } = {},
): string {
  // A file or a pipe has room for everything.
  const width = output.columns ?? Number.POSITIVE_INFINITY;
  const shown = foot === undefined ? items : [...items, foot];
  const all = columns
    .filter(({ cell }) => items.some((item) => cell(item) !== ""))
    .map(({ name, align, cell, spare = 0 }) => ({
      cells: alignedColumn([name, ...shown.map(cell)], align),
      spare,
    }));
  const kept = fitting(all, width).map(({ cells }) => cells);
  const lines = besideEachOther(kept, shown.length + 1);
  const colour = paint(output);
  const rows = lines.slice(1, items.length + 1);
  const feet = lines.slice(items.length + 1);
  const rule = colour("dim", "─".repeat(Math.min(width, widthOf(kept))));
  return [
    colour("bold", lines[0] ?? ""),
    ...rows,
    ...(feet.length > 0 ? [rule, ...feet.map((line) => colour("bold", line))] : []),
  ].join("\n");
}

interface Spared {
  readonly cells: readonly string[];
  readonly spare: number;
}

/** Those that there is room for, and in any case those that cannot be spared. */
function fitting(columns: readonly Spared[], width: number): readonly Spared[] {
  const most = Math.max(0, ...columns.map(({ spare }) => spare));
  if (most === 0 || widthOf(columns.map(({ cells }) => cells)) <= width) return columns;
  return fitting(
    columns.filter(({ spare }) => spare < most),
    width,
  );
}
