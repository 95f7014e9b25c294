import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command, emulated } from "../support/cli.ts";
import { tempDir } from "../support/temp.ts";

const { env, close } = await emulated();
afterAll(close);

/** A project, and the command in it; without a key, since none is needed. */
function project(host = env["FAL_HOST"]) {
  const cwd = tempDir();
  const file = join(cwd, "fal-endpoints.ts");
  return {
    file,
    text: () => readFileSync(file, "utf8"),
    run: (...argv: string[]) => command(main, argv, { env: { FAL_HOST: host }, cwd }),
  };
}

test("pull writes a module, adds to it, renews it, and leaves it where nothing has changed", async () => {
  const { file, text, run } = project();
  expect(await run("pull", "fal-ai/flux/schnell")).toMatchObject({
    ...{ code: 0, stderr: "" },
    stdout: "fal-endpoints.ts has 1 endpoint: fal-ai/flux/schnell\n",
  });
  expect(text()).toContain('readonly acceleration?: "none" | "regular" | "high";');
  expect((await run("pull", "fal-ai/birefnet/v2")).stdout).toContain(
    "2 endpoints: fal-ai/birefnet/v2, fal-ai/flux",
  );

  writeFileSync(file, text().replace(/on 20\d\d-\d\d-\d\d/, "on 2020-01-01"));
  utimesSync(file, 0, 0);
  expect((await run("pull")).stdout).toBe(
    "fal-endpoints.ts says what fal's documents say. Nothing was written.\n",
  );
  expect(statSync(file).mtimeMs).toBe(0);

  expect((await run("pull", "--only", "fal-ai/esrgan")).stdout).toContain("has 1 endpoint: fal-ai/esrgan\n");
  expect(text()).not.toContain("2020-01-01");
});

test.each([
  [["pull"], "There is no fal-endpoints.ts yet to renew."],
  [["pull", "fal-ai/flux/schnel"], "does not have fal-ai/flux/schnel (did you mean fal-ai/flux/schnell?)"],
  [["pull", "acme/painter"], "does not have acme/painter (fal-chain models painter searches it)"],
  [["pull", "flux"], '"flux" is not an endpoint id'],
])("%j is met with what to do", async (argv, message) => {
  const { code, stderr } = await project().run(...argv);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});

test("a file that pull did not write is left as it is, and so is one that cannot be read", async () => {
  const { file, text, run } = project();
  writeFileSync(file, "export const mine = 1;\n");
  expect(await run("pull", "fal-ai/esrgan")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--out"),
  });
  expect(text()).toBe("export const mine = 1;\n");
  expect((await run("pull", "fal-ai/esrgan", "--out", "other.ts")).code).toBe(0);
  writeFileSync(file, "// Written by fal-chain pull on 2026-11-27\n");
  expect((await run("pull")).stderr).toContain("fal-endpoints.ts was changed");
});
