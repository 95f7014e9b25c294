import { NetworkError } from "fal-chain";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CallProgress } from "../../src/terminal/progress.ts";
import { progressTable } from "../../src/terminal/progress-table.ts";
import { columnsOf } from "../../src/terminal/text.ts";
import { Screen } from "../support/screen.ts";

beforeEach(() => vi.stubEnv("FORCE_COLOR", undefined));
afterEach(() => vi.unstubAllEnvs());

const nanoUsd = 3_000_000;
const measured = {
  source: "measured",
  nanoUsd,
  units: 1,
  unit: "megapixels",
  unitPriceNanoUsd: nanoUsd,
} as const;
const done = (more: Partial<CallProgress> = {}): CallProgress => ({
  step: "picture",
  endpoint: "fal-ai/flux/schnell",
  state: "done",
  since: 0,
  requestId: "764cabcf-b745-4b3e-ae38-1200304cf45b",
  waitSeconds: 0.42,
  runSeconds: 1.7,
  units: 1,
  cost: measured,
  tags: { job_id: "job-7", chain: "poster", run: "e4e97711-363e-4ab2-9050-9d21d4db19d2" },
  ...more,
});
const large = done({
  step: "large",
  endpoint: "fal-ai/esrgan",
  units: 2.826,
  cost: { ...measured, nanoUsd: 3_136_860, units: 2.826, unit: "compute seconds" },
});
const total = { nanoUsd: 6_136_860, calls: 2, unknown: 0 };

const table = (calls: readonly CallProgress[], columns = 80, more: object = {}) =>
  progressTable(calls, { output: new Screen({ columns }), total, ...more });

test("at 80 columns the request goes below its call, and each call has its tags", () => {
  expect(`\n${table([done(), large])}`).toMatchInlineSnapshot(`
    "
    ──────────────────────────────────────────────────────────────────────────────
    step     endpoint              wait    run  billed                        cost
    picture  fal-ai/flux/schnell  0.4 s  1.7 s  1 megapixel                 $0.003
      request  764cabcf-b745-4b3e-ae38-1200304cf45b
      tags     job_id=job-7  chain=poster  run=e4e97711-363e-4ab2-9050-9d21d4db19d2
    large    fal-ai/esrgan        0.4 s  1.7 s  2.826 compute seconds  $0.00313686
      request  764cabcf-b745-4b3e-ae38-1200304cf45b
      tags     job_id=job-7  chain=poster  run=e4e97711-363e-4ab2-9050-9d21d4db19d2
    ──────────────────────────────────────────────────────────────────────────────
    total                                                              $0.00613686
    ──────────────────────────────────────────────────────────────────────────────"
  `);
});

test("on a wide terminal each call is one line and its tags", () => {
  expect(`\n${table([done(), large], 130)}`).toMatchInlineSnapshot(`
    "
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    step     endpoint             request                                wait    run  billed                        cost
    picture  fal-ai/flux/schnell  764cabcf-b745-4b3e-ae38-1200304cf45b  0.4 s  1.7 s  1 megapixel                 $0.003
      tags     job_id=job-7  chain=poster  run=e4e97711-363e-4ab2-9050-9d21d4db19d2
    large    fal-ai/esrgan        764cabcf-b745-4b3e-ae38-1200304cf45b  0.4 s  1.7 s  2.826 compute seconds  $0.00313686
      tags     job_id=job-7  chain=poster  run=e4e97711-363e-4ab2-9050-9d21d4db19d2
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    total                                                                                                    $0.00613686
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────"
  `);
});

test("no line is wider than the terminal or ends in spaces, from 70 columns up", () => {
  const wide = done({
    step: "画家の絵",
    tags: { ...done().tags, customer: "x".repeat(40), note: "two words" },
  });
  const { cost: _, ...costless } = done();
  for (const columns of [70, 80, 100, 116, 117, 160]) {
    for (const line of table([wide, large, costless], columns).split("\n")) {
      expect(columnsOf(line), `${columns}: ${line}`).toBeLessThanOrEqual(columns);
      expect(line).toBe(line.trimEnd());
    }
  }
});

test("columns of which nothing is known are left out", () => {
  const bare = { waitSeconds: undefined, runSeconds: undefined, units: undefined };
  const [, head] = table([
    done({ ...bare, step: "fal-ai/flux/schnell", cost: { source: "unknown", reason: "no_units" } }),
  ]).split("\n");
  expect(head?.split(/ +/)).toEqual(["endpoint", "request", "cost"]);
});

test("what did not end well shows its state, its reason and that it may be billed", () => {
  const failed = done({
    step: "cutout",
    state: "failed",
    error: new NetworkError("no answer\u001b[2J came", { billed: "unknown" }),
    cost: { source: "unknown", reason: "failed" },
  });
  const text = table([done(), failed], 130, { total: { nanoUsd, calls: 2, unknown: 1 } });
  expect(text).toMatch(/^picture .* done /m);
  expect(text).toMatch(/^cutout .* failed .* may be billed$/m);
  expect(text).toContain("  error    no answer came\n");
  expect(text).toMatch(/^total +\$0\.003 \+ 1 unknown$/m);
  expect(table([done(), failed], 130, { runError: failed.error })).not.toContain("no answer");
});

test("colours go to terminals that show them, and nowhere else", () => {
  const on = (options: ConstructorParameters<typeof Screen>[0]) =>
    progressTable([done()], { output: new Screen(options), total }).includes("\u001b[");
  expect(on({ isTTY: true })).toBe(true);
  expect(on({ isTTY: true, env: { TERM: "xterm-256color", NO_COLOR: "1" } })).toBe(false);
  expect(on({ isTTY: false })).toBe(false);
});
