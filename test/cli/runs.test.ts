import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFal, type Fal } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { BIN, child, command, emulated } from "../support/cli.ts";

const CHAINS = join(import.meta.dirname, "children/chains.ts");
const dir = mkdtempSync(join(tmpdir(), "fal-chain-runs-"));
let platform: Awaited<ReturnType<typeof emulated>>;
beforeAll(async () => {
  platform = await emulated();
});
afterAll(async () => {
  await platform.close();
  rmSync(dir, { recursive: true });
});

let round = 0;
let env: Record<string, string | undefined>;
beforeEach(() => {
  env = { ...platform.env, FAL_CHAIN_STORE: join(dir, `${round++}.db`) };
});

const cli = (...argv: string[]) => command(main, argv, { env });
const bin = (...argv: string[]) => child(BIN, argv, env).ended;
const shown = async (id: string) => JSON.parse((await cli("runs", "show", id, "--json")).stdout);
const submits = (run: string) => platform.emulator.jobs.filter(({ tags }) => tags["run"] === run).length;

/** The chain of the loaded module as it is in another program: two calls, and what `between` does. */
async function program<T>(
  use: (chain: ReturnType<typeof chainOf>) => Promise<T>,
  between = () => {},
): Promise<T> {
  const fal = createFal({ env, ambiguousSubmit: "throw" });
  try {
    return await use(chainOf(fal, between));
  } finally {
    await fal.close();
  }
}
const chainOf = (fal: Fal, between: () => void) =>
  fal.chain("album", async ({ names }: { names: string[] }) => {
    const title = await fal.step("title", () => names.join(" and "));
    await fal.subscribe("acme/echo", { step: "cover", input: { name: title } });
    between();
    await fal.map(names, (name) => fal.subscribe("acme/echo", { input: { name, title } }));
    return title;
  });

/** Ends with its cost known: prices are read beside the results. */
async function finished(id: string, between?: () => void, names = ["fox", "owl"]): Promise<void> {
  await program(async (album) => {
    const run = album.start({ names }, { id, tags: { customer: "acme" } });
    await run.catch(() => {});
    await run.total;
  }, between);
}
const failing = (id: string) =>
  finished(id, () => platform.emulator.faults.next("submit", "completed-with-error"), ["fox"]);
const losing = (id: string) => finished(id, () => platform.emulator.faults.next("submit", "lost-response"));

test("lists runs with their state, calls and cost, the newest first", async () => {
  await finished("order-1");
  await failing("order-2");
  const { stdout } = await cli("runs");
  expect(stdout).toMatch(
    /^run +state +started +calls +cost\nalbum\/order-2 +failed +\d{4}-.* 2 +\$0\.01\nalbum\/order-1 +completed .* 3 +\$0\.03\n$/,
  );
  expect((await cli("runs", "list", "--state", "failed")).stdout).not.toContain("order-1");
  expect((await cli("runs", "--chain", "other")).stdout).toBe("No such runs are in the store.\n");
  const json = JSON.parse((await cli("runs", "--json", "--limit", "1")).stdout);
  expect(json).toMatchObject([
    { chain: "album", id: "order-2", state: "failed", tags: { customer: "acme" } },
  ]);
});

test("shows what a run did, when and for how much, by any name that is unambiguous", async () => {
  await finished("order-1");
  for (const name of ["album/order-1", "order-1", "ord", "album/o"]) {
    const { code, stdout } = await cli("runs", "show", name);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^run +album\/order-1\nstate +completed\n/);
    expect(stdout).toMatch(/^title +done +•$/m);
    expect(stdout).toMatch(/^cover +done +\d\.\d s +\d\.\d s .*█.* \$0\.01$/m);
    expect(stdout).toMatch(/^map\[1\]\/acme\/echo +done .*█.* \$0\.01$/m);
    expect(stdout).toMatch(/^total +\$0\.03$/m);
  }
  await finished("order-2");
  expect(await cli("runs", "show", "order-")).toMatchObject({
    code: 2,
    stderr: 'error: "order-" may be album/order-2, album/order-1. Say more of it.\n',
  });
  expect((await cli("runs", "show", "else")).stderr).toContain('No run in the store is "else".');
  const { steps } = await shown("order-2");
  expect(steps.map((step: { scope: string; name: string }) => `${step.scope}/${step.name}`)).toEqual([
    "/title",
    "/cover",
    "map[0]/acme/echo",
    "map[1]/acme/echo",
  ]);
});

test("resumes a failed run with a loaded chain: what it has is reused, and not paid again", async () => {
  await failing("torn");
  expect((await cli("runs", "show", "torn")).stdout).toContain(
    "fal-chain runs resume album/torn --load ./chains.ts\n",
  );
  const before = submits("torn");
  const { code, stdout, stderr } = await bin("runs", "resume", "torn", "--load", CHAINS);
  expect([code, JSON.parse(stdout)]).toEqual([0, ["fox", "fox"]]);
  expect(stderr).toContain("cover: reused, paid for before\n");
  expect(submits("torn")).toBe(before + 1);

  const { stdout: after } = await cli("runs", "show", "torn");
  expect(after).toMatch(/^executed +2 times$/m);
  expect(after).toMatch(/^title +reused/m);
  expect(after).toMatch(/^cover +reused/m);
  expect(after).toMatch(/failed, replaced/);
  // The one that failed was not billed, and nothing is counted twice.
  expect(after).toMatch(/^total +\$0\.02$/m);
  expect(stderr).toMatch(/^total +\$0\.02$/m);
});

