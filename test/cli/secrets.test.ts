import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { tempDir } from "../support/temp.ts";

/** Shows nowhere but in the file. */
const CANARY = "c4n4ry-of-the-test";

function setup(env: Record<string, string> = {}) {
  const file = join(tempDir(), "kept", "secrets.json");
  const run = (argv: string, stdin = "") =>
    command(main, ["secrets", ...argv.split(" ")], { env: { FAL_CHAIN_SECRETS: file, ...env }, stdin });
  const kept = () => JSON.parse(readFileSync(file, "utf8"));
  return { file, run, kept };
}

test("secrets are set, listed by name and unset, in the environment that is named", async () => {
  const { run, file } = setup();
  expect((await run(`set TOKEN=${CANARY} OTHER=x`)).code).toBe(0);
  expect((await run(`set TOKEN=${CANARY} --env staging`)).code).toBe(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(file, "..")).mode & 0o777).toBe(0o700);

  const main = await run("list");
  expect(main.stdout).toMatch(/^OTHER +main .*\nTOKEN +main .*account default$/m);
  expect(main.stdout).not.toContain(CANARY);
  expect((await run("list --env staging")).stdout).not.toContain("OTHER");

  expect((await run("unset TOKEN")).code).toBe(0);
  expect((await run("unset TOKEN")).stderr).toContain("There is no secret TOKEN in main.");
  expect((await run("list --env staging --json")).stdout).toContain('"name": "TOKEN"');
});

test("the environment is FAL_ENV where none is named, else main", async () => {
  const { run, kept } = setup({ FAL_ENV: "staging" });
  await run("set TOKEN=x");
  await run("set TOKEN=y --env main");
  expect(Object.keys(kept())).toEqual(["staging", "main"]);
});

test("a rotation keeps the exposure and the time, and whoever says so changes it", async () => {
  const { run, kept } = setup();
  await run("set TOKEN=1");
  const { createdAt } = kept().main.TOKEN;
  expect(kept().main.TOKEN).toEqual({ createdAt, value: "1" });
  for (const [option, exposed] of [
    [" --not-exposed-by-default", false],
    ["", false],
    [" --exposed-by-default", true],
    ["", true],
  ] as const) {
    await run(`set TOKEN=2${option}`);
    expect(kept().main.TOKEN).toEqual({ createdAt, value: "2", exposed });
  }
  expect((await run("set A=1 --exposed-by-default --not-exposed-by-default")).code).toBe(2);
});

const PEM = "-----BEGIN KEY-----\r\nMIIB+/=\n-----END KEY-----\n";

test.each([
  ["a line without its end", "abc\n", "abc"],
  ["a line of Windows", "abc\r\n", "abc"],
  ["no line end", "abc", "abc"],
  ["a hash and quotation marks", '"x # y"', '"x # y"'],
  ["nothing", "", ""],
  ["several lines, each byte", PEM, PEM],
])("standard input is the value: %s", async (_, stdin, value) => {
  const { run, kept } = setup();
  expect((await run("set TOKEN=-", stdin)).code).toBe(0);
  expect(kept().main.TOKEN.value).toBe(value);
});

test.each([
  `set TOKEN ${CANARY}`,
  `set --TOKEN=${CANARY}`,
  `set -${CANARY}`,
  `TOKEN=${CANARY}`,
  `sett TOKEN=${CANARY}`,
  `list ${CANARY}`,
  `list --token=${CANARY}`,
  `unset TOKEN=${CANARY}`,
  `unset TOKEN ${CANARY}`,
  `set FAL_KEY=${CANARY}`,
  `set fal_host=${CANARY}`,
  `set TO-KEN=${CANARY}`,
  `set __proto__=${CANARY}`,
  `set A=- B=- C=${CANARY}`,
  `set A=${CANARY} --env ../x`,
  `set A=${CANARY}${"x".repeat(128 * 1024)}`,
  `set A=${CANARY}\0`,
])("%j is refused, and the value is not repeated", async (argv) => {
  const { run, file } = setup();
  const { code, stdout, stderr } = await run(argv);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^error: /);
  expect(stderr).not.toContain(CANARY);
  expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
});

test("a file that others may read, a link, and what is no file of secrets are errors that say so", async () => {
  const { run, file } = setup();
  await run(`set TOKEN=${CANARY}`);
  const before = readFileSync(file, "utf8");
  chmodSync(file, 0o644);
  for (const argv of ["list", "set OTHER=1", "unset TOKEN"]) {
    const { code, stderr } = await run(argv);
    expect([code, stderr]).toEqual([1, expect.stringContaining("its mode is 644), and secrets are kept")]);
    expect(stderr).toContain(`chmod 600 ${file}`);
  }
  chmodSync(file, 0o600);
  expect(readFileSync(file, "utf8")).toBe(before);

  writeFileSync(file, `{"main":{"TOKEN":"${CANARY}"`);
  const broken = await run("list");
  expect(broken.stderr).toContain("is not a file of secrets");
  expect(broken.stderr).not.toContain(CANARY);

  const link = join(tempDir(), "link");
  symlinkSync(file, link);
  const { stderr } = await command(main, ["secrets", "list"], { env: { FAL_CHAIN_SECRETS: link } });
  expect(stderr).toContain("is a symbolic link");
});
