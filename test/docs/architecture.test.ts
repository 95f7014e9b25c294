import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/pages.ts";
import { drawPicture, importTable } from "./picture.ts";

const { forbidden } = createRequire(import.meta.url)("../../.dependency-cruiser.cjs");
const table = importTable(forbidden);

/** What CONTRIBUTING.md says that each folder is. */
const map = new Map(
  [
    ...readFileSync(join(root, "CONTRIBUTING.md"), "utf8").matchAll(/^\| `src\/([\w.-]+)` +\| (.*?) +\|$/gm),
  ].map(([, name = "", purpose = ""]) => [name, purpose]),
);

test("the map of the folders has each folder of src and each row of the import rules, and no other", () => {
  const entries = readdirSync(join(root, "src")).sort();
  expect([...map.keys()].sort()).toEqual(entries);
  expect([...table.keys()].sort()).toEqual(entries);
});

test("the picture shows what the import rules say (npm run docs:picture draws it anew)", async () => {
  await expect(drawPicture(table, map)).toMatchFileSnapshot(join(root, "docs/architecture.svg"));
});
