import { EventEmitter } from "node:events";
import { type LifecycleOptions, lifecycle } from "fal-chain/app";
import { virtualClock } from "fal-chain/emulator";
import { expect, test, vi } from "vitest";

/** A process that can be told to end, and writes down what happened in which order. */
function stage(options: Partial<LifecycleOptions<string>> = {}) {
  const clock = virtualClock({ auto: false });
  const told: string[] = [];
  const signals = new EventEmitter();
  const env: Record<string, string | undefined> = {};
  const note = (what: string) => told.push(`${what} ${env["FAL_RUNNER_STATE"]}`);
  const draining = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<number>();
  const started = lifecycle({
    setup: async () => {
      note("setup");
      return "state";
    },
    open: (state) => {
      note(`open ${state}`);
      return {
        async drain() {
          note("drain");
          await draining.promise;
        },
        letGo: async () => note("letGo"),
        close: async () => note("close"),
      };
    },
    handleExit: (state) => note(`handleExit ${state}`),
    teardown: (state) => note(`teardown ${state}`),
    ...options,
    log: {
      info: () => {},
      error: (details, message) => void told.push(`${message}: ${(details as { err: Error }).err.message}`),
    },
    clock,
    process: {
      env,
      on: (event, listener) => signals.on(event, listener as never),
      off: () => {},
      exit: (code: number) => exited.resolve(code),
    },
  });
  started.catch(() => {});
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 50) await clock.advance(50);
  };
  return { clock, told, signals, env, draining, started, exited: exited.promise, pass };
}

test("the orders are setup, port, handleExit at once, requests, letting go, teardown, exit 0", async () => {
  const { told, signals, started, draining, exited, env } = stage();
  expect(env["FAL_RUNNER_STATE"]).toBe("SETUP");
  await started;
  signals.emit("SIGTERM");
  await vi.waitFor(() => expect(told).toContain("handleExit state RUNNING"));
  expect(told).toEqual(["setup SETUP", "open state RUNNING", "drain RUNNING", "handleExit state RUNNING"]);
  draining.resolve();
  expect(await exited).toBe(0);
  expect(told.slice(4)).toEqual(["letGo RUNNING", "teardown state TERMINATING", "close TERMINATING"]);
});

test("requests that take longer than the grace period has room for are let go, and teardown has its time", async () => {
  const { told, signals, started, exited, pass } = stage({ gracePeriod: 10_000 });
  await started;
  signals.emit("SIGTERM");
  await pass(6_900);
  expect(told).not.toContain("letGo RUNNING");
  await pass(200);
  expect(await exited).toBe(0);
  expect(told.slice(-3)).toEqual(["letGo RUNNING", "teardown state TERMINATING", "close TERMINATING"]);
});

test("a teardown that never ends does not hold the process, and is no good end", async () => {
  const { told, signals, started, draining, exited, pass } = stage({ teardown: () => new Promise(() => {}) });
  await started;
  draining.resolve();
  signals.emit("SIGTERM");
  await pass(5_000);
  expect(await exited).toBe(1);
  expect(told).toContainEqual(
    expect.stringMatching(/^teardown did not end well: It takes longer than the grace/),
  );
});

test("hooks that throw are told, and the rest goes on", async () => {
  const fails = (what: string) => () => {
    throw new Error(what);
  };
  const { told, signals, started, draining, exited } = stage({
    handleExit: fails("no exit"),
    teardown: fails("no"),
  });
  await started;
  draining.resolve();
  signals.emit("SIGTERM");
  expect(await exited).toBe(1);
  expect(told).toEqual(
    expect.arrayContaining([
      "handleExit did not end well: no exit",
      "teardown did not end well: no",
      "close TERMINATING",
    ]),
  );
});

test("a signal that is passed on twice does everything once; a deliberate second one ends the process at once", async () => {
  const { told, signals, started, exited, pass } = stage();
  await started;
  signals.emit("SIGTERM");
  await pass(50);
  signals.emit("SIGTERM");
  await pass(950);
  expect(told.filter((line) => /handleExit|drain/.test(line))).toHaveLength(2);
  signals.emit("SIGINT");
  expect(await exited).toBe(130);
});

test("a signal during setup aborts it: no port opens, nothing is torn down, exit 0", async () => {
  const reasons: unknown[] = [];
  const { told, signals, exited } = stage({
    setup: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(reasons.push(signal.reason)));
      }),
  });
  signals.emit("SIGTERM");
  expect(await exited).toBe(0);
  expect(reasons).toHaveLength(1);
  expect(told).toEqual([]);
});

test.each([
  ["setup fails", { setup: () => Promise.reject(new Error("no model")) }, "no model"],
  ["the port is taken", { open: () => Promise.reject(new Error("in use")) }, "in use"],
] as const)("a start that fails ends the process with 1: %s", async (_, options, message) => {
  const { told, started, exited } = stage(options);
  await expect(started).rejects.toThrow(message);
  expect(await exited).toBe(1);
  expect(told).toContain(`The app could not start: ${message}`);
});

test("a start that takes too long ends the process with 1, and says what to change", async () => {
  const { told, started, exited, pass } = stage({
    setup: () => new Promise(() => {}),
    startupTimeout: 2_000,
  });
  await pass(2_100);
  await expect(started).rejects.toThrow(/not started within 2 s.*startup_timeout/);
  expect(await exited).toBe(1);
  expect(told).toHaveLength(1);
});

test("what nobody caught ends the runner in the same order, once, with 1", async () => {
  const { told, signals, started, draining, exited } = stage();
  await started;
  signals.emit("uncaughtException", new Error("lost"));
  signals.emit("unhandledRejection", new Error("lost too"));
  signals.emit("SIGTERM");
  draining.resolve();
  expect(await exited).toBe(1);
  expect(told.filter((line) => line.startsWith("teardown"))).toEqual(["teardown state TERMINATING"]);
  expect(told).toContain("Nobody caught an error: the runner ends: lost");
});

test("a grace period that fal does not give is refused", async () => {
  await expect(lifecycle({ open: () => ({}) as never, gracePeriod: 31_000 })).rejects.toThrow(/1 to 30000/);
});
