import { expect, test } from "vitest";
import {
  drawHome,
  type HomeScreen,
  type RequestLine,
  type RunnerLine,
} from "../../src/terminal/home-screen.ts";
import { logText } from "../../src/terminal/log-text.ts";
import { Screen } from "../support/screen.ts";

const runner = (facts: Partial<RunnerLine> = {}): RunnerLine => ({
  ...{ number: 1, app: "me/ads", state: "IDLE", forMs: 2_000, busy: 0, most: 2, served: 3 },
  ...{ jobId: "0ebf9ef9-1", pid: 4242, spentNanoUsd: 0, note: "" },
  ...facts,
});
const request = (facts: Partial<RequestLine> = {}): RequestLine => ({
  ...{ requestId: "01a21bac-7c45-7972-b314-28f35f862af3", endpoint: "me/ads/paint", caller: "ada" },
  ...{
    state: "COMPLETED",
    status: 200,
    tries: 1,
    runner: undefined,
    forMs: 1_500,
    units: 3,
    spentNanoUsd: 3e6,
  },
  ...facts,
});
const draw = (screen: Partial<HomeScreen>, size: { columns?: number; rows?: number } = {}): string[] => {
  const output = Object.assign(new Screen({ columns: size.columns ?? 100 }), { rows: size.rows ?? 20 });
  const whole = {
    head: ["head"],
    runners: [runner()],
    requests: [],
    waiting: 0,
    money: "money",
    lines: [],
    keys: "keys",
  };
  return drawHome({ ...whole, ...screen }, output).split("\n");
};

test("runners, requests, money and what was written are one screen, as high as the terminal", () => {
  const lines = draw({
    runners: [
      runner({ state: "RUNNING", busy: 1 }),
      runner({ number: 2, state: "CRASH_BACKOFF", note: "its start failed" }),
    ],
    requests: [
      request(),
      request({ state: "IN_PROGRESS", status: undefined, tries: 2, runner: 1, units: undefined }),
    ],
    waiting: 2,
    lines: ["one", "two"],
  });
  expect(lines).toHaveLength(20);
  expect(lines.map((line) => line.trimEnd())).toEqual([
    ...["head", ""],
    "   runner of  state            for  busy  served  job        pid  note",
    "1  me/ads     RUNNING        2.0 s   1/2       3  0ebf9ef9  4242",
    "2  me/ads     CRASH_BACKOFF  2.0 s   0/2       3  0ebf9ef9  4242  its start failed",
    ...["", "Requests (2 waiting)"],
    "request   endpoint      caller  state        runner  tries   time  units   spent",
    "5f862af3  me/ads/paint  ada     200                         1.5 s      3  $0.003",
    "5f862af3  me/ads/paint  ada     IN_PROGRESS       1      2  1.5 s         $0.003",
    ...["", "money", "", "one", "two", "", "", "", "", "keys"],
  ]);
});

test("what there is no room for goes: the oldest lines and requests, and the columns that can be spared", () => {
  const lines = draw(
    {
      requests: Array.from({ length: 50 }, () => request()),
      lines: Array.from({ length: 50 }, (_, n) => `line ${n}`),
    },
    { columns: 50, rows: 24 },
  );
  expect(lines).toHaveLength(24);
  expect(lines.every((line) => line.length <= 50)).toBe(true);
  expect(lines.at(-3)).toBe("line 49");
  expect(lines.filter((line) => line.includes("5f862af3")).length).toBeGreaterThanOrEqual(3);
  expect(lines.join()).not.toContain("4242");
});

test("what an app writes cannot draw on the screen", () => {
  expect(draw({ lines: ["\u001b[2Jgone"] }).join()).not.toContain("\u001b");
});

test.each([
  [
    '{"level":"info","time":"x","msg":"Run is started","app":"a","job_id":"b","state":"x"}',
    "Run is started  state=x",
  ],
  ['{"level":"error","msg":"No","status":500}', "ERROR  No  status=500"],
  ['{"msg":"For","request":"01a21bac-7c45-7972-b314-28f35f862af3"}', "For  request=5f862af3"],
  ["plain", "plain"],
  ["{ no JSON", "{ no JSON"],
  ['{"n":1}', '{"n":1}'],
])("%s is read as %s", (line, text) => {
  expect(logText(line)).toBe(text);
});
