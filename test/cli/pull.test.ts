import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Model } from "fal-chain/emulator";
import { afterAll, expect, test } from "vitest";
import * as z from "zod";
import { main } from "../../src/cli/main.ts";
import { command, emulated } from "../support/cli.ts";
import { echo } from "../support/models.ts";
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
    run: (argv: readonly string[], at = host) => command(main, argv, { env: { FAL_HOST: at }, cwd }),
  };
}

test("pull writes a module, adds to it, renews it, and leaves it where nothing has changed", async () => {
  const { file, text, run } = project();
  expect(await run(["pull", "fal-ai/flux/schnell"])).toMatchObject({
    ...{ code: 0, stderr: "" },
    stdout: "fal-endpoints.ts has 1 endpoint: fal-ai/flux/schnell\n",
  });
  expect(text()).toContain('readonly acceleration?: "none" | "regular" | "high";');
  expect((await run(["pull", "fal-ai/birefnet/v2"])).stdout).toContain(
    "2 endpoints: fal-ai/birefnet/v2, fal-ai/flux",
  );

  writeFileSync(file, text().replace(/on 20\d\d-\d\d-\d\d/, "on 2020-01-01"));
  utimesSync(file, 0, 0);
  expect((await run(["pull"])).stdout).toBe(
    "fal-endpoints.ts says what fal's documents say. Nothing was written.\n",
  );
  expect(statSync(file).mtimeMs).toBe(0);

  expect((await run(["pull", "--only", "fal-ai/esrgan"])).stdout).toContain(
    "has 1 endpoint: fal-ai/esrgan\n",
  );
  expect(text()).not.toContain("2020-01-01");
});

test.each([
  [["pull"], "There is no fal-endpoints.ts yet to renew."],
  [["pull", "fal-ai/flux/schnel"], "does not have fal-ai/flux/schnel (did you mean fal-ai/flux/schnell?)"],
  [["pull", "acme/painter"], "does not have acme/painter (fal-chain models painter searches it)"],
  [["pull", "fal-ai/esrgan", "--out", "fal.d.ts"], "fal.d.ts is no module of TypeScript"],
  [["pull", "--check"], "There is no fal-endpoints.ts to check."],
  [["pull", "fal-ai/esrgan", "--check"], "leave ids and --only out"],
  [["pull", "fal-ai/esrgan", "--json"], "--json goes with --check"],
  [["schema", "fal-ai/esrgam"], "(did you mean fal-ai/esrgan?)"],
  [["models", "--limit", "0"], "--limit is"],
  [["pull", "flux"], '"flux" is not an endpoint id'],
])("%j is met with what to do", async (argv, message) => {
  const { code, stderr } = await project().run(argv);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});

test("a file that pull did not write is left as it is, and so is one that cannot be read", async () => {
  const { file, text, run } = project();
  writeFileSync(file, "export const mine = 1;\n");
  expect(await run(["pull", "fal-ai/esrgan"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--out"),
  });
  expect(text()).toBe("export const mine = 1;\n");
  expect((await run(["pull", "fal-ai/esrgan", "--out", "src/other.ts"])).code).toBe(0);
  writeFileSync(file, "// Written by fal-chain pull on 2026-11-27\n");
  expect((await run(["pull"])).stderr).toContain("fal-endpoints.ts was changed");
});

const painter = (input: z.ZodType, output: z.ZodType): Model => ({
  ...(echo({ id: "acme/painter" }) as Model),
  ...{ input, output },
});

test("pull --check fails where a change breaks callers, and only there", async () => {
  const texts = z.object({ prompt: z.string(), mode: z.enum(["fast", "slow"]).optional() });
  const picture = z.object({ url: z.string(), seed: z.int() });
  const hosts = {
    first: await emulated(painter(texts, picture)),
    more: await emulated(painter(texts.extend({ seed: z.int().optional() }), picture)),
    told: await emulated(painter(texts.extend({ prompt: z.string().describe("What to paint.") }), picture)),
    other: await emulated(painter(texts.extend({ mode: z.enum(["fast"]) }), picture.omit({ seed: true }))),
    gone: await emulated(),
  };
  const { run, text } = project(hosts.first.env["FAL_HOST"]);
  const at = async (host: keyof typeof hosts, ...argv: string[]) =>
    run(["pull", "--check", ...argv], hosts[host].env["FAL_HOST"]);
  await run(["pull", "acme/painter", "fal-ai/esrgan"]);
  const before = text();

  expect(await at("first")).toMatchObject({
    code: 0,
    stdout: "fal-endpoints.ts says what fal's documents say.\n",
  });
  expect(await at("told")).toMatchObject({ code: 0, stdout: expect.stringContaining("in other words") });
  expect(await at("more")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("acme/painter\n  changes  input.seed is new\n0 of 1 changes break"),
  });
  expect(await at("other")).toMatchObject({
    code: 1,
    stdout: `acme/painter
  breaks   input.mode is required now
  breaks   input.mode no longer has "slow"
  breaks   output.seed is gone
3 of 3 changes break code that uses fal-endpoints.ts. fal-chain pull renews it.
`,
  });
  const json = await at("gone", "--json");
  expect([json.code, JSON.parse(json.stdout)]).toEqual([
    1,
    {
      ...{ file: "fal-endpoints.ts", breaks: true },
      endpoints: [
        {
          id: "acme/painter",
          changes: [{ at: "endpoint", what: "is no longer in fal's catalog", breaks: true }],
        },
        { id: "fal-ai/esrgan", changes: [] },
      ],
    },
  ]);
  expect(text()).toBe(before);
  expect((await run(["pull"], hosts.other.env["FAL_HOST"])).stdout).toContain("breaks   output.seed is gone");
  await Promise.all(Object.values(hosts).map((host) => host.close()));
});

test("models searches the catalog; prices are told to those with a key", async () => {
  const { run } = project();
  const found = await run(["models", "picture"]);
  expect(found.stdout).toMatch(
    /^endpoint +title +category\nfal-ai\/flux\/schnell +FLUX.1 \[schnell\] +text-to-image\n/,
  );
  expect(found.stderr).toContain("set FAL_KEY");
  const withKey = await command(main, ["models", "--category", "image-to-image"], { env });
  expect(withKey.stdout).toMatch(/^fal-ai\/esrgan +.* \$0.00111 \/ compute seconds$/m);
  expect(withKey.stdout).not.toContain("flux");
  const json = await command(main, ["models", "--json", "--limit", "2"], { env });
  expect(JSON.parse(json.stdout)).toMatchObject([{ id: "fal-ai/flux/schnell", price: { usd: "0.003" } }, {}]);
  expect(await run(["models", "zzz"])).toMatchObject({ code: 0, stdout: "" });
});

test("schema shows what an endpoint takes and gives", async () => {
  const { run } = project();
  const { stdout } = await run(["schema", "fal-ai/flux/schnell"]);
  expect(stdout).toMatch(/^prompt +string, required\. The prompt to generate an image from\.$/m);
  expect(stdout).toMatch(
    /^image_size +square_hd \| square \|[\s\S]*?\| object, default\n? +"landscape_4_3"\. The size/m,
  );
  expect(stdout).toMatch(/^image_size\.width +integer, default 512\. More than 0, at most 14142\.$/m);
  expect(stdout).toMatch(/^seed +integer$/m);
  expect(stdout).toMatch(/^images\[\]\.url +string\. The URL/m);
  expect(stdout).toMatch(/^images\[\]\.file_name +string \| null, may be missing$/m);
  const json = await run(["schema", "fal-ai/esrgan", "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ openapi: "3.0.4", paths: { "/fal-ai/esrgan": {} } });
});
