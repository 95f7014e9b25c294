import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { serveEmulator } from "fal-chain/emulator";
import { expect, onTestFinished, test } from "vitest";
import { BIN, child } from "../support/child.ts";
import { tempDir } from "../support/temp.ts";

const ORDER = [
  process.execPath,
  "--conditions=fal-chain-source",
  join(import.meta.dirname, "children/order.ts"),
];
const PATIENCE = { timeout: 60_000 };

/** A directory that a developer starts programs in, and what the command keeps of it. */
function project() {
  const cwd = tempDir();
  const data = join(cwd, "data");
  const emulate = (...argv: string[]) =>
    child(BIN, ["emulate", ...argv], { XDG_DATA_HOME: data }, { cwd, haste: true });
  const kept = () => {
    const [name = ""] = readdirSync(join(data, "fal-chain", "emulator"));
    return join(data, "fal-chain", "emulator", name);
  };
  const jobs = () => {
    const lines = readFileSync(join(kept(), "requests.jsonl"), "utf8").split("\n").filter(Boolean);
    const read = lines.map((line) => JSON.parse(line) as { job?: { requestId: string; outcome?: object } });
    return new Set(read.flatMap(({ job }) => job?.requestId ?? []));
  };
  return { cwd, emulate, kept, jobs };
}

const said = (stdout: string) =>
  JSON.parse(stdout.split("\n").find((line) => line.startsWith("{")) ?? "") as {
    host: string;
    statuses: number[];
    requests: [string, string][];
  };

test.each(["SIGKILL", "SIGTERM"] as const)(
  "a chain that is killed with its emulator by %s goes on against the same requests",
  PATIENCE,
  async (signal) => {
    const { cwd, emulate, jobs, kept } = project();
    const first = emulate("--", ...ORDER, "hangs");
    await first.wrote("has submitted both");
    first.process.kill(signal);
    // Its program is no part of what was killed.
    if (signal === "SIGKILL") process.kill(Number(readFileSync(join(cwd, "pid"), "utf8")), "SIGKILL");
    const { stderr } = await first.ended;
    const had = [...jobs()];
    expect(had).toHaveLength(2);

    const again = await emulate("--", ...ORDER).ended;
    expect(again.code).toBe(0);
    expect(again.stderr).toContain("It has 2 requests of earlier starts; --forget begins without them.\n");
    const { host, statuses, requests } = said(again.stdout);
    expect(stderr).toContain(`The emulator is on ${host}.\n`);
    expect(statuses).toEqual([200, 200]);
    expect(requests.map(([id]) => id).sort()).toEqual(had.sort());
    expect([...jobs()].sort()).toEqual(had.sort());

    // Nobody else reads what programs send, and no key is in it.
    expect(statSync(kept()).mode & 0o077).toBe(0);
    expect(readFileSync(join(kept(), "requests.jsonl"), "utf8")).not.toMatch(/not-a-secret/);
  },
);

test(
  "what runs beside it has requests of its own, and --forget begins without the earlier ones",
  PATIENCE,
  async () => {
    const { emulate, jobs } = project();
    const first = emulate("--", ...ORDER, "hangs");
    await first.wrote("has submitted both");
    const beside = await emulate("--", process.execPath, "-e", "console.log(process.env.FAL_HOST)").ended;
    expect(beside.code).toBe(0);
    expect(beside.stderr).toContain("The port of this directory's emulator is in use: this one forgets");
    expect(beside.stderr).not.toContain("of earlier starts");
    first.process.kill("SIGTERM");
    const { stderr } = await first.ended;
    expect(stderr).not.toContain(beside.stdout.trim());

    const forgetful = await emulate(
      "--forget",
      "--",
      process.execPath,
      "-e",
      "console.log(process.env.FAL_HOST)",
    ).ended;
    expect(forgetful.stderr).toBe(`The emulator is on ${forgetful.stdout.trim()}.\n`);
    expect(stderr).toContain(forgetful.stdout.trim());
    expect(jobs().size).toBe(0);
  },
);

