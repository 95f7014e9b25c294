import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { BIN, child } from "../support/child.ts";
import { command, emulated } from "../support/cli.ts";
import { echo } from "../support/models.ts";

let platform: Awaited<ReturnType<typeof emulated>>;
beforeAll(async () => {
  platform = await emulated(echo({ id: "acme/big", seconds: 0.2 }));
});
afterAll(() => platform.close());

const bin = (...argv: string[]) => child(BIN, argv, platform.env);
const jobOf = (text: string) => platform.emulator.jobs.find(({ requestId }) => text.includes(requestId));

describe.concurrent("as a process", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s cancels what runs upstream, says so, and exits with 130",
    async (name) => {
      const { process, wrote, ended } = bin("call", "acme/endless");
      await wrote("running");
      process.kill(name);
      const { code, signal, stdout, stderr } = await ended;
      expect([code, signal, stdout]).toEqual([130, null, ""]);
      expect(stderr).toContain(`${name}: cancelling what is still running. Once more to leave at once.\n`);
      expect(stderr).toMatch(/^acme\/endless {2}asked to stop; it may still finish and be billed$/m);
      expect(stderr.endsWith("Interrupted.\n")).toBe(true);
      expect(jobOf(stderr)).toMatchObject({ endpoint: "acme/endless", cancelled: true });
    },
  );

  test("a second Ctrl-C leaves at once, whatever is still to be done, and one that npm passes on does not", async () => {
    // Accepts the cancel, and never answers it.
    const silent = await emulated();
    const { fetch } = silent.emulator;
    silent.emulator.fetch = (request) =>
      request.url.endsWith("/cancel") ? new Promise(() => {}) : fetch(request);
    const { process, wrote, ended } = child(BIN, ["call", "acme/endless"], silent.env);
    await wrote("running");
    process.kill("SIGINT");
    await wrote("Once more to leave at once");
    process.kill("SIGINT");
    await pause(1_200);
    expect(process.exitCode).toBeNull();
    process.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, stdout: "" });
    await silent.close();
  });

  test("FAL_CHAIN_LOG has the log on standard error, and leaves the output alone", async () => {
    const argv = ["call", "acme/echo", "prompt=a fox"];
    const { code, stdout, stderr } = await child(BIN, argv, { ...platform.env, FAL_CHAIN_LOG: "info" }).ended;
    expect([code, JSON.parse(stdout)]).toEqual([0, { echo: { prompt: "a fox" } }]);
    const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
      "Run is started",
      "Call is completed",
      "Run is completed",
    ]);
    expect(lines.join()).not.toContain("fox");
  });

  test("a reader that leaves early does no harm", async () => {
    const { process, ended } = bin("call", "acme/echo", "prompt=a fox");
    process.stdout.destroy();
    expect(await ended).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/EPIPE| {4}at /) });
  });

  test("a pipe gets the whole output, however long", async () => {
    const prompt = "x".repeat(100_000);
    const fields = ["a", "b", "c", "d", "e", "f", "g", "h"].map((name) => `${name}=${prompt}`);
    const { code, stdout } = await bin("call", "acme/big", ...fields).ended;
    expect(code).toBe(0);
    expect(Object.keys(JSON.parse(stdout).echo)).toHaveLength(8);
  });

  test("emulate serves until it is stopped, and exits with 0", async () => {
    const { process, wrote, ended } = child(BIN, ["emulate", "--port", "0"], {});
    await wrote("Ctrl-C stops it.");
    process.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^ {2}export FAL_HOST=http:\/\/127\.0\.0\.1:\d+ FAL_KEY=/m);
  });

  test("emulate ends its program with itself, and exits as the program did", async () => {
    const script =
      "process.on('SIGTERM', () => process.exit(9)); console.log('up'); setTimeout(() => {}, 20_000)";
    const { process, wrote, ended } = child(
      BIN,
      ["emulate", "--", globalThis.process.execPath, "-e", script],
      {},
    );
    await wrote("up");
    process.kill("SIGTERM");
    expect((await ended).code).toBe(9);
  });
});

test("emulate runs a program against itself and exits with its code", async () => {
  const script =
    "fetch(process.env.FAL_HOST + '/queue/acme/x', { method: 'POST', body: '{}', headers: { authorization: 'Key ' + " +
    "process.env.FAL_KEY } }).then(({ status }) => process.exit(status === 200 && process.argv[1] === '--own' ? 7 : 1))";
  const env = { PATH: process.env["PATH"], FAL_KEY: "a-real:key" };
  const own = [process.execPath, "-e", script, "--", "--own"];
  expect(await command(main, ["emulate", "--", ...own], { env })).toMatchObject({ code: 7 });
  const killed = [process.execPath, "-e", "process.kill(process.pid, 'SIGKILL')"];
  expect(await command(main, ["emulate", ...killed], { env })).toMatchObject({ code: 137 });
});

test("emulate says that its port is taken, and what to do", async () => {
  const port = new URL(platform.url).port;
  const { code, stderr } = await command(main, ["emulate", "--port", port]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error: The emulator could not start: port \d+ on 127\.0\.0\.1 is in use\./);
});

test.each([
  ["20.20.2", 2],
  ["22.12.0", 2],
  ["18.0.0", 2],
  ["22.13.0", 0],
  ["24.0.0", 0],
  ["100.0.0", 0],
])(
  "on Node %s the command ends with %i, saying what it needs where that is too old",
  async (version, code) => {
    const pretend = `Object.defineProperty(process.versions, "node", { value: "${version}" })`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(pretend)}` };
    const ended = await child(BIN, ["--version"], env).ended;
    expect(ended.code).toBe(code);
    expect(ended.stderr).toBe(
      code === 0 ? "" : `error: fal-chain needs Node 22.13 or newer; this is Node ${version}.\n`,
    );
  },
);
