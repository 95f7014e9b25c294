import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createEmulator } from "fal-chain/emulator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { schemaOf } from "../../src/schemas/document.ts";
import { moduleText } from "../../src/schemas/module.ts";
import type { EndpointSchema } from "../../src/schemas/schema.ts";

const root = join(import.meta.dirname, "../..");
mkdirSync(join(root, "out"), { recursive: true });
const folder = mkdtempSync(join(root, "out", "cost-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compile = async (...argv: string[]) => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  return (await promisify(execFile)(process.execPath, [tsc, ...argv])).stdout;
};

/** The package as its users have it: by its declarations. */
beforeAll(async () => {
  const installed = join(folder, "node_modules/fal-chain");
  mkdirSync(installed, { recursive: true });
  copyFileSync(join(root, "package.json"), join(installed, "package.json"));
  writeFileSync(join(folder, "package.json"), '{ "name": "a-program", "type": "module" }');
  const emit = [
    "-p",
    join(root, "tsconfig.build.json"),
    "--emitDeclarationOnly",
    "--declarationMap",
    "false",
  ];
  await compile(...emit, "--outDir", join(installed, "dist"));
}, 120_000);

/** What the emulator says of the endpoints that it has. */
async function documented(): Promise<Map<string, EndpointSchema>> {
  const emulator = createEmulator();
  const answer = await emulator.fetch(new Request("https://api.fal.ai/v1/models?expand=openapi-3.0"));
  const { models } = (await answer.json()) as { models: { endpoint_id: string; openapi: object }[] };
  await emulator.close();
  return new Map(
    models.map(({ endpoint_id: id, openapi }) => [id, schemaOf(openapi, id) as EndpointSchema] as const),
  );
}

/** How many types the compiler makes of a program, and how often it fills in type parameters. */
async function costOf(name: string, files: Readonly<Record<string, string>>) {
  const at = join(folder, name);
  mkdirSync(at);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(at, file), text);
  const settings = { strict: true, noEmit: true, skipLibCheck: true, types: ["node"] };
  const compilerOptions = { ...settings, target: "ES2024", module: "NodeNext" };
  writeFileSync(join(at, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const stdout = await compile("-p", at, "--extendedDiagnostics");
  const [types, instantiations] = ["Types", "Instantiations"].map((fact) =>
    Number(new RegExp(`^${fact}:\\s+(\\d+)$`, "m").exec(stdout)?.[1]),
  );
  return (types as number) + (instantiations as number);
}

test("five endpoints cost the compiler at most a fifth of what the official client's types do", async () => {
  const schemas = await documented();
  expect(schemas.size).toBeGreaterThanOrEqual(5);
  const calls = [...schemas].map(([id, { input }]) => {
    const given = Object.fromEntries((input.required ?? []).map((name) => [name, "a fox"]));
    return `console.log((await fal.subscribe("${id}", { input: ${JSON.stringify(given)} })).data);\n`;
  });
  const program = (from: string) => ({ "program.ts": `import { fal } from "${from}";\n${calls.join("")}` });
  const empty = await costOf("empty", { "program.ts": "export {};\n" });
  const official = await costOf("official", program("@fal-ai/client"));
  const bare = await costOf("bare", program("fal-chain"));
  const module = { "fal-endpoints.ts": moduleText(schemas, "2026-11-27") };
  const pulled = await costOf("pulled", { ...program("fal-chain"), ...module });
  expect(official - empty).toBeGreaterThan(10_000);
  expect(pulled - bare).toBeGreaterThan(50);
  expect(pulled - bare).toBeLessThan((official - empty) / 5);
});
