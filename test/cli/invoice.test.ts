import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStore } from "fal-chain/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { intentOf } from "../support/intents.ts";
import { ENV } from "../support/setup.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-invoice-"));
const file = join(dir, "store.db");
afterAll(() => rmSync(dir, { recursive: true }));

const AT = Date.UTC(2026, 9, 5);
const EVIL = '=cmd|"/c calc"!A1<script>alert(1)</script>';

beforeAll(async () => {
  const store = sqliteStore(file);
  for (const [n, endpoint] of [
    "fal-ai/flux/schnell",
    "fal-ai/flux/schnell",
    '=evil/"><img src=x>',
  ].entries()) {
    const whose = {
      userTags: { customer: n === 1 ? "acme" : EVIL },
      jobId: "job-secret",
      run: "run-secret",
      markup: 0.37,
    };
    await store.calls.intend(intentOf(`c${n}`, { endpoint, at: AT, ...whose }));
    await store.calls.completed(`c${n}`, { data: 1, units: 1, waitSeconds: 1, runSeconds: 1 }, AT + 1_000);
    await store.calls.charged(`c${n}`, { source: "invoiced", nanoUsd: 1_234_567_890, units: 1 }, AT);
  }
  await store.close();
});

const invoice = (customer: string, ...argv: string[]) =>
  command(
    main,
    [
      "costs",
      "--invoice",
      `customer=${customer}`,
      "--since",
      "2026-10",
      "--until",
      "2026-11",
      "--store",
      file,
      ...argv,
    ],
    { env: ENV },
  );

/** What it cost, the markup, and whom it was run for inside. */
const INTERNAL = [/1\.23/, /1234567890/, /0\.37|37 ?%/, /secret/, /invoiced|measured/, /markup/i];

test("the page and the CSV say what is to be paid, and nothing of what it cost", async () => {
  const path = join(dir, "acme.html");
  const { code, stdout, stderr } = await invoice(
    "acme",
    "--html",
    path,
    "--csv",
    "--from",
    "Studio & Söhne",
    "--number",
    "2026-17",
  );
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: `Wrote ${path}\nFor you alone: these calls cost you $1.23456789 of the $1.69.\n`,
  });
  expect(stdout).toBe(
    "invoice,billed_to,period_start,period_end,model,calls,amount,currency\r\n" +
      "2026-17,acme,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,fal-ai/flux/schnell,1,1.69,USD\r\n",
  );
  const page = readFileSync(path, "utf8");
  for (const text of [
    "Studio &#38; Söhne",
    "2026-17",
    "acme",
    "fal-ai/flux/schnell",
    "1.69",
    "2026-10-01 to 2026-10-31",
    "USD",
    "rounded to the cent",
  ]) {
    expect(page).toContain(text);
  }
  for (const secret of INTERNAL) for (const sent of [page, stdout]) expect(sent).not.toMatch(secret);
  expect(page).not.toMatch(/<script|<img|https?:/);
});

test("names that a customer has chosen are text, in a spreadsheet and in a page", async () => {
  const path = join(dir, "evil.html");
  const { stdout } = await invoice(EVIL, "--html", path, "--csv", "--number", "+1+2", "--from", "<b>x</b>");
  const cells = stdout
    .split("\r\n")
    .slice(1, -1)
    .join(",")
    .split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/);
  expect(cells.filter((cell) => /^"?[=+@]/.test(cell))).toEqual([]);
  expect(readFileSync(path, "utf8")).not.toMatch(/<script|<img|<b>/);
});

test("without a file it is a table; --json is for programs, and --markup for what had none", async () => {
  const { stdout } = await invoice("acme");
  expect(stdout).toMatch(/^acme, 2026-10-01 to 2026-10-31\n/);
  expect(stdout).toMatch(/total +1 +\$1\.69/);
  expect(JSON.parse((await invoice("acme", "--json")).stdout)).toMatchObject({
    totalCents: 169,
    notes: { unmarkedNanoUsd: 0 },
  });
  expect((await invoice("nobody", "--markup", "20%")).stdout).toContain("No calls.");
  expect((await invoice("acme", "--markup", "much")).stderr).toContain("20% or 0.2");
  expect((await invoice("acme", "--by", "day")).stderr).toContain("leave --by out");
  const other = await command(main, ["costs", "--number", "1", "--store", file], { env: ENV });
  expect(other.stderr).toContain("--invoice");
});
