import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { hostileStore, NASTY, OBEYED } from "./hostile.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-hostile-"));
const file = join(dir, "hostile.db");
afterAll(() => rmSync(dir, { recursive: true }));
await hostileStore(file, `order${NASTY}`);

const env = { FAL_KEY: "k3y-id-0a1b2c:s3cr3t", FAL_CHAIN_STORE: file };

test.each([
  ["calls"],
  ["calls", "--json"],
  ["calls", "show", "aaaa"],
  ["calls", "show", "bbbb"],
  ["calls", "show", "cccc"],
  ["calls", "show", "cccc", "--json"],
  ["calls", "settle", "cccc", "--give-up"],
  ["runs"],
  ["runs", "--json"],
  ["runs", "show", "p"],
  ["runs", "show", "p", "--json"],
  ["runs", "show", "no\u001b[31m\u202esuch"],
  ["runs", "settle", "p", "--resubmit"],
  ["runs", "cancel", "p"],
  ["costs"],
  ["costs", "--by", "tag:customer,job_id,run,step"],
  ["costs", "--by", "tag:customer,job_id", "--csv"],
  ["costs", "--json", "--by", "tag:customer"],
  ["costs", "--focus"],
  ["costs", "--run", `order${NASTY}`],
])("%j shows what came from outside so that it is only read, and at once", async (...argv) => {
  const began = performance.now();
  const { stdout, stderr } = await command(main, argv, { env });
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(stdout + stderr).not.toBe("");
  const lines = argv.includes("--csv") || argv.includes("--focus") ? stdout.replaceAll("\r\n", "\n") : stdout;
  expect(lines).not.toMatch(OBEYED);
  expect(stderr).not.toMatch(OBEYED);
});

test("the page of costs has it as text too", async () => {
  const page = join(dir, "page.html");
  const { stderr } = await command(main, ["costs", "--by", "tag:customer,run,step", "--html", page], { env });
  expect(stderr).toBe(`Wrote ${page}\n`);
  const html = readFileSync(page, "utf8");
  expect(html).not.toMatch(OBEYED);
  expect(html).not.toContain("<script>");
  expect(html).toContain("&#60;script&#62;");
  expect(html.length).toBeLessThan(200_000);
});
