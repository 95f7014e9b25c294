import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { tempDir } from "../support/temp.ts";

const run = (cwd: string, ...argv: string[]) => command(main, argv, { cwd });

test("init writes a project, says what is next, and leaves what is there as it is", async () => {
  const cwd = tempDir();
  mkdirSync(join(cwd, "ads"));
  writeFileSync(join(cwd, "ads", "package.json"), "{}");
  const { code, stdout } = await run(cwd, "init", "ads");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Wrote app\.ts, .*\nLeft as it was: package\.json\.\nNext:\n {2}cd ads\n/);
  expect(stdout).toContain("fal deploy ads");
  expect(readFileSync(join(cwd, "ads", "package.json"), "utf8")).toBe("{}");
  expect(readdirSync(join(cwd, "ads"))).toEqual(
    expect.arrayContaining(["Dockerfile", "pyproject.toml", "app.ts"]),
  );
});

test("a packed file is copied into the project, and into its image", async () => {
  const cwd = tempDir();
  writeFileSync(join(cwd, "fal-chain-9.tgz"), "packed");
  expect((await run(cwd, "init", "ads", "--package", "./fal-chain-9.tgz")).code).toBe(0);
  const read = (file: string) => readFileSync(join(cwd, "ads", file), "utf8");
  expect(JSON.parse(read("package.json")).dependencies["fal-chain"]).toBe("file:./fal-chain-9.tgz");
  expect(read("Dockerfile")).toContain("COPY package.json package-lock.json fal-chain-9.tgz ./");
  expect(read("fal-chain-9.tgz")).toBe("packed");
});

test.each([
  [["init", "My App"], undefined, "Wrote"],
  [["init", "ads", "--name", "My App"], '"My App" cannot be an app\'s name', undefined],
  [["init", "ads", "--store", "redis"], '--store is "redis"; it is one of memory, postgres.', undefined],
  [["init", "ads", "--package", "none.tgz"], "Make it with npm pack, or give a version.", undefined],
  [["check", "nowhere"], "Name one, or let fal-chain init write it.", undefined],
])("%j", async (argv, refused, done) => {
  const { code, stdout, stderr } = await run(tempDir(), ...argv);
  expect(code).toBe(refused ? 2 : 0);
  if (refused) expect(stderr).toContain(refused);
  if (done) expect(stdout).toContain(done);
});

test("check says where each thing is, and that there is an error", async () => {
  const cwd = tempDir();
  writeFileSync(
    join(cwd, "pyproject.toml"),
    '[tool.fal.apps.ads]\nexposed_prt = 1\nimage = { dockerfile = "Dockerfile" }\n',
  );
  writeFileSync(join(cwd, "Dockerfile"), "FROM alpine\nCMD serve\n");
  const { code, stdout } = await run(cwd, "check");
  expect(code).toBe(1);
  expect(stdout).toContain(
    'error pyproject.toml: tool.fal.apps.ads has no key "exposed_prt". Did you mean "exposed_port"?\n',
  );
  expect(stdout).toContain("error Dockerfile:2: The command is not written as a list");
  expect(stdout).toMatch(/^warning pyproject\.toml: .* no metrics_port/m);
  expect(stdout).toMatch(/\n3 errors\.\n$/);
  const json = JSON.parse((await run(cwd, "check", "--json")).stdout);
  expect(json.apps).toEqual(["ads"]);
  expect(json.findings).toContainEqual(
    expect.objectContaining({ level: "error", file: "Dockerfile", line: 2 }),
  );
});
