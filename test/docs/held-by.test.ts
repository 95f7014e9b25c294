import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pages, root } from "../support/pages.ts";

const NAMED = /`(test\/[\w/.-]+)`: _([^_]+)_/g;

/** What each row of a page's tables says, and the tests that it names. */
const rowsOf = (text: string) =>
  [...text.matchAll(/^\| (?!cannot|what happens|-)(.*?) +\| (.*) \|$/gm)].map(([, says = "", by = ""]) => ({
    says,
    tests: [...by.matchAll(NAMED)].map(([, file = "", title = ""]) => ({
      file,
      title,
    })),
    left: by.replace(NAMED, "").replace(/[ ,]/g, ""),
  }));

test.each([
  ["SECURITY.md", 25],
  ["docs/known-faults.md", 33],
])("each row of %s names nothing but tests that are there", (page, least) => {
  const { text } = pages.find(({ path }) => path === page) ?? { text: "" };
  const rows = rowsOf(text);
  expect(rows.length).toBeGreaterThan(least);
  for (const { says, tests, left } of rows) {
    expect(tests, says).not.toEqual([]);
    expect(left, says).toBe("");
    for (const { file, title } of tests) {
      const source = readFileSync(join(root, file), "utf8");
      const isThere = source.includes(`"${title}"`) || source.includes(`\`${title}\``);
      expect(isThere, `${file} has no test ${title}`).toBe(true);
    }
  }
});
