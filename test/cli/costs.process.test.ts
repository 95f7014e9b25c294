import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFal, formatUsd } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command, emulated } from "../support/cli.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-costs-"));
const file = join(dir, "store.db");
let platform: Awaited<ReturnType<typeof emulated>>;

/** Two customers' runs by two runners, and a call in doubt. */
beforeAll(async () => {
  platform = await emulated();
  const ended = platform.emulator.runners.started({ app: "ads", environment: "main", usdPerSecond: 1_000 });
  for (const [job, customer] of [
    ["job-7", "acme"],
    ["job-7", 'Müller, "& Söhne"'],
    ["job-8", "acme"],
  ] as const) {
    const store = sqliteStore(file);
    const fal = createFal({ env: { ...platform.env, FAL_JOB_ID: job }, store, ambiguousSubmit: "throw" });
    const poster = fal.chain("poster", async () => {
      await fal.subscribe("acme/echo", { input: { n: 1 }, step: "first" });
      await fal.subscribe("acme/echo", { input: { n: 2 }, step: "second" });
    });
    await poster.start(undefined, { id: `${job}-${customer.slice(0, 1)}`, tags: { customer } });
    await fal.close();
    await store.close();
  }
  const store = sqliteStore(file);
  const fal = createFal({ env: platform.env, store, ambiguousSubmit: "throw" });
  platform.emulator.faults.next("submit", "lost-response");
  await fal.subscribe("acme/echo", { input: {} }).catch(() => {});
  ended();
  await fal.close();
  await store.close();
});
afterAll(async () => {
  await platform.close();
  rmSync(dir, { recursive: true });
});

const costs = (...argv: string[]) => command(main, ["costs", "--store", file, ...argv]);

test("costs are listed by endpoint, with what is missing from the sum", async () => {
  const { code, stdout } = await costs();
  expect(code).toBe(0);
  const [head, row, rule, total, ...note] = stdout.trimEnd().split("\n");
  expect(head).toMatch(/^endpoint +calls +cost +unknown/);
  expect(row).toMatch(/^acme\/echo +7 +\$0\.06 +1 /);
  expect(rule).toMatch(/^─+$/);
  expect(total).toMatch(/^total +7 +\$0\.06 +1 /);
  expect(note).toEqual(["The cost of 1 call is not known: 1 may have been accepted."]);
});

test("--runners adds what the account's runners cost, which is in no sum of calls", async () => {
  const argv = ["costs", "--store", file, "--since", "1d", "--runners"];
  const { code, stdout } = await command(main, argv, { env: platform.env });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^total +7 +\$0\.06 /m);
  const [, cost] = /^ads +main +S +[\d.]+ s +\$([\d.]+)$/m.exec(stdout) ?? [];
  expect(Number(cost)).toBeGreaterThan(0);
  const together = formatUsd(Math.round((Number(cost) + 0.06) * 1e9));
  expect(stdout).toContain(`Calls $0.06 and runners $${cost}: ${together} in all.`);
  const json = await command(main, [...argv, "--json"], { env: platform.env });
  expect(JSON.parse(json.stdout).runners.rows).toMatchObject([{ app: "ads", machineType: "S" }]);
  const csv = await command(main, [...argv, "--csv"], { env: platform.env });
  expect([csv.code, csv.stderr]).toEqual([2, expect.stringContaining("leave --csv")]);
});

test("two customers and two runners add up", async () => {
  const { stdout } = await costs("--by", "tag:customer,job_id", "--json");
  const { rows, total } = JSON.parse(stdout);
  expect(rows.map(({ key, nanoUsd }: { key: object; nanoUsd: number }) => [key, nanoUsd])).toEqual([
    [{ "tag:customer": 'Müller, "& Söhne"', job_id: "job-7" }, 20_000_000],
    [{ "tag:customer": "acme", job_id: "job-7" }, 20_000_000],
    [{ "tag:customer": "acme", job_id: "job-8" }, 20_000_000],
    [{}, 0],
  ]);
  expect(total.nanoUsd).toBe(60_000_000);
});

test("a run is a tree of its steps; whoever chooses among its calls gets a table", async () => {
  const { stdout } = await costs("--run", "poster/job-8-a");
  expect(stdout.split("\n").map((line) => line.replace(/\d+\.\d s/g, "0 s"))).toEqual([
    "poster/job-8-a",
    "step       endpoint   state   wait    run  billed    cost  share",
    "├─ first   acme/echo  done   0 s  0 s  1 image  $0.01   50 %",
    "└─ second  acme/echo  done   0 s  0 s  1 image  $0.01   50 %",
    expect.stringMatching(/^─+$/),
    expect.stringMatching(/^total +\$0\.02 +100 %$/),
    "Runners waited 0 s for these calls, each call by itself.",
    "",
  ]);
  expect((await costs("--run", "job-8-a")).stdout).toBe(stdout);
  expect((await costs("--run", "job-8-a", "--by", "step")).stdout).toMatch(/^first +1 +\$0\.01 +50 % /m);
  expect((await costs("--run", "job-8-a", "--since", "1d")).stdout).toMatch(/^step +endpoint +calls +cost/);
  expect((await costs("--tag", "customer=acme")).stdout).toMatch(/^total +4 +\$0\.04/m);
  expect((await costs("--run", "nothing")).stdout).toBe("No such calls are in the store.\n");
});

