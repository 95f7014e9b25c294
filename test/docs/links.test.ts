import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import * as everything from "fal-chain";
import { FalError } from "fal-chain";
import { expect, test } from "vitest";
import { pages, root } from "../support/pages.ts";

const textOf = (path: string): string => pages.find((page) => page.path === path)?.text ?? "";

/** As GitHub makes them. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

const links = pages.flatMap(({ path, text }) =>
  [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, to = "", anchor]) => ({
    from: path,
    to: to === "" ? path : normalize(join(dirname(path), to)),
    anchor,
  })),
);

test("every link leads to a page, and to a heading that it has", () => {
  expect(links.length).toBeGreaterThan(50);
  const broken = links.filter(
    ({ to, anchor }) =>
      !existsSync(join(root, to)) || (anchor !== undefined && !anchorsOf(textOf(to)).includes(anchor)),
  );
  expect(broken).toEqual([]);
});

test("the README is short, and leads to every page", () => {
  expect(textOf("README.md").split("\n").length).toBeLessThanOrEqual(150);
  const linked = links.filter(({ from }) => from === "README.md").map(({ to }) => to);
  expect(pages.map(({ path }) => path).filter((path) => !linked.includes(path))).toEqual(["README.md"]);
});

test("the page of errors has every class that the package exports", () => {
  const classes = Object.entries(everything).flatMap(([name, value]) =>
    typeof value === "function" && value.prototype instanceof FalError ? [name] : [],
  );
  expect(classes.length).toBeGreaterThan(10);
  const rows = textOf("docs/errors.md").match(/^\| `.*$/gm) ?? [];
  const listed = rows.flatMap((row) => row.split("|")[1]?.match(/\w+Error/g) ?? []);
  expect(listed.sort()).toEqual(classes.filter((name) => name !== "FalError").sort());
});
