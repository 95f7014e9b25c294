import { existsSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { FAL_ERROR_CODES, kindOf } from "../../src/errors/registry.ts";
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

test("every test that a page names is there", () => {
  const named = pages.flatMap(({ text }) => text.match(/(?<=`)test\/[\w/.-]+(?=`)/g) ?? []);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  const laws = readdirSync(join(root, "test/laws"))
    .filter((name) => name.endsWith(".test.ts"))
    // What needs PostgreSQL too is the same law.
    .map((name) => [`test/laws/${name.replace(".process.", ".")}`, `test/laws/${name}`])
    .flatMap((paths) => paths.find((path) => existsSync(join(root, path))) ?? []);
  expect(laws.filter((path) => !textOf("CONTRIBUTING.md").includes(`\`${path}\``))).toEqual([]);
});

test("the README is short, and leads to every page", () => {
  expect(textOf("README.md").split("\n").length).toBeLessThanOrEqual(150);
  const linked = links.filter(({ from }) => from === "README.md").map(({ to }) => to);
  expect(pages.map(({ path }) => path).filter((path) => !linked.includes(path))).toEqual(["README.md"]);
});

const classOf = (code: string) =>
  (kindOf(code)?.class as { readonly name: string } | undefined)?.name ?? "none";

test("the pages list every error with its codes, and no other", () => {
  const rows = [...textOf("docs/errors.md").matchAll(/^\| `(\w+Error)` +\| (.*?) +\|/gm)];
  const listed = rows.flatMap(([, name, codes = ""]) =>
    codes.split(", ").map((code) => `${name} ${code.replaceAll("`", "")}`),
  );
  const [ofWebhooks, others] = [true, false].map((isWebhooks) =>
    FAL_ERROR_CODES.filter((code) => (classOf(code) === "WebhookError") === isWebhooks),
  );
  expect(listed.sort()).toEqual(others?.map((code) => `${classOf(code)} ${code}`).sort());
  expect(ofWebhooks?.filter((code) => !textOf("docs/webhooks.md").includes(`\`${code}\``))).toEqual([]);
});