test("settles a blocked run, and then resumes it without paying again", async () => {
  await losing("lost");
  const { stdout } = await cli("runs", "show", "lost");
  expect(stdout).toMatch(/^state +blocked$/m);
  expect(stdout).toMatch(/^blocked on +acme\/echo, which may or may not have been accepted/m);
  expect(stdout).toMatch(
    /^ +fal-chain runs settle album\/lost --adopt REQUEST\n +.* --resubmit\n +.* --give-up$/m,
  );

  const first = (await shown("lost")).steps.find(
    (step: { call?: { state: string } }) => step.call?.state === "ambiguous",
  );
  const sent = platform.emulator.jobs.find(
    ({ input, tags }) => tags["run"] === "lost" && JSON.stringify(input) === first.call.body,
  );
  const settled = await cli("runs", "settle", "lost", "--adopt", sent?.requestId ?? "none");
  expect(settled).toMatchObject({ code: 0, stdout: "" });
  expect(settled.stderr).toContain(`The step acme/echo is request ${sent?.requestId}.\n`);
  expect(settled.stderr).toContain("Go on with it: fal-chain runs resume album/lost --load ./chains.ts\n");
  expect((await cli("runs", "show", "lost")).stdout).toMatch(/It is settled\. Go on with it:/);
  expect((await cli("runs", "settle", "lost", "--give-up")).code).toBe(2);

  expect(await bin("runs", "resume", "lost", "--load", CHAINS)).toMatchObject({ code: 0 });
  expect(submits("lost")).toBe(3);
  expect((await cli("runs", "settle", "lost", "--resubmit")).stderr).toContain(
    "is completed, so there is nothing to settle",
  );
});

test("says what keeps a run from being resumed, and sends nothing", async () => {
  await failing("torn");
  const before = platform.emulator.jobs.length;
  const load = async (file: string) => {
    const { code, stderr } = await bin("runs", "resume", "torn", "--load", file);
    expect(code).toBe(2);
    return stderr;
  };
  const module = (name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  expect(await load(join(dir, "nothing.ts"))).toContain("could not be loaded: there is no such file.");
  expect(await load(module("enum.ts", "export enum A { B }"))).toContain("Node leaves types out");
  expect(await load(module("empty.mjs", "export const a = 1;"))).toContain("It exports no chain.");
  const pretended = '{ name: "poster", start() {}, resume() {} }';
  expect(await load(module("other.mjs", `export const a = ${pretended};`))).toContain("It exports poster.");
  // A client that was given a store of its own does not have the run.
  const own = `import { createFal, memoryStore } from ${JSON.stringify(import.meta.resolve("fal-chain"))};
    export const album = createFal({ store: memoryStore() }).chain("album", async () => {});`;
  expect(await load(module("own.mjs", own))).toContain("the client of");
  expect(platform.emulator.jobs).toHaveLength(before);
});

test("cancels and forgets runs, and says what cannot be", async () => {
  await losing("lost");
  expect((await cli("runs", "forget", "lost")).code).toBe(1);
  expect(await cli("runs", "cancel", "lost", "--reason", "no longer wanted")).toMatchObject({
    code: 0,
    stderr: "The run album/lost is cancelled.\n",
  });
  expect((await shown("lost")).state).toBe("cancelled");
  expect(await cli("runs", "cancel", "album/lost")).toMatchObject({ code: 0 });
  expect(await cli("runs", "forget", "lost")).toMatchObject({ code: 0 });
  expect((await cli("runs")).stdout).toBe("No such runs are in the store.\n");
  // What was paid stays known.
  const store = sqliteStore(String(env["FAL_CHAIN_STORE"]));
  expect(await store.calls({ run: "lost" })).toHaveLength(3);
  await store.close();
});

test("a run that was left is shown as interrupted, with what goes on with it", async () => {
  await finished("order-1");
  const store = sqliteStore(String(env["FAL_CHAIN_STORE"]));
  const owner = { host: "elsewhere", boot: "", pid: 1, started: "" };
  const claim = {
    chain: "album",
    id: "it's",
    input: '{"names":[]}',
    tags: {},
    owner,
    leaseMs: 1,
    at: Date.now(),
  };
  const { run } = await store.claimRun(claim);
  await store.releaseRun({ chain: "album", run: "it's", epoch: run.epoch });
  await store.close();
  expect((await cli("runs", "--state", "interrupted")).stdout).toMatch(/^album\/it's +interrupted/m);
  expect((await cli("runs", "--state", "running")).stdout).toBe("No such runs are in the store.\n");
  expect((await cli("runs", "show", "it's")).stdout).toContain(
    "fal-chain runs resume 'album/it'\\''s' --load ./chains.ts\n",
  );
});
