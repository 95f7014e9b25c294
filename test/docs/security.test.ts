import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pages, root } from "../support/pages.ts";

const { text } = pages.find(({ path }) => path === "SECURITY.md") ?? { text: "" };

const NAMED = /`(test\/[\w/.-]+)`: _([^_]+)_/g;

/** What each row of a table says, and the tests that it names. */
const rows = [...text.matchAll(/^\| (?!cannot|-)(.*?) +\| (.*) \|$/gm)].map(([, cannot = "", by = ""]) => ({
  cannot,
  tests: [...by.matchAll(NAMED)].map(([, file = "", title = ""]) => ({
    file,
    title,
  })),
  left: by.replace(NAMED, "").replace(/[ ,]/g, ""),
}));

test("each row says who cannot do what, and names nothing but tests that are there", () => {
  expect(rows.length).toBeGreaterThan(25);
  for (const { cannot, tests, left } of rows) {
    expect(tests, cannot).not.toEqual([]);
    expect(left, cannot).toBe("");
    for (const { file, title } of tests) {
      const source = readFileSync(join(root, file), "utf8");
      const isThere = source.includes(`"${title}"`) || source.includes(`\`${title}\``);
      expect(isThere, `${file} has no test ${title}`).toBe(true);
    }
  }
});
