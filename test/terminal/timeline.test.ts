import type { CallRecord, RunStep } from "fal-chain";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { columnsOf } from "../../src/terminal/text.ts";
import { timeline } from "../../src/terminal/timeline.ts";
import { intentOf } from "../support/intents.ts";
import { Screen } from "../support/screen.ts";

beforeEach(() => vi.stubEnv("FORCE_COLOR", undefined));
afterEach(() => vi.unstubAllEnvs());

const START = Date.UTC(2026, 10, 24);

/** A call that was submitted after so many seconds, waited and ran. */
function call(
  name: string,
  at: number,
  waitSeconds: number,
  runSeconds: number,
  more: Partial<RunStep> & { state?: CallRecord["state"] } = {},
): RunStep {
  const { state = "completed", ...rest } = more;
  const from = START + at * 1000;
  const endedAt = from + (waitSeconds + runSeconds) * 1000 + 100;
  const { at: _, ...intent } = intentOf(name, {
    key: `/ =${name}#1 x`,
    chain: "album",
    run: "a",
    step: name,
  });
  const record: CallRecord = {
    ...intent,
    state,
    ticket: { endpoint: "acme/echo", requestId: "r", queue: "" },
    outcome: undefined,
    usage: { units: 1, waitSeconds, runSeconds },
    error: undefined,
    doubt: undefined,
    givenUp: undefined,
    cost: { source: "measured", nanoUsd: 10_000_000 },
    unused: undefined,
    ...{ content: undefined, reuseOf: undefined },
    reuses: 0,
    intendedAt: from,
    refusedAt: undefined,
    sentAgainAt: undefined,
    submittedAt: from,
    endedAt,
  };
  const runningAt = from + waitSeconds * 1000;
  const base = { kind: "call", name, scope: "", reused: false, replaced: false, error: undefined } as const;
  return { ...base, call: record, runningAt, endedAt, ...rest };
}

const three = [
  call("cover", 0, 2, 4, { reused: true }),
  call("picture", 6, 1, 5, { scope: "hero" }),
  call("back", 6, 4, 2),
];
const drawn = (steps: readonly RunStep[], columns: number, now?: number) =>
  timeline(steps, { output: new Screen({ columns }), now });

test("bars stand on one axis: wait, then run, each step with its money", () => {
  expect(`\n${drawn(three, 72)}`).toMatchInlineSnapshot(`
    "
    ────────────────────────────────────────────────────────────────────────
    step          state    wait    run  0 s ────────────────── 12.0 s   cost
    cover         reused  2.0 s  4.0 s  ░░░░███████████                $0.01
    hero/picture  done    1.0 s  5.0 s                ░░█████████████  $0.01
    back          done    4.0 s  2.0 s                ░░░░░░░░░░█████  $0.01
    ────────────────────────────────────────────────────────────────────────
    total                                                              $0.03
    ────────────────────────────────────────────────────────────────────────
    ░ waited   █ ran"
  `);
});

test("on a narrow terminal the bars have lines of their own, and nothing is wider than it", () => {
  const narrow = drawn(three, 34);
  expect(`\n${narrow}`).toMatchInlineSnapshot(`
    "
    ──────────────────────────────────
    step          state    cost
      0 s ───────────────────── 12.0 s
    cover         reused  $0.01
      ░░░░░███████████
    hero/picture  done    $0.01
                      ░░██████████████
    back          done    $0.01
                      ░░░░░░░░░░██████
    ──────────────────────────────────
    total                 $0.03
    ──────────────────────────────────
    ░ waited   █ ran"
  `);
  for (const columns of [34, 50, 72, 120, 200]) {
    for (const line of drawn(three, columns).split("\n"))
      expect(columnsOf(line)).toBeLessThanOrEqual(columns);
  }
});

test("a night between two executions is left out of the axis, and said", () => {
  const resumed = [call("cover", 0, 0, 5), call("back", 36_000, 0, 5)];
  const text = drawn(resumed, 72);
  expect(text).toContain("┆ left out: 10 h in which nothing happened");
  const [first = "", second = ""] = text.split("\n").filter((line) => line.includes("█"));
  expect(second.indexOf("█")).toBeGreaterThanOrEqual(first.lastIndexOf("█"));
  expect(text).toContain(" 10.0 s");
});

test("a call that is under way is drawn until now, one in doubt as a question", () => {
  const usage = { units: undefined, waitSeconds: undefined, runSeconds: undefined };
  const open = call("slow", 6, 1, 1, { state: "submitted", endedAt: undefined });
  const doubt = call("lost", 6, 0, 0, { state: "ambiguous", runningAt: undefined });
  const steps = [
    call("cover", 0, 2, 4),
    { ...open, call: { ...(open.call as CallRecord), usage, cost: undefined, endedAt: undefined } },
    { ...doubt, call: { ...(doubt.call as CallRecord), usage, ticket: undefined, doubt: "no answer came" } },
  ];
  expect(`\n${drawn(steps, 72, START + 12_000)}`).toMatchInlineSnapshot(`
    "
    ────────────────────────────────────────────────────────────────────────
    step   state       wait    run  0 s ────────────────────── 12.0 s   cost
    cover  done       2.0 s  4.0 s  ░░░░░████████████                  $0.01
    slow   running                                  ░░░██████████████
    lost   ambiguous                                ?                  $0.01
        no answer came
    ────────────────────────────────────────────────────────────────────────
    total                                                              $0.02
    ────────────────────────────────────────────────────────────────────────
    ░ waited   █ ran   ? may be accepted"
  `);
});

test("colours go to terminals only, and what a model says cannot move the cursor", () => {
  const error = {
    name: "ApiError",
    code: "api",
    message: "no\u001b[2J way\n!",
    retryable: false,
    billed: false,
  } as const;
  const failed = call("cover", 0, 1, 1, { state: "failed", error });
  expect(drawn([failed], 72)).toContain("    no way !");
  const screen = new Screen({ columns: 72, isTTY: true });
  expect(timeline([failed], { output: screen, now: undefined })).toContain("\u001b[31m█");
});
