import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { child } from "../support/child.ts";
import { type Env, emulated } from "../support/cli.ts";
import { tempDir } from "../support/temp.ts";

const APP = join(import.meta.dirname, "children/app.ts");

/** What fal injects, a row each: the variable, its value here, and where the app finds it. */
const VARIABLES = [
  ["FAL_JOB_ID", "job-17", "jobId"],
  ["FAL_APP_NAME", "acme/told", "app"],
  ["FAL_APP_ID", "6a1b", "appId"],
  ["FAL_USER_NICKNAME", "acme", "owner"],
  ["FAL_REGION", "us-west", "region"],
  ["HF_HOME", "/data/.cache/huggingface", "cacheDir"],
] as const;
const INJECTED = Object.fromEntries(VARIABLES.map(([name, value]) => [name, value]));
const SECRETS = { TOKEN: "t0ken-of-the-user", PORT_OF_DATABASE: "5432" };

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly runner_state?: string;
  readonly [name: string]: unknown;
}

/** A runner process that serves, and what it has written. */
async function start(env: Env = {}, more: Env = {}) {
  const ports = { FAL_CHAIN_PORT: "0", FAL_CHAIN_METRICS_PORT: "0", FAL_CHAIN_HOST: "127.0.0.1" };
  const process = child(APP, [], { ...INJECTED, ...SECRETS, ...ports, ...env, ...more });
  await process.wrote("App is listening");
  const lines = () => linesOf(process.written());
  const { port, metrics_port } = lines().find(({ msg }) => msg === "App is listening") as unknown as {
    port: number;
    metrics_port: number;
  };
  const url = `http://127.0.0.1:${port}`;
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body), ...init });
  return { ...process, lines, url, port, metricsPort: metrics_port, post };
}

const messages = (runner: { readonly lines: () => readonly Line[] }): readonly string[] =>
  runner.lines().map(({ msg }) => msg);

const linesOf = (written: string): Line[] =>
  written.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));

/** The messages of the orders that its log tells, with the state of the runner that each was told in. */
const orders = (lines: readonly Line[]) =>
  lines
    .filter(({ msg, state }) => state !== undefined || ["setup", "handleExit", "teardown"].includes(msg))
    .map(({ msg, runner_state }) => (runner_state ? `${msg} in ${runner_state}` : msg))
    .filter((line) => !line.startsWith("Run is"));

const IN_ORDER = [
  ...["Runner is SETUP", "setup in SETUP", "Runner is RUNNING"],
  ...["handleExit in RUNNING", "Runner is TERMINATING", "teardown in TERMINATING"],
];

test("each variable that fal injects is where the app finds it, and its calls carry them", async () => {
  const { emulator, env, close } = await emulated();
  onTestFinished(close);
  const runner = await start(env);
  const headers = {
    "x-fal-request-id": "request-1",
    "x-fal-caller-user-id": "hash-of-bob",
    "x-fal-endpoint": "acme/told/variables",
  };
  const said = (await (await runner.post("/variables", {}, { headers })).json()) as Record<string, unknown>;
  for (const [name, value, field] of VARIABLES) expect(said[field], name).toBe(value);
  expect(said).toMatchObject({
    ...{ host: env["FAL_HOST"], dataDir: "/data", state: "RUNNING", PORT_OF_DATABASE: 5432 },
    ...{ requestId: "request-1", caller: "hash-of-bob", endpoint: "acme/told/variables" },
  });
  expect((await runner.post("/call", { endpoint: "acme/echo" }, { headers })).status).toBe(200);
  expect(emulator.jobs[0]).toMatchObject({
    account: "emulator",
    tags: { job_id: "job-17", app: "acme/told", request: "request-1" },
  });
  const metrics = await (await fetch(`http://127.0.0.1:${runner.metricsPort}/metrics`)).text();
  expect(metrics).toMatch(
    /http_requests_total\{method="POST",path="\/call",status_code="200",app_name="fal"\} 1/,
  );
  expect(metrics).toMatch(/nodejs_eventloop_lag_seconds/);
  runner.process.kill("SIGTERM");
  const { code, stderr, stdout } = await runner.ended;
  expect(code).toBe(0);
  for (const line of linesOf(stderr)) expect(line, JSON.stringify(line)).toMatchObject({ app: /told/ });
  expect(stdout + stderr).not.toContain(SECRETS.TOKEN);
  expect(stdout).toBe("");
});

