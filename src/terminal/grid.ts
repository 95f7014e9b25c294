import Table from "cli-table3";

export type Align = "left" | "right";

/** Rows of cells as lines in which the columns stand below each other. Without rules: the library would colour its own. */
export function alignedLines(rows: readonly (readonly string[])[], aligns: readonly Align[]): string[] {
  const table = new Table({
    chars: { ...Object.fromEntries(EDGES.map((edge) => [edge, ""])), middle: "  " },
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 0 },
    colAligns: [...aligns],
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}

const EDGES = ["top", "bottom", "left", "right", "mid"].flatMap((side) => [
  side,
  ...["left", "mid", "right"].map((corner) => `${side}-${corner}`),
]);
