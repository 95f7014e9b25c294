import { expect, test } from "vitest";
import { printable, printableJson } from "../../src/base/text.ts";

const ESC = "\u001b";

test.each([
  ["a colour", `${ESC}[31mred${ESC}[0m`, "red"],
  ["a title", `${ESC}]0;title\u0007text`, "text"],
  ["a link", `${ESC}]8;;https://x.example${ESC}\\text${ESC}]8;;${ESC}\\`, "text"],
  ["a C1 control", "\u009b31mred", "red"],
  ["lines", "one\r\ntwo\u2028three\n", "one two three"],
  ["a mark of direction", "gp\u202egpj.exe", "gp\\u202egpj.exe"],
  ["a character of no width", "ac\u200bme", "ac\\u200bme"],
  ["a filler", "a\u3164b", "a\\u3164b"],
  ["hidden tags", "hi\u{e0041}", "hi\\udb40\\udc41"],
  ["half a character", "a\ud800b", "a\ufffdb"],
  ["an emoji that is made of several", "👩‍👩‍👧 ❤️ 👩🏽‍🚀", "👩‍👩‍👧 ❤️ 👩🏽‍🚀"],
  ["a joiner outside of one", "a\u200db", "a\\u200db"],
  ["ordinary text", "naïve 画家 e\u0301 [31m]", "naïve 画家 e\u0301 [31m]"],
])("%s is shown so that it is only read", (_, text, shown) => {
  expect(printable(text)).toBe(shown);
});

test.each([
  `${ESC}]`,
  `${ESC}[`,
  `a${ESC}]8;;`,
  "\u009d",
  "\u009b",
  ESC,
  `${ESC}[1;`,
  "\u200d",
  "👩\u200d",
  " ",
  "\u202e",
])("200 KB of %j takes no time", (unit) => {
  const text = unit.repeat(200_000 / unit.length);
  // Of this process: others may keep it waiting.
  const began = process.cpuUsage();
  const shown = printable(text, text.length);
  printableJson([text]);
  printable(text);
  expect(process.cpuUsage(began).user / 1_000).toBeLessThan(1_500);
  expect(shown).not.toMatch(/\p{Cc}/u);
});

test("of a long text the beginning is shown, and how much is left", () => {
  expect(printable("x".repeat(10_003))).toBe(`${"x".repeat(10_000)}… (3 more characters)`);
  expect(printable("👩".repeat(10), 3)).toBe("👩\ufffd… (17 more characters)");
});
