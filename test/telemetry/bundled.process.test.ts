import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tempDir } from "../support/temp.ts";

const ESBUILD = join("node_modules", "esbuild", "bin", "esbuild");
const PROGRAM = join("test", "telemetry", "children", "traced.ts");

test("a program that is bundled with OpenTelemetry into one CommonJS file has spans", () => {
  const file = join(tempDir(), "program.cjs");
  const how = ["--bundle", "--platform=node", "--format=cjs", "--conditions=fal-chain-source"];
  execFileSync(ESBUILD, [PROGRAM, ...how, `--outfile=${file}`, "--log-level=error"]);
  // In a directory where no package is found.
  const out = execFileSync(process.execPath, [file], { cwd: join(file, ".."), encoding: "utf8" });
  expect(JSON.parse(out)).toEqual([
    ["generate_content fal-ai/flux/schnell", "chain poster"],
    ["chain poster", "no parent"],
  ]);
});
