import { EventEmitter } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createEmulator, inProcess } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { changesBetween } from "../../src/cli/dev/changes.ts";
import { listenToKeys } from "../../src/cli/dev/keys.ts";
import { settingsOf } from "../../src/cli/dev/settings.ts";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { tempDir } from "../support/temp.ts";

const FILE = join(import.meta.dirname, "dev.test.ts");
const dev = (...argv: string[]) => command(main, ["dev", ...argv]);

test.each([
  [["nowhere.ts"], /There is no .*nowhere\.ts/],
  [["x y=app.ts"], /"x y" is not the name of an app.*fal-chain dev my-app=app\.ts/],
  [[`a=${FILE}`, `a=${FILE}`], /Two apps are named a\./],
  [[FILE, "--runners", "many"], /--runners is "many"; it is a whole number/],
  [
    [FILE, "--retry-config", "often=3"],
    /"often" is no retry condition: server_error, timeout, connection_error/,
  ],
  [[FILE, "--env", "a b"], /"a b" is not the name of an environment/],
  [[FILE, "--owner", "a/b"], /"a\/b" is not the name of an account/],
  [[FILE, "--variable", "X"], /--variable "X" is not NAME=VALUE/],
  [[FILE, "--runners", "0"], /runners/],
])("dev %j is refused with a cure", async (argv, message) => {
  const { code, stderr } = await dev(...argv, "--port", "0");
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

test("options become the settings of each app", () => {
  const io = { env: {}, cwd: () => "/project" } as never;
  const options = {
    privileged: true,
    watch: true,
    runners: "3",
    maxMultiplexing: "4",
    requestTimeout: "1.5",
  };
  const more = {
    retryConfig: "server_error=3,timeout=0",
    skipRetry: ["connection_error"],
    unitPrice: "0.02",
  };
  const { apps, owner, environment, data } = settingsOf([FILE], { ...options, ...more }, io);
  expect([owner, environment, data]).toEqual(["me", "main", "/project/.fal-chain/data"]);
  expect(apps).toMatchObject([
    {
      name: "dev.test",
      settings: {
        ...{
          runners: 3,
          maxMultiplexing: 4,
          requestTimeoutMs: 1_500,
          price: { unit: "units", unitPrice: 0.02 },
        },
        retryConfig: { server_error: { retries: 3 }, timeout: { retries: 0 } },
        skipRetryConditions: ["connection_error"],
      },
    },
  ]);
});

test("what has happened between two looks is told in a line each", () => {
  const runner = (facts: object) =>
    ({ number: 1, app: "me/ads", state: "IDLE", jobId: "a", failedStarts: 0, ...facts }) as never;
  const job = (facts: object) =>
    ({
      requestId: "0-5f862af3",
      endpoint: "me/ads",
      state: "IN_PROGRESS",
      attempts: [],
      submittedAt: 0,
      ...facts,
    }) as never;
  const before = { runners: [runner({})], requests: [job({})] };
  expect(changesBetween(before, before)).toEqual([]);
  const killed = {
    runners: [runner({ jobId: "b", state: "SETUP", lastEnd: "SIGKILL" })],
    requests: [job({ state: "IN_QUEUE", attempts: [{ ending: "disconnected" }] })],
  };
  expect(changesBetween(before, killed)).toEqual([
    "runner 1 of me/ads ended (SIGKILL); a new one starts",
    "me/ads 5f862af3 is queued again after disconnected: attempt 2 follows",
  ]);
  const crashed = {
    runners: [runner({ state: "CRASH_BACKOFF", failedStarts: 2, lastEnd: "exit code 1" })],
    requests: [],
  };
  expect(changesBetween(before, crashed)).toEqual([
    "runner 1 of me/ads is CRASH_BACKOFF: start 2 failed (exit code 1)",
  ]);
  const done = {
    runners: before.runners,
    requests: [
      job({
        state: "COMPLETED",
        attempts: [1, 2],
        completedAt: 1_500,
        billableUnits: 3,
        result: { status: 200 },
      }),
    ],
  };
  expect(changesBetween(before, done)).toEqual(["me/ads 5f862af3: 200 at attempt 2 after 1.5 s, 3 units"]);
});

test("a key kills the runner of that number, starts all anew, or quits", async () => {
  const start = inProcess(() => Response.json({}));
  const apps = ["me/a", "me/b"];
  const emulator = createEmulator({ models: [], apps: apps.map((id) => ({ id, start, runners: 2 })) });
  const keyboard = Object.assign(new EventEmitter(), {
    isTTY: true,
    raw: false,
    pause: () => {},
    setRawMode,
  });
  function setRawMode(on: boolean): void {
    keyboard.raw = on;
  }
  const told: string[] = [];
  let quits = 0;
  const release = listenToKeys(keyboard, {
    home: { url: "", emulator, apps, close: async () => {} },
    tell: (line) => told.push(line),
    quit: () => {
      quits += 1;
    },
  });
  expect(keyboard.raw).toBe(true);
  const lives = () => apps.flatMap((id) => emulator.fleets.get(id)?.runners.map(({ jobId }) => jobId) ?? []);
  const before = lives();
  // Everything that is to happen happens before the event loop turns.
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  keyboard.emit("data", "3");
  await turn();
  expect(lives().map((jobId, nth) => jobId === before[nth])).toEqual([true, true, false, true]);
  keyboard.emit("data", new TextEncoder().encode("r9q\u0003"));
  await turn();
  expect(lives().some((jobId) => before.includes(jobId))).toBe(false);
  expect([told, quits]).toEqual([["runner 3 of me/b is killed", "all runners are started anew"], 2]);
  release();
  expect([keyboard.raw, keyboard.listenerCount("data")]).toEqual([false, 0]);
  await emulator.close();
});

test("what pyproject.toml says of an app holds, where no option says otherwise", () => {
  const cwd = tempDir();
  writeFileSync(join(cwd, "app.ts"), "");
  writeFileSync(
    join(cwd, "pyproject.toml"),
    `[tool.fal.apps.ads]
min_concurrency = 2
max_multiplexing = 4
request_timeout = 90
termination_grace_period_seconds = 20
exposed_port = 9000
secrets = ["TOKEN"]
skip_retry_conditions = ["timeout"]
retry_config = { server_error = { retries = 2 }, timeout = { retries = 20 } }
[tool.fal.apps.ads.image]
dockerfile = "Dockerfile"
`,
  );
  const io = { env: {}, cwd: () => cwd } as never;
  const options = { privileged: true, watch: true };
  const [app] = settingsOf(["app.ts"], { ...options, runners: "1" }, io).apps;
  expect(app).toEqual({
    ...{ name: "ads", file: join(cwd, "app.ts"), exposedPort: 9000, secrets: ["TOKEN"] },
    settings: {
      ...{ runners: 1, maxMultiplexing: 4, requestTimeoutMs: 90_000, terminationGraceMs: 20_000 },
      ...{ skipRetryConditions: ["timeout"], retryConfig: { server_error: { retries: 2 } } },
      price: { unit: "units", unitPrice: 0 },
    },
  });
  expect(settingsOf(["other=app.ts"], options, io).apps[0]).toMatchObject({
    name: "other",
    exposedPort: 9000,
  });
});