test(
  "its program finds nothing in its environment that leads to fal, and no way through a proxy",
  PATIENCE,
  async () => {
    const { cwd } = project();
    const env = {
      ...{ FAL_HOST: "api.fal.ai", FAL_RUN_HOST: "fal.run", FAL_QUEUE_RUN_HOST: "queue.fal.run" },
      ...{ FAL_REST_HOST: "rest.fal.ai", FAL_KEY: "a:b", FAL_KEY_ID: "real", FAL_KEY_SECRET: "r3al" },
      ...{ HTTP_PROXY: "http://127.0.0.1:9", NODE_USE_ENV_PROXY: "1", NO_PROXY: "db.test" },
      ...{ FAL_JOB_ID: "job-1", XDG_DATA_HOME: join(cwd, "data") },
    };
    const script =
      "fetch(process.env.FAL_HOST + '/health').then(({ status }) => console.log(JSON.stringify([status, process.env])))";
    const { stdout } = await child(BIN, ["emulate", "--", process.execPath, "-e", script], env, { cwd })
      .ended;
    const [status, found] = JSON.parse(stdout) as [number, Record<string, string>];
    expect(status).toBeLessThan(500);
    const ours = Object.entries(found).filter(([name]) => /^FAL_(?!CHAIN)/.test(name));
    expect(Object.fromEntries(ours)).toEqual({
      FAL_HOST: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      FAL_KEY: "emulator:not-a-secret",
      FAL_JOB_ID: "job-1",
    });
    expect(found["NO_PROXY"]).toMatch(/^db\.test,127\.0\.0\.1,/);
  },
);

test("a named directory keeps requests and port, at the speed that was asked for", PATIENCE, async () => {
  const { cwd, emulate } = project();
  const first = await emulate("--state", "kept", "--speed", "20", "--", ...ORDER).ended;
  const port = readFileSync(join(cwd, "kept", "port"), "utf8");
  expect([first.code, said(first.stdout).host]).toEqual([0, `http://127.0.0.1:${port}`]);

  const again = await emulate("--state", "kept", "--make", "esrgan fail once", "--", ...ORDER).ended;
  expect(again.stderr).toContain(`on http://127.0.0.1:${port}.\n`);
  // Everything was there already, so that the fault had nothing to happen to.
  expect(again.stderr).toContain(
    "Faults were scripted that never happened:\n  completed-with-error for any esrgan",
  );
  expect(again.code).toBe(1);
});

test("what cannot be meant is refused, naming what there is", PATIENCE, async () => {
  const { emulate } = project();
  const [speed, make] = await Promise.all([
    emulate("--speed", "fast", "--", "true").ended,
    emulate("--make", "esrgam fail once", "--", "true").ended,
  ]);
  expect(speed.stderr).toContain('--speed is "fast"; it is how many times as fast as usual');
  expect(make.stderr).toContain('There is no endpoint "esrgam". There are: ');
});

test("a program is recorded against another emulator, and answered from that", PATIENCE, async () => {
  const cwd = tempDir();
  const real = await serveEmulator({ timeScale: 0 });
  onTestFinished(() => real.close());
  const run = (env: Record<string, string>, ...argv: string[]) =>
    child(BIN, ["emulate", ...argv, "--", ...ORDER], env, { cwd, haste: true }).ended;
  const env = { FAL_HOST: real.url, FAL_KEY: "the-real-one:5ecret-0123456789" };
  const first = await run(env, "--record", "kept");
  expect(first.code).toBe(0);
  expect(real.emulator.received.map(({ headers }) => headers["authorization"])).toContain(
    `Key ${env.FAL_KEY}`,
  );
  const files = readdirSync(join(cwd, "kept")).filter((name) => name.endsWith(".json"));
  const texts = files.map((name) => readFileSync(join(cwd, "kept", name), "utf8"));
  expect(texts.join("")).not.toMatch(/the-real-one|5ecret/);

  rmSync(join(cwd, "order.db"));
  const again = await run({}, "--replay", "kept", "--strict");
  expect([again.code, again.stderr]).toEqual([0, expect.not.stringContaining("Error")]);
  const ids = (stdout: string) => said(stdout).requests.map(([id]) => id);
  expect(ids(again.stdout)).toEqual(ids(first.stdout));
  expect(real.emulator.jobs).toHaveLength(2);
});
