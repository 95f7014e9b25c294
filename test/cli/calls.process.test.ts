import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStore } from "fal-chain/sqlite";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command, emulated } from "../support/cli.ts";
import { intentOf } from "../support/intents.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-calls-"));
let platform: Awaited<ReturnType<typeof emulated>>;
beforeAll(async () => {
  platform = await emulated();
});
afterAll(async () => {
  await platform.close();
  rmSync(dir, { recursive: true });
});

let round = 0;
let file: string;
let env: Record<string, string | undefined>;
beforeEach(() => {
  file = join(dir, `${round++}.db`);
  env = { ...platform.env, FAL_CHAIN_STORE: file };
});

const run = (...argv: string[]) => command(main, argv, { env });
const listed = async (...argv: string[]) =>
  JSON.parse((await run("calls", "list", "--json", ...argv)).stdout);

/** A call whose answer was lost, and that nobody looked up. */
async function lost(): Promise<{ id: string; requestId: string }> {
  platform.emulator.faults.next("submit", "lost-response");
  const { code, stderr } = await run("call", "acme/echo", "prompt=a fox", "--ambiguous-submit", "throw");
  expect(code).toBe(3);
  const [{ id }] = await listed("--state", "ambiguous");
  expect(stderr).toContain(`fal-chain calls settle ${id}`);
  return { id, requestId: platform.emulator.jobs.at(-1)?.requestId ?? "none" };
}

test("call notes what it did and cost, and calls lists it: in local.db for this machine's emulator", async () => {
  env = { ...platform.env, FAL_CHAIN_STORE: undefined, XDG_DATA_HOME: dir };
  await run("call", "acme/echo", "prompt=a fox");
  expect(existsSync(join(dir, "fal-chain", "local.db"))).toBe(true);
  expect(existsSync(join(dir, "fal-chain", "store.db"))).toBe(false);
  const { code, stdout } = await run("calls");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^call +made +endpoint +state +cost/);
  expect(stdout).toMatch(
    /^[0-9a-f]{8} {2}20\d\d-\d\d-\d\d \d\d:\d\d:\d\d {2}acme\/echo +completed +\$0\.01/m,
  );
  for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  expect(
    (await command(main, ["calls"], { env: { XDG_DATA_HOME: dir, FAL_CHAIN_STORE: undefined } })).stdout,
  ).toBe("No such calls are in the store.\n");
});

test("filters choose, and JSON has everything", async () => {
  await run("call", "acme/echo", "prompt=a fox", "--tag", "customer=acme");
  await run("call", "fal-ai/flux/schnell", "prompt=a fox");
  expect(await listed("--endpoint", "acme/echo")).toMatchObject([
    {
      state: "completed",
      for: { userTags: { customer: "acme" } },
      cost: { nanoUsd: 10_000_000 },
      outcome: {},
    },
  ]);
  expect(await listed("--limit", "1")).toMatchObject([{ endpoint: "fal-ai/flux/schnell" }]);
  expect(await listed("--since", "1h")).toHaveLength(2);
  expect(await listed("--since", "2999-01-01")).toEqual([]);
  expect(await listed("--state", "failed")).toEqual([]);
});

test("show tells everything of a call, by the beginning of its id", async () => {
  const { id } = await lost();
  const { code, stdout } = await run("calls", "show", id.slice(0, 6));
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`^call +${id}$`, "m"));
  expect(stdout).toMatch(/^state +ambiguous$/m);
  expect(stdout).toMatch(/^made +20.* UTC$/m);
  expect(stdout).toMatch(/^cost +may be billed$/m);
  expect(stdout).toMatch(/^input +\{"prompt":"a fox"\}$/m);
  expect(stdout.replaceAll(/\n +/g, " ")).toContain(
    `fal-chain calls settle ${id.slice(0, 8)} --adopt REQUEST |`,
  );
  expect(JSON.parse((await run("calls", "show", id, "--json")).stdout)).toMatchObject({ id });
  const short = await run("calls", "show", id.slice(0, 2));
  expect([short.code, short.stderr]).toEqual([2, expect.stringContaining(`is too short: it begins ${id}`)]);
});

test("settle --adopt gives the result of the request, and pays nothing", async () => {
  const { id, requestId } = await lost();
  const jobs = platform.emulator.jobs.length;
  const wrong = await run("calls", "settle", id, "--adopt", "nobody");
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("cannot be request nobody")]);
  const { code, stdout, stderr } = await run("calls", "settle", id.slice(0, 8), "--adopt", requestId);
  expect([code, JSON.parse(stdout)]).toEqual([0, { echo: { prompt: "a fox" } }]);
  expect(stderr).toContain(`Call ${id} is request ${requestId}.`);
  expect(platform.emulator.jobs).toHaveLength(jobs);
  expect(await listed()).toMatchObject([{ id, state: "completed", ticket: { requestId } }]);
});

test("settle --resubmit sends it again, --give-up leaves it", async () => {
  const again = await lost();
  const jobs = platform.emulator.jobs.length;
  const { code, stdout } = await run("calls", "settle", again.id, "--resubmit", "--json");
  expect([code, JSON.parse(stdout).data]).toEqual([0, { echo: { prompt: "a fox" } }]);
  expect(platform.emulator.jobs).toHaveLength(jobs + 1);
  expect((await listed()).map(({ state }: { state: string }) => state)).toEqual(["completed", "given-up"]);

  const left = await lost();
  expect(await run("calls", "settle", left.id, "--give-up")).toMatchObject({ code: 0, stdout: "" });
  expect(await listed("--state", "given-up")).toHaveLength(2);
  expect(platform.emulator.jobs).toHaveLength(jobs + 2);
});

test("a call of a program, outside any run, is submitted again and delivered", async () => {
  const store = sqliteStore(file);
  const at = Date.now();
  await store.calls.intend(intentOf("call-1", { body: '{"n":1}', at }));
  await store.calls.ambiguous("call-1", "ECONNRESET", at);
  await store.close();
  const { code, stdout } = await run("calls", "settle", "call-1", "--resubmit");
  expect([code, JSON.parse(stdout)]).toEqual([0, { echo: { n: 1 } }]);
});

test("rescue reads the file beside the store back, and says what it could not", async () => {
  await run("call", "acme/echo", "prompt=a fox");
  const [{ id, cost }] = await listed();
  const at = Date.now();
  const line = (call: string) => JSON.stringify({ store: file, call, write: "charged", what: cost, at });
  expect(await run("calls", "rescue")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Nothing to restore"),
  });
  const rescueFile = `${file}.rescue.jsonl`;
  writeFileSync(rescueFile, `${line(id)}\n${line("nobody")}\n`);
  const first = await run("calls", "rescue");
  expect(first.code).toBe(1);
  expect(first.stdout).toContain(`1 entries of ${rescueFile} are restored.\nleft in the file: `);
  writeFileSync(rescueFile, `${line(id)}\n`);
  expect((await run("calls", "rescue", rescueFile, "--json")).stdout).toContain('"restored": 1');
  expect(existsSync(rescueFile)).toBe(false);
});

test("the project's store is used where the current directory has one", async () => {
  const cwd = join(dir, "project");
  const store = sqliteStore(join(cwd, ".fal-chain", "store.db"));
  await store.close();
  const there = {
    env: { ...platform.env, FAL_CHAIN_STORE: undefined, XDG_DATA_HOME: join(dir, "home") },
    cwd,
  };
  await command(main, ["call", "acme/echo", "prompt=a fox"], there);
  expect((await command(main, ["calls"], there)).stdout).toContain("acme/echo");
  expect(existsSync(join(dir, "home"))).toBe(false);
});
