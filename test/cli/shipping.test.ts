import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
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

test("what cannot stand in a Dockerfile, and what is no directory, is refused; a link is left as it is", async () => {
  const cwd = tempDir();
  for (const name of ["a b.tgz", "x\nRUN evil #.tgz"]) {
    writeFileSync(join(cwd, name), "packed");
    const { code, stderr } = await run(cwd, "init", "ads", "--package", name);
    expect([code, stderr]).toEqual([2, expect.stringContaining("cannot be copied by a Dockerfile")]);
  }
  expect((await run(cwd, "init", "a b.tgz")).stderr).toContain("is no directory");
  mkdirSync(join(cwd, "ads"));
  symlinkSync("/nowhere", join(cwd, "ads", "app.ts"));
  expect((await run(cwd, "init", "ads")).stdout).toContain("Left as it was: app.ts.");
});

/** A project without a fault but in these lines of its image. */
function project(app: string, image: string): string {
  const cwd = tempDir();
  const table = `tool.fal.apps.${JSON.stringify(app)}`;
  const health = `health_check = { path = "/health" }\nmetrics_port = 9090`;
  const toml = `[${table}]\nexposed_port = 8080\n${health}\n[${table}.image]\n${image}\n`;
  writeFileSync(join(cwd, "pyproject.toml"), toml);
  return cwd;
}

test("the command that check offers means that app, in a shell", async () => {
  const { stdout } = await run(project("x; touch pwned", 'image = "acme/ads:1"'), "check");
  expect(stdout).toContain("Deploy with: fal deploy 'x; touch pwned'\n");
});

test.each([
  ['dockerfile = "."', "x is built by ., and there is no such file."],
  ['image = "acme/ads:1"\ncmd = [1]', "image.cmd is [1]; it is a text, or a list of texts."],
  ['image = "acme/ads:1"\nentrypoint = [["node"]]', "image.entrypoint is"],
])("check says what is wrong of %j", async (image, said) => {
  const { code, stdout } = await run(project("x", image), "check");
  expect([code, stdout]).toEqual([1, expect.stringContaining(said)]);
});

test("a directory in place of pyproject.toml is none", async () => {
  const cwd = tempDir();
  mkdirSync(join(cwd, "pyproject.toml"));
  expect((await run(cwd, "check")).stderr).toContain("Name one, or let fal-chain init write it.");
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
