import { expect, test } from "vitest";
import { timeAxis } from "../../src/report/time-axis.ts";

test("an axis gives each span a column at least, within its width, in order", () => {
  const spans = [
    { from: 0, to: 1 },
    { from: 1, to: 100_000 },
    { from: 100_000, to: 100_000 },
  ];
  const axis = timeAxis(spans, 20);
  expect(spans.map(axis.columns)).toEqual([
    { start: 0, end: 1 },
    { start: 0, end: 20 },
    { start: 19, end: 20 },
  ]);
  expect(timeAxis([{ from: 5, to: 5 }], 10).columns({ from: 5, to: 5 })).toEqual({ start: 0, end: 1 });
});
