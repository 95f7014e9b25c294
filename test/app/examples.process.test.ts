import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { root } from "../support/pages.ts";

const examples = globSync("examples/apps/*.ts", { cwd: root });
const apps = examples.filter((file) => !file.endsWith(".test.ts"));

test.each(apps)("%s passes its test", { timeout: 120_000 }, async (app) => {
  const file = app.replace(/\.ts$/, ".test.ts");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=fal-chain-source", "--test", "--test-reporter=tap", join(root, file)],
    { env: { PATH: process.env["PATH"] } },
  );
  expect(stdout).toMatch(/^# fail 0$/m);
  expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(1);
});
