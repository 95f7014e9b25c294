import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { shellWord } from "../../src/base/text.ts";

const ESC = "\u001b";

test("a word of a command is read by a shell as the text that it is", () => {
  const words = [
    "order-1042",
    "poster/a b",
    "it's",
    "$(touch x)",
    "`id`",
    "a;b",
    "a\nb",
    "*",
    "~",
    "!!",
    "a\\b",
    "\u202ea",
    ESC,
    "画",
  ];
  for (const word of words) {
    expect(shellWord(word)).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(
      execFileSync("bash", ["-c", `printf %s ${shellWord(word)}`], {
        encoding: "utf8",
        env: { ...process.env, LC_ALL: "C.UTF-8" },
      }),
    ).toBe(word);
  }
  expect(shellWord("poster/order-1042")).toBe("poster/order-1042");
  expect(shellWord("it's")).toBe(String.raw`'it'\''s'`);
});

test("any text at all is one word", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 20, maxLength: 20 }), (texts) => {
      const words = texts.map((text) => text.replaceAll("\0", "0"));
      const env = { ...process.env, LC_ALL: "C.UTF-8" };
      const out = execFileSync(
        "bash",
        ["-c", `printf '%s\\0' ${words.map((word) => shellWord(word)).join(" ")}`],
        { encoding: "utf8", env },
      );
      expect(out.split("\0").slice(0, -1)).toEqual(words.map((word) => word.toWellFormed()));
    }),
    { numRuns: 20 },
  );
});