test("CSV is quoted where it must be, and exact", async () => {
  const { stdout } = await costs("--by", "tag:customer", "--csv");
  const [head, ...rows] = stdout.trimEnd().split("\r\n");
  expect(head).toMatch(/^tag:customer,calls,usd,estimated_usd,measured_usd,/);
  expect(rows[0]).toMatch(/^acme,4,0\.04,0\.00,0\.04,0\.00,0,/);
  expect(rows[1]).toMatch(/^"Müller, ""& Söhne""",2,0\.02,/);
  expect(rows[2]).toMatch(/^,1,0\.00,/);
});

test("waste has columns of its own", async () => {
  const { stdout } = await costs("--waste");
  expect(stdout).toMatch(/^endpoint +calls +cost +unknown +share +doubtful$/m);
  expect(stdout).toMatch(/^total +7 +\$0\.06 +1 +100 % +1$/m);
});

test("a page is written, with the run that was asked for or the dearest one", async () => {
  const page = join(dir, "report.html");
  const { code, stdout } = await costs("--by", "tag:customer", "--html", page);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^total +7/m);
  expect(readFileSync(page, "utf8")).toMatch(/Run <code>poster\/job-/);
  await costs("--run", "poster/job-8-a", "--html", page);
  expect(readFileSync(page, "utf8")).toContain("Run <code>poster/job-8-a</code>");
  expect((await costs("--html", join(dir, "nowhere", "report.html"))).stderr).toContain(
    "could not be written",
  );
});

test("the bill is compared and noted; a key that may not read it is told so", async () => {
  const env = { ...platform.env };
  const reconcile = (...argv: string[]) =>
    command(main, ["costs", "--reconcile", "--store", file, ...argv], { env });
  platform.emulator.billing.forbidden = true;
  expect((await reconcile()).stderr).toContain("ADMIN scope");
  platform.emulator.billing.forbidden = false;
  // The lost one is on the bill as soon as it has run.
  await expect
    .poll(async () => (await reconcile()).stdout)
    .toMatch(/^1 on the bill are not in this ledger \(\$0\.01\):\n {2}\S+ {2}acme\/echo {2}\$0\.01$/m);
  const { code, stdout } = await reconcile();
  expect(code).toBe(0);
  expect(stdout).toContain("6 calls are on the bill, for $0.06; recorded as invoiced.");
  expect((await costs("--json")).stdout).toContain('"invoiced": 60000000');
  expect(JSON.parse((await reconcile("--json")).stdout).matched).toHaveLength(6);
});

test("what cannot be asked for is said, with what can", async () => {
  for (const [argv, message] of [
    [["--by", "job"], "Costs cannot be grouped by"],
    [["--since", "last week"], '"last week" is not a time'],
    [["--json", "--csv"], "Say one of --json and --csv."],
    [["--by", "customer"], 'Did you mean "tag:customer"?'],
    [["--since", "2026-02-30"], '"2026-02-30" is not a time'],
    [["--tag", "customer=a", "--tag", "customer=b"], "names the same tag twice"],
    [["--reconcile", "--tag", "customer=a", "--csv"], "leave --csv out"],
  ] as const) {
    const { code, stderr } = await costs(...argv);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  }
});

test("a run of an app is found, though the app's name holds a slash", async () => {
  const path = join(dir, "app.db");
  const store = sqliteStore(path);
  const fal = createFal({ env: { ...platform.env, FAL_APP_NAME: "acme/app", FAL_JOB_ID: "job-9" }, store });
  const request = new Headers({ "x-fal-request-id": "in-1" });
  await fal.handle(request, async () => void (await fal.subscribe("acme/echo", { input: {}, step: "only" })));
  await fal.close();
  await store.close();
  const { stdout } = await command(main, ["costs", "--store", path, "--run", "acme/app/in-1"]);
  expect(stdout).toMatch(/^acme\/app\/in-1\n/);
  expect(stdout).toMatch(/^└─ only .* \$0\.01 +100 %$/m);
  const page = join(dir, "app.html");
  await command(main, ["costs", "--store", path, "--html", page]);
  expect(readFileSync(page, "utf8")).toContain("Run <code>acme/app/in-1</code>");
});

test("a run that only starts others is a tree of what they cost", async () => {
  const path = join(dir, "outer.db");
  const store = sqliteStore(path);
  const fal = createFal({ env: platform.env, store });
  const inner = fal.chain(
    "inner",
    async (n: number) => void (await fal.subscribe("acme/echo", { input: { n } })),
  );
  const outer = fal.chain("outer", async () => void (await fal.map([1, 2], (n) => inner.start(n))));
  await outer.start(undefined, { id: "a" });
  await fal.close();
  await store.close();
  const { stdout } = await command(main, ["costs", "--store", path, "--run", "outer/a"]);
  expect(stdout).toMatch(/^outer\/a\n/);
  expect(stdout).toMatch(/^total .*\$0\.02 +100 %$/m);
});

test("a store that is not there is no empty ledger, and is not made", async () => {
  const path = join(dir, "mistyped.db");
  const { code, stderr } = await command(main, ["costs", "--store", `sqlite:${path}`]);
  expect(code).toBe(2);
  expect(stderr).toContain(`There is no store at ${path}`);
  expect(existsSync(path)).toBe(false);
});

test("a page says what it is of", async () => {
  const page = join(dir, "scope.html");
  await costs("--tag", "customer=acme", "--since", "1d", "--html", page);
  expect(readFileSync(page, "utf8")).toContain("<p>customer=acme · since 1d ·");
});
