import { join } from "node:path";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { intentOf } from "../support/intents.ts";
import { tempDir } from "../support/temp.ts";

test("a month is closed from the command line, listed, and named in reports", async () => {
  const file = join(tempDir(), "store.db");
  const store = sqliteStore(file);
  for (const [id, month] of [
    ["a", 0],
    ["b", 1],
  ] as const) {
    const at = Date.UTC(2026, month, 5);
    await store.calls.intend(intentOf(id, { at }));
    await store.calls.charged(id, { source: "measured", nanoUsd: 30_000_000 }, at);
  }
  const costs = (...argv: string[]) => command(main, ["costs", ...argv, "--store", file]);
  expect((await costs("close")).stdout).toBe("No month is closed.\n");
  const { code, stdout } = await costs("close", "2026-01");
  expect(code).toBe(0);
  expect(stdout).toMatch(/2026-01 .* 1 +\$0\.03/);
  expect(stdout).toContain("$0.03 of it is not from the bill.");

  await store.calls.charged("a", { source: "invoiced", nanoUsd: 25_000_000 }, Date.UTC(2026, 1, 6));
  await store.close();
  expect((await costs("close")).stdout).toMatch(/2026-01 .*\$0\.03 .*-\$0\.005\n/);
  const report = (await costs("--by", "month")).stdout;
  expect(report).toMatch(/2026-01 +1 +\$0\.03 /);
  expect(report).toMatch(/2026-02 +1 +\$0\.025 /);
  expect(report).toContain("Closed: 2026-01. -$0.005 of it is a correction of closed months.");
  expect(JSON.parse((await costs("--by", "month", "--json")).stdout)).toMatchObject({
    closed: [{ month: "2026-01" }],
    total: { usd: { total: "0.055", corrections: "-0.005" } },
  });
  expect((await costs("close", "January")).stderr).toContain("is not a month. It reads 2026-10.");
});
