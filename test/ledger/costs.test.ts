import { type CostKey, createFal, type Intent, memoryStore, type Store } from "fal-chain";
import { virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { intentOf } from "../support/intents.ts";

const NOW = Date.parse("2026-11-24T12:30:00Z");
const DAY = 86_400_000;

function setup() {
  const clock = virtualClock({ start: NOW });
  const store = memoryStore({ clock, keepEnded: 1_000 });
  return { store, fal: createFal({ store, clock }) };
}

const intend = (store: Store, id: string, more: Parameters<typeof intentOf>[1] = {}) =>
  store.calls.intend(intentOf(id, { endpoint: "acme/painter", at: NOW, ...more }));
const failure = (billed: boolean | "unknown") =>
  ({ name: "ApiError", code: "api", message: "no", retryable: false, billed }) as const;
const usage = { units: 1, waitSeconds: 0.5, runSeconds: 2 };

test("a sum says how certain it is, what is missing from it and why", async () => {
  const { store, fal } = setup();
  for (const id of ["estimated", "measured", "invoiced"] as const) {
    await intend(store, id, { jobId: "job-7" });
    await store.calls.completed(id, { data: {}, ...usage }, NOW + 3_000);
    await store.calls.charged(id, { source: id, nanoUsd: id.length }, NOW);
  }
  for (const id of [
    "under way",
    "on its way",
    "doubt",
    "refused",
    "failed",
    "given up",
    "late",
    "unitless",
  ]) {
    await intend(store, id);
  }
  const queue = "";
  await store.calls.submitted("on its way", { endpoint: "acme/painter", requestId: "r1", queue }, NOW);
  await store.calls.ambiguous("doubt", "ECONNRESET", NOW);
  await store.calls.failed("refused", failure(false), NOW);
  await store.calls.failed("failed", failure("unknown"), NOW);
  await store.calls.givenUp("given up", "caller", NOW);
  await store.calls.completed("late", { data: {}, ...usage }, NOW);
  await store.calls.completed("unitless", { data: {}, ...usage, units: undefined }, NOW);
  await store.calls.charged("unitless", { source: "unknown", reason: "no_units" }, NOW);

  const { total } = await fal.costs();
  expect(total).toEqual({
    nanoUsd: 25,
    calls: 11,
    unknown: 7,
    bySource: { estimated: 9, measured: 8, invoiced: 8 },
    unknownBecause: { "under-way": 2, ambiguous: 1, failed: 2, pending: 1, no_units: 1 },
    waitSeconds: 2.5,
    runSeconds: 10,
    runnerSeconds: 9,
    waste: { nanoUsd: 0, failedNanoUsd: 0, unusedNanoUsd: 0, doubtful: 3 },
    reuse: { times: 0, savedNanoUsd: 0 },
    corrections: { count: 0, nanoUsd: 0 },
    usd: {
      ...{ total: "0.000000025", estimated: "0.000000009", measured: "0.000000008", invoiced: "0.000000008" },
      ...{ wasted: "0.00", failed: "0.00", unused: "0.00", saved: "0.00", corrections: "0.00" },
    },
  });
});

test("waste is what failed and was billed, and what nobody used", async () => {
  const { store, fal } = setup();
  const poster = { chain: "poster", run: "1" };
  await intend(store, "failed", poster);
  await store.calls.failed("failed", failure(true), NOW);
  await store.calls.charged("failed", { source: "invoiced", nanoUsd: 5 }, NOW);
  await intend(store, "old", { ...poster, key: "k1" });
  await store.calls.completed("old", { data: {}, ...usage }, NOW);
  await store.calls.charged("old", { source: "measured", nanoUsd: 7 }, NOW);
  await intend(store, "new", { ...poster, key: "k2" });
  await store.calls.charged("new", { source: "measured", nanoUsd: 11 }, NOW);
  expect((await fal.costs()).total.waste.nanoUsd).toBe(5);
  await store.calls.intend(
    { ...(await recorded(store, "new")), id: "newer", key: "k1" },
    { replaces: "old" },
  );
  expect((await fal.costs()).total).toMatchObject({
    nanoUsd: 23,
    waste: { nanoUsd: 12, failedNanoUsd: 5, unusedNanoUsd: 7, doubtful: 0 },
  });
});

const recorded = async (store: Store, id: string): Promise<Intent> => {
  const call = await store.calls.get(id);
  return { ...(call as NonNullable<typeof call>), body: "{}", at: NOW };
};

test("rows are named by what they are grouped by: times in their order, then what cost most", async () => {
  const { store, fal } = setup();
  const calls = [
    ["a", { at: NOW - DAY, userTags: { customer: "acme" }, chain: "poster", run: "1" }, 1],
    ["b", { at: NOW, userTags: { customer: "acme" }, chain: "film", run: "1" }, 2],
    ["c", { at: NOW + 60_000, userTags: { customer: "zoo", priority: "high" } }, 5],
    ["d", { at: NOW - 2 * DAY, rootRun: "acme/film/1", rootJob: "job-1" }, 3],
  ] as const;
  for (const [id, facts, nanoUsd] of calls) {
    await intend(store, id, facts);
    await store.calls.charged(id, { source: "measured", nanoUsd }, NOW);
  }
  const report = async (...by: CostKey[]) =>
    (await fal.costs({ by })).rows.map(({ key, nanoUsd }) => [...Object.values(key), nanoUsd]);
  expect(await report("tag:customer")).toEqual([
    ["zoo", 5],
    ["acme", 3],
    [undefined, 3],
  ]);
  expect(await report("run")).toEqual([
    [undefined, 8],
    ["film/1", 2],
    ["poster/1", 1],
  ]);
  expect(await report("tag:customer", "day")).toEqual([
    [undefined, "2026-11-22", 3],
    ["acme", "2026-11-23", 1],
    ["zoo", "2026-11-24", 5],
    ["acme", "2026-11-24", 2],
  ]);
  expect(await report("root_run", "root_job")).toEqual([
    [undefined, undefined, 8],
    ["acme/film/1", "job-1", 3],
  ]);
  expect(await report("hour")).toContainEqual(["2026-11-24T12:00Z", 7]);
  const sum = async (query: Parameters<typeof fal.costs>[0]) => (await fal.costs(query)).total.nanoUsd;
  expect(await sum({ tags: { customer: "acme" } })).toBe(3);
  expect(await sum({ tags: { customer: "acme" }, chain: "film" })).toBe(2);
  expect(await sum({ tags: { customer: "zoo", priority: "low" } })).toBe(0);
  expect(await sum({ since: "24h" })).toBe(8);
  expect(await sum({ since: "23h" })).toBe(7);
  expect(await sum({ until: "2026-11-23" })).toBe(3);
  expect(await sum({ since: new Date(NOW) })).toBe(7);
});

test("a tag may have the name of what every object has", async () => {
  const { store, fal } = setup();
  await intend(store, "a", { userTags: { constructor: "acme" } });
  await intend(store, "b");
  const { rows } = await fal.costs({ by: ["tag:constructor"] });
  expect(rows.map(({ key }) => key["tag:constructor"])).toEqual(["acme", undefined]);
  expect((await fal.costs({ tags: { constructor: "acme" } })).total.calls).toBe(1);
});

test("a key and a time that there are not are said", async () => {
  const { fal } = setup();
  await expect(fal.costs({ by: ["job" as CostKey] })).rejects.toThrow(
    'by "job"; they can by endpoint, chain, run, step, job_id, app, request, caller, root_run, root_job, key_id, account, month, day, hour and tag:<name>.',
  );
  await expect(fal.costs({ by: ["aap" as CostKey] })).rejects.toThrow('Did you mean "app"?');
  for (const since of ["yesterday", "90", "1.5h", ""]) {
    await expect(fal.costs({ since })).rejects.toThrow(`${JSON.stringify(since)} is not a time. It reads 7d`);
  }
});
