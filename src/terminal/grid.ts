import { stripVTControlCharacters } from "node:util";
import { columnsOf } from "./text.ts";

export type Align = "left" | "right";

const BETWEEN = "  ";

/** Cells below each other, each filled up to the widest of them. They may hold colours. */
export function alignedColumn(cells: readonly string[], align: Align): string[] {
  const taken = cells.map((cell) => columnsOf(stripVTControlCharacters(cell)));
  const widest = taken.reduce((most, one) => Math.max(most, one), 0);
  return cells.map((cell, row) => {
    const room = " ".repeat(widest - (taken[row] ?? 0));
    return align === "left" ? cell + room : room + cell;
  });
}

/** How much of a terminal's width aligned columns take beside each other. */
export const widthOf = (columns: readonly (readonly string[])[]): number =>
  columns.reduce((sum, [first = ""], nth) => sum + columnsOf(first) + (nth === 0 ? 0 : BETWEEN.length), 0);

/** Aligned columns beside each other, as so many lines. */
export const besideEachOther = (columns: readonly (readonly string[])[], count: number): string[] =>
  Array.from({ length: count }, (_, row) =>
    columns
      .map((cells) => cells[row])
      .join(BETWEEN)
      .trimEnd(),
  );

/** Rows of cells as lines in which the columns stand below each other. */
export function alignedLines(rows: readonly (readonly string[])[], aligns: readonly Align[]): string[] {
  const cellsOf = (column: number) => rows.map((row) => row[column] ?? "");
  const columns = aligns.map((align, column) => alignedColumn(cellsOf(column), align));
  return besideEachOther(columns, rows.length);
}
