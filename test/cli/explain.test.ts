import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStore } from "fal-chain/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { ECHO, ENV, failureOf, setup } from "../support/setup.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-explain-"));
const file = join(dir, "store.db");
afterAll(() => rmSync(dir, { recursive: true }));
let id: string;

/** A run of three steps: one whose bill differs, one that was given what it gave, and one that failed. */
beforeAll(async () => {
  const store = sqliteStore(file);
  const { fal } = setup({ store });
  const poster = fal.chain("poster", async () => {
    await fal.subscribe(ECHO, { input: { prompt: "a fox", duration: 5, resolution: "1080p" }, step: "draw" });
    await fal.subscribe(ECHO, {
      input: { prompt: "a fox", duration: 5, resolution: "1080p" },
      step: "again",
      reuse: {},
    });
    await failureOf(fal.subscribe("acme/none", { input: {}, step: "\u001b[31mevil" }));
  });
  await poster.start(undefined, { id: "order-1042" });
  await fal.close();
  const [paid] = (await fal.calls.list({ endpoint: ECHO })).filter(({ reuseOf }) => !reuseOf);
  id = paid?.id ?? "";
  await store.calls.charged(
    id,
    {
      source: "invoiced",
      nanoUsd: 64_000_000,
      units: 8,
      unit: "seconds",
      unitPriceNanoUsd: 10_000_000,
      measuredNanoUsd: 10_000_000,
      subtotalNanoUsd: 80_000_000,
    },
    1,
  );
  await store.close();
});

const explain = (...argv: string[]) =>
  command(main, ["costs", "explain", ...argv, "--store", file], { env: ENV });

test("a call is explained step by step, in 80 columns", async () => {
  const { code, stdout } = await explain(id.slice(0, 8));
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  const field = (name: string) =>
    lines
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length)
      .trim();
  expect(field("run")).toBe("poster/order-1042, step draw");
  expect(field("input")).toBe("duration=5, resolution=1080p");
  expect(field("units")).toBe("8 seconds; the result said 1 second");
  expect(field("price")).toBe("$0.01 per second");
  expect(field("window")).toMatch(/^2026-01-01 00:00:00 UTC, of the bill of 2026-01$/);
  expect(field("discount")).toBe("$0.016");
  expect(field("invoice")).toBe("$0.064");
  expect(field("cost")).toBe("$0.064, invoiced");
  expect(stdout.replace(/\s+/g, " ")).toContain(
    "differs The bill counts 8 seconds, and the result said 1 second. A discount took $0.016 off.",
  );
});

test("a run is a line for each of its calls, and says what does not agree", async () => {
  const { stdout } = await explain("poster/order-1042");
  expect(stdout).toMatch(/draw +8 s +\$0\.01 +\$0\.016 +\$0\.064 +invoiced/);
  expect(stdout).toMatch(/again .*\$0\.00 +given/);
  expect(stdout).toContain("not billed");
  expect(stdout).toContain(`draw (${id.slice(0, 8)}): The bill counts`);
  expect(stdout).not.toContain("\u001b[31mevil");
  const alone = await explain("order-1042");
  expect(alone.stdout).toContain("draw");
});

test("of a call whose month is closed it says what came since", async () => {
  const store = sqliteStore(file);
  await store.months.close(Date.UTC(2026, 0, 1), Date.UTC(2026, 1, 2));
  await store.calls.charged(
    id,
    { source: "invoiced", nanoUsd: 60_000_000, units: 8, unit: "seconds", subtotalNanoUsd: 80_000_000 },
    Date.UTC(2026, 1, 3),
  );
  await store.close();
  const { stdout } = await explain(id);
  expect(stdout).toContain("corrected  $0.004 less in 2026-02, since 2026-01 was closed\n");
});

test("both are had as JSON, and what there is not is said", async () => {
  const one = JSON.parse((await explain(id, "--json")).stdout);
  expect(one).toMatchObject({
    callId: id,
    invoicedNanoUsd: 60_000_000,
    input: { duration: 5, resolution: "1080p" },
  });
  const all = JSON.parse((await explain("poster/order-1042", "--json")).stdout);
  expect(all).toMatchObject({ run: "poster/order-1042", total: { nanoUsd: 60_000_000, calls: 3 } });
  expect(all.calls.map(({ step }: { step: string }) => step)).toEqual(["draw", "again", "\u001b[31mevil"]);
  const none = await explain("nothing");
  expect(none.code).not.toBe(0);
  expect(none.stderr).toContain("Nor is there a run");
});
