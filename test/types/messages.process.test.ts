import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const FIXTURE = `import { fal } from "fal-chain";
fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a fox", num_inference_step: 4 } });
fal.chain("poster", async (input: { at: Date }) => input.at);
`;

let said = "";
let folder = "";

// Inside the package, so that it can import itself by name.
beforeAll(async () => {
  mkdirSync(join(root, "out"), { recursive: true });
  folder = mkdtempSync(join(root, "out", "types-"));
  writeFileSync(join(folder, "fixture.ts"), FIXTURE);
  const config = { extends: "../../tsconfig.json", include: ["fixture.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  said = await new Promise((resolve) => {
    execFile(process.execPath, [tsc, "--pretty", "false", "-p", folder], (_, stdout) => resolve(stdout));
  });
}, 30_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a misspelt field of an input is met with the field that was meant", () => {
  expect(said).toMatch(
    /fixture\.ts\(2,.*'num_inference_step' does not exist.*Did you mean.*'num_inference_steps'/s,
  );
});

test("an input that would not survive JSON is met with the reason", () => {
  expect(said).toMatch(/fixture\.ts\(3,/);
  expect(said).toContain("the input of a chain must survive JSON (no Date, Map, class instance…)");
});

test("and these are all the complaints", () => {
  expect(said.match(/error TS/g)).toHaveLength(2);
});
