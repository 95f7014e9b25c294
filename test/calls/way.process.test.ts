import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

test("a call enters nothing of what is off, and no more functions than it did", async () => {
  const argv = ["--conditions=fal-chain-source", join(root, "bench/entered.ts")];
  const env = { ...process.env, FUNCTIONS: "1" };
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env });
  const [listed = ""] = stdout.split("the next one:");
  const files = [...listed.matchAll(/^ {2}(\S+\.ts) \((\d+)\)/gm)].map(
    ([, file = "", functions]) => [file, Number(functions)] as const,
  );
  const names = files.map(([file]) => file);
  expect(names).toContain("calls/send.ts");
  const off =
    /^(chain|files|realtime|webhooks)\/|^calls\/(hooks|slots|doubt|look-up|recover|try-again)\.ts|budget-state/;
  expect(names.filter((file) => off.test(file))).toEqual([]);
  // What it took when this was written, and a tenth more.
  expect(names.length).toBeLessThan(88);
  expect(files.reduce((sum, [, functions]) => sum + functions, 0)).toBeLessThan(400);
}, 30_000);
