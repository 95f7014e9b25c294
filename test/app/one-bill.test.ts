import { createFal, type FalOptions, memoryStore } from "fal-chain";
import { type App, defineApp } from "fal-chain/app";
import { createEmulator, type Emulator, inProcess, virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO } from "../support/setup.ts";

/** A router that calls a model and the app `acme/ads`, which calls it twice: of a dollar each. */
function twoApps() {
  const clock = virtualClock();
  const store = memoryStore({ clock });
  const fetch = (input: string | URL | Request, init?: RequestInit) =>
    emulator.fetch(new Request(input, init));
  const client = (account: string, more: FalOptions = {}, env: Record<string, string> = {}) =>
    createFal({
      env: { FAL_KEY: `${account}:s3cr3t`, ...env },
      clock,
      fetch,
      logger: { warn() {} },
      ...more,
    });
  const runner = (name: string) =>
    client(
      "acme",
      { store },
      {
        FAL_USER_NICKNAME: "acme",
        FAL_JOB_ID: `job-of-${name}`,
        FAL_APP_NAME: `acme/${name}`,
      },
    );
  const call = (fal = client("acme")) => fal.subscribe(ECHO, { input: {} });
  const app = (name: string, handler: (fal: ReturnType<typeof runner>) => Promise<unknown>): App => {
    const fal = runner(name);
    const logger = { info() {}, warn() {}, error() {} };
    return defineApp({
      name,
      fal,
      logger,
      endpoints: { "/": { handler: async () => ({ a: await handler(fal) }) } },
    });
  };
  const ads = app("ads", (fal) => Promise.all([call(fal), call(fal)]));
  const router = app("router", (fal) => Promise.all([call(fal), fal.subscribe("acme/ads", { input: {} })]));
  const apps = [ads, router].map(({ name, fetch }) => ({
    id: `acme/${name}`,
    start: inProcess(fetch),
    maxMultiplexing: 10,
  }));
  const emulator: Emulator = createEmulator({ clock, concurrency: 20, models: [echo({ price: 1 })], apps });
  return { client, emulator, owner: runner("report") };
}

test("two apps and three callers are one bill, by root, by caller and by runner", async () => {
  const { client, emulator, owner } = twoApps();
  const callers = { ann: 2, bob: 1, acme: 1 };
  for (const [account, requests] of Object.entries(callers)) {
    const fal = client(account, { store: memoryStore() });
    for (let n = 0; n < requests; n++) await fal.subscribe("acme/router", { input: {} });
  }
  const sums = async (...by: ("root_run" | "caller" | "job_id" | "app")[]) => {
    const { rows, total } = await owner.costs({ by });
    expect(rows.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0)).toBe(total.nanoUsd);
    return rows.map(({ key, nanoUsd }) => [...by.map((name) => key[name]), nanoUsd / 1e9]).sort();
  };
  const requests = emulator.jobs.filter(({ endpoint }) => endpoint === "acme/router");
  // Three calls of a model for each request, in whichever app they were made.
  expect(await sums("root_run")).toEqual(
    requests.map(({ requestId }) => [`acme/router/${requestId}`, 3]).sort(),
  );
  const { rows } = await owner.costs({ by: ["caller"] });
  expect(rows.map(({ nanoUsd }) => nanoUsd / 1e9)).toEqual([6, 3, 3]);
  const names = rows.map(({ key }) => key["caller"]);
  expect(names).toContain("acme");
  expect(names.filter((name) => /^[0-9a-f]{64}$/.test(name ?? ""))).toHaveLength(2);
  expect(await sums("job_id")).toEqual([
    ["job-of-ads", 8],
    ["job-of-router", 4],
  ]);
  expect(await sums("app", "caller")).toHaveLength(6);

  let billed = 0;
  for await (const event of owner.billingEvents()) billed += event.endpoint === ECHO ? event.nanoUsd : 0;
  expect((await owner.costs()).total.nanoUsd).toBe(billed);
});

test("a stranger who says for whom it calls is not believed", async () => {
  const { client, owner } = twoApps();
  const headers = { baggage: "fal-chain.root-caller=acme" };
  await client("eve", { store: memoryStore() }).subscribe("acme/router", { input: {}, headers });
  const { rows } = await owner.costs({ by: ["caller"] });
  expect(rows.map(({ key }) => key["caller"])).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
});
