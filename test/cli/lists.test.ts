import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFal } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { afterAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { intentOf } from "../support/intents.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-lists-"));
const file = join(dir, "many.db");
afterAll(() => rmSync(dir, { recursive: true }));

const COUNT = 123;
const store = sqliteStore(file);
for (let n = 0; n < COUNT; n++) {
  await store.calls.intend(intentOf(`call-${n}`, { at: Date.now() - n }));
  if (n % 2 === 0) await store.calls.ambiguous(`call-${n}`, "a reset", Date.now());
  await store.runs.claim({
    ...{ chain: "poster", id: `order-${n}`, input: "{}", tags: {}, startedFor: undefined },
    ...{ owner: undefined, leaseMs: 0, at: Date.now() - n },
  });
}
await store.close();

const env = { FAL_KEY: "k3y-id-0a1b2c:s3cr3t", FAL_CHAIN_STORE: file };
const run = (...argv: string[]) => command(main, argv, { env });
const rows = (stdout: string) => stdout.trimEnd().split("\n").length - 1;

test.each(["calls", "runs"])("%s says how many more there are, and JSON has all", async (what) => {
  const few = await run(what);
  expect(rows(few.stdout)).toBe(20);
  expect(few.stderr).toBe(`The newest 20 of ${COUNT} ${what}. More: --limit ${COUNT}\n`);
  const all = await run(what, "--limit", String(COUNT));
  expect([rows(all.stdout), all.stderr]).toEqual([COUNT, ""]);
  const json = await run(what, "--json");
  expect(JSON.parse(json.stdout)).toHaveLength(COUNT);
  expect(json.stderr).toBe("");
  const some = await run(what, "--json", "--limit", "7");
  expect(JSON.parse(some.stdout)).toHaveLength(7);
  expect(some.stderr).toContain(`The newest 7 of ${COUNT} ${what}.`);
});

test("JSON is as JSON.stringify has it, of however many", async () => {
  const all = await run("calls", "--json");
  expect(all.stdout).toBe(`${JSON.stringify(JSON.parse(all.stdout), null, 2)}\n`);
  const limited = await run("calls", "--json", "--limit", String(COUNT));
  expect(limited.stdout).toBe(all.stdout);
  expect((await run("calls", "--json", "--state", "failed")).stdout).toBe("[]\n");
});

test("what is left out is counted among what was asked for", async () => {
  const { stderr } = await run("calls", "--state", "ambiguous", "--limit", "10");
  expect(stderr).toContain("The newest 10 of 62 calls.");
  expect((await run("calls", "--endpoint", "acme/other")).stderr).toBe("");
  expect((await run("calls", "--since", "1h", "--limit", "1")).stderr).toContain(`of ${COUNT} calls`);
  expect((await run("runs", "--state", "waiting", "--limit", "1")).stderr).toContain(`of ${COUNT} runs`);
});

test("a program that asks for all calls, or all runs, gets all", async () => {
  const fal = createFal({ env });
  expect(await fal.calls.list()).toHaveLength(COUNT);
  expect(await fal.calls.list({ limit: undefined })).toHaveLength(COUNT);
  expect(await fal.runs.list({ chain: "poster" })).toHaveLength(COUNT);
  expect(await fal.runs.list({ limit: 5 })).toHaveLength(5);
  await fal.close();
});

test.each([
  ["calls"],
  ["calls", "--json"],
  ["calls", "show", "abcd"],
  ["calls", "settle", "abcd", "--resubmit"],
  ["calls", "rescue"],
  ["budgets"],
  ["runs"],
  ["runs", "show", "order-1"],
  ["runs", "resume", "order-1", "--load", "chains.ts"],
  ["runs", "settle", "order-1", "--resubmit"],
  ["runs", "cancel", "order-1"],
  ["runs", "forget", "order-1"],
  ["costs"],
  ["costs", "--json"],
  ["costs", "--focus"],
  ["costs", "--reconcile"],
])("%j makes no store and no directory: a path that was mistyped is an error", async (...argv) => {
  const empty = join(dir, "empty.db");
  writeFileSync(empty, "", { mode: 0o600 });
  const before = readdirSync(dir);
  for (const path of [join(dir, "no", "where.db"), join(dir, "where.sqlite"), empty]) {
    for (const name of [path, `sqlite:${path}`]) {
      const given = await run(...argv, "--store", name);
      const named = await command(main, argv, { env: { ...env, FAL_CHAIN_STORE: name } });
      for (const { code, stdout, stderr } of [given, named]) {
        expect([code, stdout]).toEqual([2, ""]);
        expect(stderr).toBe(`error: There is no store at ${path}. Check --store or FAL_CHAIN_STORE.\n`);
      }
    }
  }
  expect(readdirSync(dir)).toEqual(before);
});

test.each([["calls"], ["runs"], ["costs"], ["calls", "rescue"], ["calls", "show", "abcd"], ["env"]])(
  "%j makes nothing where nothing was called yet",
  async (...argv) => {
    const home = join(dir, "home");
    const { code, stderr } = await command(main, argv, {
      env: { FAL_KEY: env.FAL_KEY, FAL_CHAIN_STORE: undefined, HOME: home },
    });
    expect([code, stderr.includes("no store at")]).toEqual([argv.length > 2 ? 2 : 0, false]);
    expect(existsSync(home)).toBe(false);
  },
);

test("budgets are listed with what they have left, the latest windows first, and how many are left out", async () => {
  const budgets = join(dir, "budgets.db");
  const store = sqliteStore(budgets);
  for (let n = 0; n < 25; n++) {
    const reservation = {
      budget: `tag:customer=c${n}`,
      window: n * 3_600_000,
      limitNanoUsd: 2e9,
      nanoUsd: 5e8,
    };
    await store.calls.intend(intentOf(`call-${n}`, { at: n }), { reserve: [reservation] });
  }
  await store.calls.charged("call-24", { source: "measured", nanoUsd: 1_250_000_000 }, 1);
  await store.calls.charged("call-22", { source: "measured", nanoUsd: 3_000_000_000 }, 1);
  await store.close();
  const few = await run("budgets", "--store", budgets);
  expect(few.stderr).toBe("The newest 20 of 25 budgets. More: --limit 25\n");
  expect(
    few.stdout
      .split("\n")
      .slice(0, 3)
      .map((line) => line.trim().split(/ {2,}/)),
  ).toEqual([
    ["budget", "since", "limit", "charged", "reserved", "left"],
    ["tag:customer=c24", "1970-01-02 00:00:00", "$2.00", "$1.25", "$0.00", "$0.75"],
    ["tag:customer=c23", "1970-01-01 23:00:00", "$2.00", "$0.00", "$0.50", "$1.50"],
  ]);
  expect(few.stdout).toContain(
    "tag:customer=c22 is overshot by $1.00: call call-22 to acme/echo was charged $3.00 where $0.50 was set aside\n",
  );
  const json = JSON.parse((await run("budgets", "--store", budgets, "--json")).stdout);
  expect(json).toHaveLength(25);
  expect(json[0]).toMatchObject({ budget: "tag:customer=c24", leftNanoUsd: 750_000_000 });
  expect((await run("budgets", "--run", "poster/none", "--store", budgets)).code).toBe(2);
});