test("secrets that are missing are said all at once, and no port opens", async () => {
  const ports = { FAL_CHAIN_PORT: "0", FAL_CHAIN_METRICS_PORT: "0" };
  const { code, stderr } = await child(APP, [], { ...INJECTED, ...ports }).ended;
  expect(code).toBe(1);
  expect(stderr).toContain("TOKEN is not set, PORT_OF_DATABASE is not set");
  expect(stderr).toContain("fal-chain secrets set TOKEN=… PORT_OF_DATABASE=…");
  expect(stderr).not.toContain("App is listening");
});

test("importing an app needs no variable, and starts nothing", async () => {
  const program = `await import(${JSON.stringify(APP)}); console.log("imported");`;
  const [node, flag] = [process.execPath, "--conditions=fal-chain-source"];
  const done = spawnSync(node, [flag, "--input-type=module", "-e", program], { env: {}, encoding: "utf8" });
  expect(done).toMatchObject({ status: 0, stdout: "imported\n", stderr: "" });
});

test("on SIGTERM requests in flight are answered, streams end, and the orders are as fal has them", async () => {
  const runner = await start();
  const answers = Promise.all([1_500, 1_200].map((ms) => runner.post("/slow", { ms })));
  const streams = await Promise.all(Array.from({ length: 10 }, () => runner.post("/stream", {})));
  const read = Promise.all(streams.map((stream) => stream.text()));
  await vi.waitFor(() => expect(messages(runner).filter((msg) => msg === "begun")).toHaveLength(2));
  const told = Date.now();
  runner.process.kill("SIGTERM");
  await runner.wrote("handleExit");
  // As npm does it, which passes on what the terminal has sent to both.
  runner.process.kill("SIGTERM");
  for (const answer of await answers) {
    expect([answer.status, answer.headers.get("connection")]).toEqual([200, "close"]);
  }
  for (const text of await read) expect(text).toMatch(/^data: \{"n":0\}\n\n/);
  const { code, stderr } = await runner.ended;
  expect(code).toBe(0);
  expect(Date.now() - told).toBeLessThan(5_000);
  expect(orders(linesOf(stderr))).toEqual(IN_ORDER);
});

const canUnshare = spawnSync("unshare", ["-r", "--pid", "--fork", "true"]).status === 0;

