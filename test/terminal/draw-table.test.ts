import { expect, test } from "vitest";
import { drawTable, type TableColumn } from "../../src/terminal/draw-table.ts";
import { Screen } from "../support/screen.ts";

const COLUMNS: readonly TableColumn<number>[] = [
  { name: "step", align: "left", cell: (n) => `├─ painter ${n}` },
  { name: "endpoint", align: "left", cell: () => "fal-ai/flux/schnell", spare: 3 },
  { name: "state", align: "left", cell: () => "done", spare: 2 },
  { name: "wait", align: "right", cell: (n) => `${n % 7}.0 s`, spare: 1 },
  { name: "billed", align: "left", cell: () => "", spare: 1 },
  { name: "cost", align: "right", cell: (n) => `$0.${n}` },
];

test.each([
  [80, ["step", "endpoint", "state", "wait", "cost"]],
  [40, ["step", "state", "wait", "cost"]],
  [30, ["step", "wait", "cost"]],
  [10, ["step", "cost"]],
])("on a terminal of %i columns a table has those that there is room for", (columns, names) => {
  const table = drawTable([1, 20], COLUMNS, new Screen({ columns }));
  const [head = "", ...rows] = table.split("\n");
  expect(head.split(/ +/)).toEqual(names);
  expect(rows.map((row) => row.length)).toEqual([head.length, head.length]);
});

test("a table of many rows takes no longer than reading them would", () => {
  const items = Array.from({ length: 5_000 }, (_, n) => n);
  const before = performance.now();
  const lines = drawTable(items, COLUMNS, new Screen({ columns: 20 }), { foot: 0 }).split("\n");
  expect(performance.now() - before).toBeLessThan(1_000);
  expect(lines).toHaveLength(5_003);
});
