import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFal } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { intentOf } from "../support/intents.ts";
import { ENV } from "../support/setup.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-focus-"));
const file = join(dir, "store.db");
const CALLS = 2_600;
const AT = Date.UTC(2026, 10, 30, 23, 59, 59, 250);

/** Most share a millisecond with so many others that a page cannot hold them. */
beforeAll(async () => {
  const store = sqliteStore(file);
  await Promise.all(
    Array.from({ length: CALLS }, (_, n) =>
      store.calls.intend(intent(n, n < 1_300 ? AT : AT + Math.floor(n / 3))),
    ),
  );
  await Promise.all(
    Array.from({ length: CALLS - 3 }, (_, n) =>
      store.calls.charged(
        `c${n}`,
        {
          source: "measured",
          nanoUsd: 3_000_001 + n,
          units: 1.5,
          unit: "images",
          unitPriceNanoUsd: 2_000_000,
        },
        AT,
      ),
    ),
  );
  const url = "https://queue.fal.run/acme/echo/requests/r0";
  const ticket = { endpoint: "acme/echo", requestId: "r0", queue: url };
  await store.calls.submitted("c0", ticket, AT + 10);
  await store.calls.completed("c0", { data: {}, units: 1.5, waitSeconds: 1, runSeconds: 1 }, AT + 2_000);
  await store.calls.charged(`c${CALLS - 1}`, { source: "unknown", reason: "no_price", units: 1 }, AT);
  const invoiced = {
    source: "invoiced",
    nanoUsd: 7,
    units: 1e-7,
    unit: "seconds",
    unitPriceNanoUsd: 7.5,
    measuredNanoUsd: 9,
  } as const;
  await store.calls.charged(`c${CALLS - 2}`, invoiced, AT);
  await store.calls.charged(`c${CALLS - 3}`, { source: "estimated", nanoUsd: 1 }, AT);
  await store.close();
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true }));

const intent = (n: number, at: number) =>
  intentOf(`c${n}`, {
    key: `k${n}`,
    at,
    tags: { app: "posters" },
    chain: "poster",
    run: "order-1",
    step: "draw",
    jobId: "job-7",
    userTags: { customer: n % 2 === 0 ? 'Müller, "& Söhne"' : "acme" },
  });

const focus = (...argv: string[]) =>
  command(main, ["costs", "--focus", "--billing-account", "acme", "--store", file, ...argv], { env: ENV });

async function rows(...argv: string[]): Promise<Record<string, string>[]> {
  const { code, stdout } = await focus(...argv);
  expect(code).toBe(0);

  const [head = [], ...lines] = stdout.trimEnd().split("\r\n").map(cells);
  return lines.map((line) => Object.fromEntries(head.map((name, nth) => [name, line[nth] ?? ""])));
}

const cells = (line: string): string[] =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );

/** In nano-dollars, without floating point. */
const nano = (text: string): bigint => {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
};

test("each charge is in it once, and with what is left out they add up to the report to the nano-dollar", async () => {
  const found = await rows();
  expect(new Set(found.map((row) => row["x_CallId"])).size).toBe(CALLS - 2);
  expect(found).toHaveLength(CALLS - 2);
  expect((await focus()).stderr).toBe(
    "Left out: 1 call of unknown cost.\nLeft out: 1 call of unknown quantity, which cost $0.000000001.\n",
  );
  const store = sqliteStore(file);
  const fal = createFal({ env: ENV, store });
  const { total } = await fal.costs();
  const acme = await fal.costs({ tags: { customer: "acme" } });
  await fal.close();
  await store.close();
  const sum = (some: typeof found) => some.reduce((sum, row) => sum + nano(row["BilledCost"] ?? ""), 0n);
  // The one that is left out is acme's.
  expect(sum(found)).toBe(BigInt(total.nanoUsd) - 1n);
  expect(sum(await rows("--tag", "customer=acme"))).toBe(BigInt(acme.total.nanoUsd) - 1n);
});

test("a row has the money, the times and whom it is for", async () => {
  const row = (await rows()).find((row) => row["x_CallId"] === "c0");
  expect(row).toMatchObject({
    BilledCost: "0.003000001",
    BillingCurrency: "USD",
    BillingPeriodStart: "2026-11-01T00:00:00Z",
    BillingPeriodEnd: "2026-12-01T00:00:00Z",
    ChargePeriodStart: "2026-11-30T23:59:59Z",
    ChargePeriodEnd: "2026-12-01T00:00:02Z",
    ChargeCategory: "Usage",
    ServiceCategory: "AI and Machine Learning",
    ServiceName: "acme/echo",
    PricingQuantity: "1.5",
    PricingUnit: "Images",
    ListUnitPrice: "0.00200000066666667",
    BillingAccountId: "acme",
    x_RequestId: "r0",
    x_CostSource: "measured",
    x_Chain: "poster",
    x_Run: "order-1",
    x_Step: "draw",
    x_JobId: "job-7",
  });
  expect(JSON.parse(row?.["Tags"] ?? "")).toEqual({ app: "posters", customer: 'Müller, "& Söhne"' });
});

test("what is invoiced is marked, and an old version has what it asks for", async () => {
  const invoiced = (await rows("--chain", "poster")).find((row) => row["x_CallId"] === `c${CALLS - 2}`);
  expect(invoiced).toMatchObject({
    BilledCost: "0.000000007",
    x_CostSource: "invoiced",
    ConsumedQuantity: "0.0000001",
  });
  expect(Object.keys(invoiced ?? {})).not.toContain("ProviderName");
  const { stdout } = await command(main, ["costs", "--focus=1.3", "--store", file, "--until", "2026"], {
    env: ENV,
  });
  expect(stdout).toContain(",ProviderName,PublisherName,");
});

test.each(["2026", "2026-12-01", "2026-12-01T00:00:00.300Z", "52w", "9h", "90", "1.5h", "7200s", ""])(
  "the calls since %j are the same in the report",
  async (since) => {
    const report = await command(main, ["costs", "--json", "--store", file, "--since", since], { env: ENV });
    const found = await focus("--since", since);
    expect(found.code).toBe(report.code);
    if (report.code !== 0) return expect(found.stderr).toBe(report.stderr);
    const left = [...found.stderr.matchAll(/^Left out: (\d+)/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
    expect(found.stdout.split("\r\n").length - 2 + left).toBe(JSON.parse(report.stdout).total.calls);
  },
);

test("times choose calls; what does not go together is refused", async () => {
  expect(await rows("--until", "2026-11-30")).toEqual([]);
  expect(await rows("--since", "2026-12-01", "--until", "2026-12-02")).toHaveLength(CALLS - 2_250 - 2);
  expect((await focus("--until", "soon")).stderr).toContain('"soon" is not a time');
  expect(await focus("--csv")).toMatchObject({ code: 2, stdout: "" });
  const costs = (...argv: string[]) => command(main, ["costs", "--store", file, ...argv], { env: ENV });
  expect((await costs("--focus=1.0")).stderr).toContain("--focus=1.3");
  expect((await costs("--billing-account", "acme")).stderr).toContain("--focus");
});
