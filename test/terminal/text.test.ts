import fc from "fast-check";
import { expect, test } from "vitest";
import { clip, columnsOf, printable, printableJson, wrap } from "../../src/terminal/text.ts";

const ESC = "\u001b";
/** Texts that are mostly what a hostile model would write. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ESC,
        `${ESC}[2J`,
        `${ESC}]0;title\u0007`,
        `${ESC}]8;;http://x\u0007`,
        "\u009b31m",
        "\u009c",
      ),
      fc.constantFrom(
        "\r",
        "\n",
        "\b",
        "\u007f",
        "\u202e",
        "\u2066",
        "\u2028",
        "\u200b",
        "\u{e0041}",
        "[31m",
        "a",
        "画",
        "👩‍👩‍👧",
        "e\u0301",
      ),
      fc.string({ unit: "binary" }),
    ),
  )
  .map((parts) => parts.join(""));

/** What a terminal obeys rather than shows, what turns the direction of writing, and what hides in a text. */
const CONTROL =
  /[\p{Cc}\u{2028}\u{2029}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{200b}\u{200e}\u{200f}\u{61c}\u{2060}\u{feff}\u{ad}\u{e0041}]/u;

test("no text of a model's choosing keeps anything that a terminal obeys", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(printable(text)).not.toMatch(CONTROL);
      expect(clip(printable(text), 20)).not.toMatch(CONTROL);
      expect(printableJson({ [text]: text }).replaceAll("\n", "")).not.toMatch(CONTROL);
    }),
  );
});

test("JSON that was made safe to show reads back as it was", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(JSON.parse(printableJson([text]))).toEqual([text]);
    }),
  );
});

test("what looks like the end of an escape sequence is kept as the text that it is", () => {
  expect(printable("tokens [31m] left\n")).toBe("tokens [31m] left");
  expect(printable(`${ESC}${ESC}[0m[31m red`)).not.toContain(ESC);
});

test("a text is counted in the columns that it takes, and clipped to them", () => {
  expect(["fox", "画家", "👩‍👩‍👧", "e\u0301"].map(columnsOf)).toEqual([3, 4, 2, 1]);
  expect(clip("画家画家", 5)).toBe("画家…");
  fc.assert(
    fc.property(hostile, fc.nat(30), (text, room) => {
      expect(columnsOf(clip(printable(text), room))).toBeLessThanOrEqual(room);
    }),
  );
});

test("words wrap at the width, and one that is longer stays whole", () => {
  expect(wrap(["job_id=1", "chain=poster", "run=a-very-long-one"], 16)).toEqual([
    "job_id=1",
    "chain=poster",
    "run=a-very-long-one",
  ]);
  expect(wrap(["a=1", "b=2", "c=3"], 8, "  ")).toEqual(["a=1  b=2", "c=3"]);
});
