import { cpSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFal } from "fal-chain";
import { expect, test, vi } from "vitest";
import { tempDir } from "../support/temp.ts";
import { appOf, headersOf, home } from "./home-stage.ts";

const CHILDREN = join(import.meta.dirname, "children");
const PLAIN = appOf("plain");

const isAlive = (pid: number): boolean => {
  try {
    // One that has ended and that nobody has asked how (`Z`) is no more.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};

test("what a runner finds in its environment, row by row", async () => {
  const env = {
    PATH: process.env["PATH"],
    HOME: "/root",
    FAL_KEY: "real:key",
    AWS_SECRET: "mine",
    FAL_HOST: "x",
  };
  const { call, url, cwd, runner } = await home([PLAIN], { env, variables: { IN_THE_IMAGE: "yes" } });
  const found = await call("plain/env");
  expect(found).toMatchObject({
    FAL_KEY: expect.stringMatching(/^me:/),
    FAL_HOST: url,
    FAL_JOB_ID: runner("plain")?.jobId,
    FAL_APP_NAME: "me/plain",
    FAL_APP_ID: expect.stringMatching(/^[0-9a-f]{8}-/),
    FAL_USER_NICKNAME: "me",
    FAL_REGION: "local",
    FAL_RUNNER_STATE: "SETUP",
    HF_HOME: join(cwd, "data", ".cache", "huggingface"),
    FAL_CHAIN_DATA: join(cwd, "data"),
    FAL_CHAIN_STORE: `sqlite:${join(cwd, ".fal-chain", "store.db")}`,
    IN_THE_IMAGE: "yes",
  });
  // Neither what is the command's own, nor what is of elsewhere.
  for (const name of ["AWS_SECRET", "FAL_RUN_HOST", "FAL_CHAIN_SECRETS", "NODE_OPTIONS"]) {
    expect(found).not.toHaveProperty(name);
  }
});

test("a runner has the secrets of its environment byte for byte, and what it writes of them is shown nowhere", async () => {
  const TOKEN = 'a#b "x # y" of-the-main-one';
  const PEM = "-----BEGIN KEY-----\nfirst-line-of-it\r\nsecond-line-of-it\n-----END KEY-----\n";
  const createdAt = "2026-01-01T00:00:00Z";
  const kept = (value: string) => ({ TOKEN: { value, createdAt }, PEM: { value: PEM, createdAt } });
  const file = join(tempDir(), "secrets.json");
  const text = JSON.stringify({ main: kept(TOKEN), staging: kept("of-staging") });
  writeFileSync(file, text, { mode: 0o600 });
  const env = { PATH: process.env["PATH"], HOME: "/root", FAL_CHAIN_SECRETS: file };
  const { call, lines, emulator } = await home([PLAIN], { env });
  expect(await call("plain/env")).toMatchObject({ TOKEN, PEM });
  await call("plain/say");
  await vi.waitUntil(() => lines.some((line) => line.includes("said")), 20_000);
  const shown = JSON.stringify([lines, emulator.jobs.map(({ logs }) => logs)]);
  expect(shown).not.toMatch(/of-the-main-one|line-of-it/);
  expect(shown).not.toContain("of-staging");
});

test("without privileged access there is no key, and another environment is another app", async () => {
  const { call, apps } = await home([PLAIN], { privileged: false, environment: "staging" });
  expect(apps).toEqual(["me/plain--staging"]);
  const env = await call("plain--staging/env");
  expect([env["FAL_KEY"], env["FAL_APP_NAME"]]).toEqual([undefined, "me/plain--staging"]);
});

test("an app's secrets are those of its environment, as they are when a runner starts", async () => {
  const cwd = tempDir();
  const file = join(cwd, "secrets.json");
  const createdAt = new Date().toISOString();
  const keep = (token: string) => {
    const of = (value: string, exposed?: boolean) => ({
      value,
      createdAt,
      ...(exposed !== undefined && { exposed }),
    });
    const staging = { TOKEN: of(token), HIDDEN: of("h", false) };
    writeFileSync(file, JSON.stringify({ main: { TOKEN: of("of main") }, staging }), { mode: 0o600 });
  };
  keep('a#b "x"\n');
  const env = { PATH: process.env["PATH"], HOME: cwd, FAL_CHAIN_SECRETS: file };
  const apps = [PLAIN, { ...PLAIN, name: "listed", secrets: ["HIDDEN"] }];
  const { call, emulator } = await home(apps, { env, environment: "staging" });
  const first = await call("plain--staging/env");
  expect([first["TOKEN"], first["HIDDEN"], first["FAL_CHAIN_SECRETS"]]).toEqual([
    'a#b "x"\n',
    undefined,
    undefined,
  ]);
  const listed = await call("listed--staging/env");
  expect([listed["TOKEN"], listed["HIDDEN"]]).toEqual([undefined, "h"]);
  keep("rotated");
  emulator.fleets.get("me/plain--staging")?.restart();
  expect((await call("plain--staging/env"))["TOKEN"]).toBe("rotated");
});

test("an app without privileged access is told what is missing, and how to get it", async () => {
  const { submit, done, lines } = await home([appOf("ads")], { privileged: false });
  expect(await done(await submit("ads", { prompt: "a fox" }), 30_000)).toMatchObject({
    result: { status: 500 },
  });
  expect(lines.join("\n")).toMatch(/FAL_KEY is not set.*privileged access/);
});

test("the queue, direct calls and streams reach it, with fal's headers", async () => {
  const { call, submit, done, url, runner } = await home([PLAIN]);
  const told = await call("plain/headers", {}, { headers: { ...headersOf("ada"), "x-own": "1" } });
  expect(told).toMatchObject({ "x-fal-endpoint": "me/plain/headers/", "x-own": "1" });
  expect(told["x-fal-caller-user-id"]).toMatch(/^[0-9a-f]{64}$/);
  expect(told).not.toHaveProperty("authorization");
  const job = await done(await submit("plain"));
  expect(job).toMatchObject({
    billableUnits: 2,
    result: { status: 200, body: { pid: runner("plain")?.pid } },
  });
  const stream = await fetch(`${url}/run/me/plain/stream`, {
    method: "POST",
    headers: headersOf("me"),
    body: "{}",
  });
  const chunks: string[] = [];
  for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) chunks.push(chunk);
  expect(chunks.length).toBeGreaterThan(1);
  expect(chunks.join("")).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\n");
});

test("the client reaches it in every way that it reaches fal", async () => {
  const { url, runner } = await home([PLAIN]);
  const fal = createFal({ env: { FAL_HOST: url, FAL_KEY: "ada:x", FAL_CHAIN_STORE: "memory" } });
  await vi.waitUntil(() => runner("plain")?.state === "IDLE", 20_000);
  const answer = { data: { pid: runner("plain")?.pid }, billing: { units: 2 } };
  expect(await fal.subscribe("me/plain", { input: {} })).toMatchObject(answer);
  expect(await fal.run("me/plain", { input: {} })).toMatchObject(answer);
  await fal.close();
});

test("killed in mid-request it is replaced by one of another id, and the request is tried again", async () => {
  const { submit, done, emulator, runner } = await home([PLAIN]);
  const requestId = await submit("plain/slow", { ms: 500 });
  await vi.waitUntil(() => emulator.job(requestId)?.state === "IN_PROGRESS", 20_000);
  const before = runner("plain");
  expect(emulator.fleets.get("me/plain")?.kill(1)).toBe(true);
  const job = await done(requestId);
  expect(job).toMatchObject({ result: { status: 200 } });
  expect(job?.attempts.map(({ ending }) => ending)).toEqual(["disconnected", 200]);
  expect(runner("plain")).toMatchObject({ lastEnd: "SIGKILL", state: "IDLE" });
  expect(runner("plain")?.jobId).not.toBe(before?.jobId);
  expect(isAlive(before?.pid ?? 0)).toBe(false);
});

test("what it has started goes with it", async () => {
  const { call, emulator } = await home([PLAIN]);
  const { pid } = await call("plain/child");
  expect(isAlive(Number(pid))).toBe(true);
  emulator.fleets.get("me/plain")?.kill(1);
  await vi.waitUntil(() => !isAlive(Number(pid)), 5_000);
});

test("a change of what it has loaded starts it anew, once, and keeps the queue; what it writes does not", async () => {
  const source = tempDir();
  cpSync(CHILDREN, source, { recursive: true });
  const part = join(source, "part.ts");
  const changes: (readonly string[])[] = [];
  const { call, submit, done, runner, emulator } = await home(
    [{ name: "plain", file: join(source, "plain.ts") }],
    {
      data: source,
      onChange: (_, files) => changes.push(files),
    },
  );
  expect((await call("plain"))["version"]).toBe(1);
  await call("plain/write", { file: "output.ts" });
  writeFileSync(part, "export const version = 1;\n"); // touched, not changed
  const slow = await submit("plain/slow", { ms: 1_000 });
  const waiting = await submit("plain");
  await vi.waitUntil(() => emulator.job(slow)?.state === "IN_PROGRESS", 20_000);
  const first = runner("plain")?.jobId;
  // As editors save, many times.
  for (let version = 2; version <= 11; version++) {
    writeFileSync(`${part}.new`, `export const version = ${version};\n`);
    renameSync(`${part}.new`, part);
  }
  expect(await done(waiting)).toMatchObject({ result: { body: { version: 11 } } });
  expect(await done(slow)).toMatchObject({ result: { status: 200 } });
  expect(changes).toEqual([[part]]);
  expect(runner("plain")?.jobId).not.toBe(first);
});

test("a program that cannot start waits, and starts at once when it has changed", async () => {
  const source = tempDir();
  const file = join(source, "broken.ts");
  writeFileSync(file, "throw new Error('broken');\n");
  const { runner, call, lines } = await home([{ name: "broken", file }], {
    emulator: { timeScale: 1 },
  });
  await vi.waitUntil(() => runner("broken")?.state === "CRASH_BACKOFF", 20_000);
  expect(runner("broken")).toMatchObject({ failedStarts: 1, lastEnd: "exit code 1" });
  expect(lines.join("\n")).toContain("Error: broken");
  writeFileSync(
    file,
    'import { createServer } from "node:http";\ncreateServer((_, r) => r.end("{}")).listen(8080);\n',
  );
  expect(await call("broken")).toEqual({});
});

test("several apps share the data and nothing else, each by its name", async () => {
  const { call, apps } = await home([PLAIN, { ...PLAIN, name: "other" }]);
  expect(apps).toEqual(["me/plain", "me/other"]);
  const [one, other] = await Promise.all([call("plain/env"), call("other/env")]);
  expect([one["FAL_APP_NAME"], other["FAL_APP_NAME"]]).toEqual(["me/plain", "me/other"]);
  expect(one["FAL_CHAIN_DATA"]).toBe(other["FAL_CHAIN_DATA"]);
  expect(one["FAL_JOB_ID"]).not.toBe(other["FAL_JOB_ID"]);
});
