import { expect, test } from "vitest";
import { number, oneOf, optionalNumber, optionalText, text } from "../../src/store/sql/fields.ts";

// Of the many values of `test/laws/any-row.ts` a run tries some: here is each kind of column with what it cannot hold.

test.each([
  ["a number", number("x"), [null, "1", 1e308, -8.7e15, Number.NaN, Infinity, 2n ** 60n], 0],
  ["a number or none", optionalNumber("x"), ["1", 1e308, Number.NaN, 1n], undefined],
  ["a text", text("x"), [null, 5, 1.5, 1n], ""],
  ["a text or none", optionalText("x"), [5, 1n], undefined],
  ["one of some", oneOf("x", ["a", "b"], "b"), [null, "", "c", "toString", 5], "b"],
])("%s is read where there is one, and else said to be lost", (_, column, odd, otherwise) => {
  for (const value of odd) {
    const lost: string[] = [];
    expect(column.read({ x: value as never }, (name) => lost.push(name))).toBe(otherwise);
    expect(lost, String(value)).toEqual(["x"]);
  }
});
