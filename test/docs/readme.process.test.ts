import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { blocksOf, root } from "../support/pages.ts";
import { tempDir } from "../support/temp.ts";

const block = blocksOf("sh").find(({ code }) => code.startsWith("npm start -- --customer"))?.code ?? "";

/** A clone of the repository, as far as its scripts need it, and a home in which nothing was run. */
function clone(): { cwd: string; env: Record<string, string | undefined> } {
  const dir = tempDir();
  const [cwd, HOME] = [join(dir, "clone"), join(dir, "home")];
  for (const folder of [cwd, HOME]) mkdirSync(folder);
  copyFileSync(join(root, "package.json"), join(cwd, "package.json"));
  for (const name of ["node_modules", "src", "examples"]) symlinkSync(join(root, name), join(cwd, name));
  const others = /^(FAL_|npm_|XDG_|NODE_OPTIONS$|VITEST)/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !others.test(name)));
  return { cwd, env: { ...env, HOME, NO_COLOR: "1" } };
}

test("who has cloned it sees what was run, and what it cost for whom, by the README's own lines", {
  timeout: 90_000,
}, async () => {
  const { cwd, env } = clone();
  const said: string[] = [];
  for (const line of block.trim().split("\n")) {
    const { stdout } = await promisify(execFile)("sh", ["-c", line], { cwd, env });
    said.push(stdout);
  }
  const [start, runs, costs] = said;
  expect(said).toHaveLength(3);
  expect(start).toContain("Saved out/picture.jpg, out/large.png, out/cutout.png\n");
  expect(runs).toMatch(/^run +state +started +calls +cost\nposter\/\S+ +completed .* 3 +\$0\.\d+\n$/);
  expect(costs).toMatch(/^acme +3 +\$0\.\d+ +100 %/m);
});
