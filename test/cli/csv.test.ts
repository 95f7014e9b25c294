import fc from "fast-check";
import { expect, test } from "vitest";
import { csvLine } from "../../src/cli/costs/csv.ts";

/** The one cell of a line, as whoever reads CSV has it. */
const cellOf = (value: string | number): string => {
  const text = csvLine([value]).slice(0, -2);
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
};

test.each([
  "=1+1",
  "+1-1",
  "-1+1",
  "@SUM(A1)",
  "\t=1",
  "\r=1",
  "\n=1",
  " =1",
  "\u00a0=1",
  "\u001b=1",
  "＝1",
  "＋1",
  "－1",
  "＠x",
  "-",
  "+7",
  "--1",
  "-1e",
  "\tx",
])("%j is no formula to whoever opens it", (text) => {
  expect(cellOf(text)).toMatch(/^'/);
  expect(cellOf(text)).not.toMatch(/^\s*[=+\-@]/);
});

test.each(["-5", "0.003", "-0.25", "1e-9", 7, -7, "acme", "a=b", "2026-11-24", "it's", "", "画"])(
  "%j stays as it is",
  (value) => expect(csvLine([value])).toBe(`${value}\r\n`),
);

test("a cell holds nothing that a terminal obeys, and cannot become two in another spreadsheet", () => {
  expect(cellOf("a\u001b[31mb\u202ec\u009b\u200b")).toBe("a\\u001b[31mb\\u202ec\\u009b\\u200b");
  expect(csvLine(["a;=1", 'say "hi"', "two\nlines", "a\tb"])).toBe(
    '"a;=1","say ""hi""","two\nlines","a\tb"\r\n',
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(cellOf(text)).not.toMatch(/^\s*[=+\-@][^\d]|[^\t\r\n\P{Cc}]|[\u{202a}-\u{202e}]/u);
    }),
  );
});
