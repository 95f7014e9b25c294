import { createFal, type Run } from "fal-chain";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import { aside, showRun } from "fal-chain/terminal";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { columnsOf } from "../../src/terminal/text.ts";
import { echo } from "../support/models.ts";
import { Screen } from "../support/screen.ts";

beforeEach(() => {
  vi.stubEnv("TERM", "xterm-256color");
  vi.stubEnv("FORCE_COLOR", undefined);
});
afterEach(() => vi.unstubAllEnvs());

/** Two calls at once where one at a time may run, by models that write what they like. */
function twoCalls(lines: readonly string[] = ["half way"]): Run<unknown> {
  const clock = virtualClock();
  const models = [echo({ lines }), echo({ id: "acme/other", lines })];
  const emulator = createEmulator({ clock, models, concurrency: 1 });
  const fal = createFal({
    env: { FAL_KEY: "any:key", FAL_HOST: "http://127.0.0.1:8787" },
    fetch: (input, init) => emulator.fetch(new Request(input, init)),
    clock,
  });
  const pair = fal.chain("pair", async () => {
    const call = (endpoint: string, step: string) => fal.subscribe(endpoint, { step, input: {}, logs: true });
    const first = call("acme/echo", "first");
    await first.submitted;
    await Promise.all([first, call("acme/other", "second")]);
  });
  return pair.start(undefined, { id: "run-1" });
}

test("where there is no terminal, each event is a plain line", async () => {
  const output = new Screen();
  await showRun(twoCalls(), { output });
  const lines = output.written.slice(0, output.written.indexOf("\n\n")).split("\n");
  expect(lines.filter((line) => line.startsWith("second:"))).toEqual([
    expect.stringMatching(/^second: submitted to acme\/other as [\w-]+$/),
    "second: queued, 1 ahead",
    "second: queued, next in line",
    "second: running",
    "second: stand-in",
    "second: half way",
    "second: done in 2.0 s",
  ]);
  expect(output.written).not.toContain("\u001b");
});

test("on a terminal each call has one line that changes in place", async () => {
  const output = new Screen({ isTTY: true });
  await showRun(twoCalls(), { output });
  for (const state of [
    "queued, 1 ahead",
    "queued, next in line",
    "running",
    "half way",
    "✔ first   done in 2.0 s",
  ]) {
    expect(output.text).toContain(state);
  }
  // Each frame takes the last one back, but for the first.
  expect(output.written).toContain("\u001b[1A");
  expect(output.text).toMatch(/✔ first {3}done in 2\.0 s\n✔ second {2}done in 2\.0 s\n\n/);
});

test("whatever models write into their logs, it stays one line and moves nothing", async () => {
  const hostile = [
    `\u001b[2J\u001b]0;owned\u0007\rover\bwritten\nsecond line \u009b31m ${"long ".repeat(60)}`,
  ];
  for (const isTTY of [true, false]) {
    const output = new Screen({ isTTY });
    await showRun(twoCalls(hostile), { output });
    for (const control of ["\u001b[2J", "\u001b]", "\u0007", "\r", "\b", "\u009b"]) {
      expect(output.written).not.toContain(control);
    }
    expect(output.text).toContain("written second line");
    const first = output.text.split("\n").filter((line) => line.includes("written second line"));
    if (isTTY) for (const line of first) expect(columnsOf(line)).toBeLessThan(80);
  }
});

test("a terminal that cannot move its cursor gets plain lines", async () => {
  vi.stubEnv("TERM", "dumb");
  const output = new Screen({ isTTY: true, env: { TERM: "dumb" } });
  await showRun(twoCalls(), { output });
  expect(output.written).not.toContain("\u001b");
  expect(output.written).toContain("first: running\n");
});

test("a line said meanwhile stands above what is drawn", async () => {
  const output = new Screen({ isTTY: true });
  const run = twoCalls();
  const shown = showRun(run, { output });
  for await (const event of run) {
    if (event.type !== "call" || event.event.type !== "log") continue;
    output.written = "";
    aside(output, "by the way");
    break;
  }
  // Takes the frame back first, and draws it again after.
  expect(output.written.slice(0, output.written.indexOf("by the way"))).toContain("\u001b[2K\u001b[1A");
  expect(output.text).toMatch(/^by the way\n. first /m);
  await shown;
});