test.skipIf(!canUnshare)("it is the same as PID 1 (skipped where no namespace can be made)", async () => {
  const ports = { FAL_CHAIN_PORT: "0", FAL_CHAIN_METRICS_PORT: "0", FAL_CHAIN_HOST: "127.0.0.1" };
  const { spawn } = await import("node:child_process");
  const args = [
    "-r",
    "--pid",
    "--fork",
    "--kill-child",
    process.execPath,
    "--conditions=fal-chain-source",
    APP,
  ];
  const env = { ...process.env, ...INJECTED, ...SECRETS, ...ports, FAL_CHAIN_STORE: "memory" };
  const outer = spawn("unshare", args, { env, stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(() => void outer.kill("SIGKILL"));
  let written = "";
  outer.stderr.setEncoding("utf8").on("data", (text: string) => {
    written += text;
  });
  const ended = once(outer, "close");
  await vi.waitFor(() => expect(written).toContain("App is listening"), 20_000);
  expect(linesOf(written).find(({ msg }) => msg === "setup")?.["pid"]).toBe(1);
  const { port } = linesOf(written).find(({ msg }) => msg === "App is listening") as unknown as {
    port: number;
  };
  const answer = fetch(`http://127.0.0.1:${port}/slow`, { method: "POST", body: '{"ms":800}' });
  await vi.waitFor(() => expect(written).toContain('"begun"'));
  const inner = readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, "utf8").trim();
  process.kill(Number(inner), "SIGTERM");
  expect((await answer).status).toBe(200);
  const [code] = (await ended) as [number];
  expect(code).toBe(0);
  expect(orders(linesOf(written))).toEqual(IN_ORDER);
});

test("a run that is under way on SIGTERM is left to the next runner: nothing is cancelled, nothing is paid twice", async () => {
  const { emulator, env, close } = await emulated();
  onTestFinished(close);
  const store = { FAL_CHAIN_STORE: `sqlite:${tempDir()}/calls.db` };
  const first = await start(env, store);
  const headers = { "x-fal-request-id": "request-1" };
  const answer = first.post("/call", { endpoint: "acme/endless" }, { headers });
  await vi.waitFor(() => expect(emulator.jobs).toHaveLength(1), 5_000);
  first.process.kill("SIGTERM");
  const reply = await answer;
  expect([reply.status, reply.headers.get("x-fal-needs-retry")]).toEqual([500, "1"]);
  expect((await first.ended).code).toBe(0);
  expect(emulator.jobs[0]?.cancelled).toBe(false);

  const second = await start(env, { ...store, FAL_JOB_ID: "job-18", FAL_CHAIN_LOG: "debug" });
  const again = second.post("/call", { endpoint: "acme/endless" }, { headers });
  await second.wrote("Call is taken up");
  // The caller gives it up now, so that the test ends: it is the first one's call that is cancelled.
  const cancelled = await second.post("/call/cancel", {}, { headers });
  expect(cancelled.status).toBe(200);
  expect((await again).status).toBe(499);
  await vi.waitFor(() => expect(emulator.jobs[0]?.cancelled).toBe(true), 5_000);
  expect(emulator.jobs).toHaveLength(1);
  second.process.kill("SIGTERM");
  await second.ended;
});

test("a crash while it ends is told to its last line, and is no good end", async () => {
  const runner = await start();
  await runner.post("/late-crash", {});
  const slow = runner.post("/slow", { ms: 1_000 });
  await runner.wrote('"begun"');
  runner.process.kill("SIGTERM");
  expect((await slow).status).toBe(200);
  const { code, stderr } = await runner.ended;
  expect(code).toBe(1);
  const messages = linesOf(stderr).map(({ msg }) => msg);
  expect(messages).toContain("Nobody caught an error: the runner ends");
  expect(messages.filter((msg) => msg === "teardown")).toHaveLength(1);
  expect(messages.at(-1)).toBe("Runner has ended");
});

test("a client that keeps its connection across SIGTERM meets no reset, and is sent to another runner", async () => {
  const runner = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = () =>
    new Promise<{ status: number | undefined; connection: string | undefined; retry: unknown }>(
      (resolve, reject) => {
        const sent = httpRequest(`${runner.url}/slow`, { agent, method: "POST" }, (response) => {
          response.resume().on("end", () =>
            resolve({
              status: response.statusCode,
              connection: response.headers.connection,
              retry: response.headers["x-fal-needs-retry"],
            }),
          );
        });
        sent.on("error", reject).end('{"ms":1}');
      },
    );
  const seen: Awaited<ReturnType<typeof ask>>[] = [];
  for (let isOver = false; !isOver; ) {
    const answer = await ask();
    if (seen.push(answer) === 10) runner.process.kill("SIGTERM");
    isOver = answer.connection === "close";
  }
  agent.destroy();
  expect(seen.length).toBeGreaterThan(10);
  expect(seen.at(-1)).toMatchObject({ connection: "close" });
  expect(seen.slice(0, -1).every(({ status }) => status === 200)).toBe(true);
  expect([200, 500]).toContain(seen.at(-1)?.status);
  expect((await runner.ended).code).toBe(0);
});

test("whoever leaves after a whole body ends its request within a second, and a normal end aborts nothing", async () => {
  const runner = await start();
  expect((await runner.post("/slow", { ms: 1 })).status).toBe(200);
  const leaving = new AbortController();
  const left = runner.post("/slow", { ms: 3_000 }, { signal: leaving.signal }).catch(() => {});
  await vi.waitFor(() => expect(messages(runner).filter((msg) => msg === "begun")).toHaveLength(2));
  expect(messages(runner)).not.toContain("aborted");
  leaving.abort();
  await left;
  await vi.waitFor(() => expect(messages(runner)).toContain("aborted"), 1_000);
  expect((await runner.post("/slow", { ms: 1 })).status).toBe(200);
  runner.process.kill("SIGKILL");
  await runner.ended;
});

test.each(["--data-binary", "chunked"])(
  "an upload that is too long gets a 413 that can be read (%s)",
  async (how) => {
    const runner = await start();
    const more = how === "chunked" ? ["-H", "transfer-encoding: chunked"] : [];
    const args = ["-s", "-o", "-", "-w", "%{http_code}", "-X", "POST", ...more, "--data-binary", "@-"];
    const said = execFileSync("curl", [...args, `${runner.url}/slow`], {
      input: Buffer.alloc(5_000_000, 97),
    });
    expect(said.toString()).toBe('{"detail":"The body is longer than 1000000 bytes."}413');
    expect((await runner.post("/slow", { ms: 1 })).status).toBe(200);
    runner.process.kill("SIGKILL");
    await runner.ended;
  },
);
