import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { emulatorEnv, outlivingEmulatorUnlessKey } from "fal-chain/emulator";
import { sqliteStore } from "fal-chain/sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { child, POSTER } from "../support/child.ts";
import { command } from "../support/cli.ts";

/** Three processes, one of which draws: seconds, on a machine with nothing else to do. */
const PATIENCE_MS = 60_000;

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "fal-chain-poster-"));
});
afterEach(async () => {
  await emulator()?.end();
  rmSync(cwd, { recursive: true });
});

const state = () => join(cwd, ".fal-chain");
/** With the store that the example chooses. */
const start = (...argv: string[]) =>
  child(POSTER, argv, { FAL_CHAIN_STORE: undefined }, { cwd, haste: true });

/** The one that the example has started, if it is there. */
function emulator() {
  let found: { url: string; pid: number };
  try {
    found = JSON.parse(readFileSync(join(state(), "emulator.json"), "utf8"));
  } catch {
    return undefined;
  }
  const reached = () => outlivingEmulatorUnlessKey({ directory: state(), env: {} });
  return {
    ...found,
    jobs: async () => (await (await reached()).emulator?.jobs()) ?? [],
    async end() {
      await (await reached()).close();
      await gone(found.pid);
    },
  };
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(10);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that has ended and that nobody has asked about is listed still.
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.[0] !== "Z";
  } catch {
    return false;
  }
}

/** A run that somebody wants to go on with one day: as long as there is one, the emulator is left to itself. */
async function leaveAnother(): Promise<void> {
  const store = sqliteStore(join(state(), "store.db"));
  const owner = { host: "elsewhere", boot: "", pid: 1, started: "" };
  const run = { chain: "poster", id: "another" };
  // Older than the one that is resumed.
  await store.runs.claim({ ...run, input: '{"prompt":""}', tags: {}, owner, leaseMs: 1, at: 0 });
  await store.runs.release({ chain: run.chain, run: run.id, epoch: 1 });
  await store.close();
}

/** Has what a run is blocked on submitted again. */
async function settle(said: string): Promise<void> {
  const [, run = "none"] = /The run (\S+) is blocked/.exec(said) ?? [];
  const store = join(state(), "store.db");
  const env = emulatorEnv(emulator()?.url ?? "");
  const argv = ["runs", "settle", run, "--resubmit", "--store", store];
  expect(await command(main, argv, { env })).toMatchObject({ code: 0 });
}

test.each(["picture: step 1", "picture: done", "cutout: running"])(
  "killed at `%s` and resumed, the poster pays for each step once, and says what it had",
  async (moment) => {
    const first = start("a", "red", "kite");
    await first.wrote(moment);
    first.process.kill("SIGKILL");
    expect((await first.ended).signal).toBe("SIGKILL");
    const had = (await emulator()?.jobs()) ?? [];
    expect(had.length).toBeGreaterThan(0);
    await leaveAnother();

    let { code, stdout, stderr } = await start("--resume").ended;
    // Killed before the first byte of a submit: that nobody has it is for a person to say.
    while (moment === "picture: done" && code === 3) {
      await settle(stderr);
      ({ code, stdout, stderr } = await start("--resume").ended);
    }
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Saved out/picture.jpg, out/large.png, out/cutout.png\n");
    expect(readdirSync(join(cwd, "out")).sort()).toEqual(["cutout.png", "large.png", "picture.jpg"]);
    if (moment !== "picture: step 1") {
      expect(stdout).toMatch(/^picture +(fal-ai\/flux\/schnell +)?reused /m);
      expect(stdout).toContain("picture: reused, paid for before\n");
    }
    const jobs = (await emulator()?.jobs()) ?? [];
    expect(jobs.map(({ endpoint }) => endpoint).sort()).toEqual([
      "fal-ai/birefnet/v2",
      "fal-ai/esrgan",
      "fal-ai/flux/schnell",
    ]);
    expect(jobs.slice(0, had.length).map(({ requestId }) => requestId)).toEqual(
      had.map(({ requestId }) => requestId),
    );
    expect(jobs[0]?.input).toMatchObject({ prompt: "a red kite" });
  },
  PATIENCE_MS,
);

test("without anything interrupted there is nothing to resume; a normal end ends the emulator", {
  timeout: PATIENCE_MS,
}, async () => {
  const { code, stdout, stderr } = await start("--resume").ended;
  expect([code, stderr]).toEqual([1, "error: No poster was interrupted. Start one: npm start\n"]);
  const [url = ""] = /http:[\d.:/]+/.exec(stdout) ?? [];
  while (await fetch(url).then(Boolean, () => false)) await sleep(10);
  expect(emulator()).toBeUndefined();
});

test("what an emulator had is gone with it, and that is said instead of asked for", {
  timeout: PATIENCE_MS,
}, async () => {
  const first = start();
  await first.wrote("picture: running");
  first.process.kill("SIGKILL");
  await first.ended;
  await emulator()?.end();
  const { code, stderr } = await start("--resume").ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: The emulator that had poster\/\w+ is gone, since nobody asked it/);
});
