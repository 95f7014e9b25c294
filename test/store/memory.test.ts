import { memoryStore, type Store } from "fal-chain";
import { virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { ECHO, setup } from "../support/setup.ts";
import { instead } from "../support/wire.ts";
import { conforms } from "./conformance.ts";
import { claim, intent, outcome } from "./samples.ts";

conforms("the memory store", async () => {
  const clock = virtualClock();
  return { store: memoryStore({ clock }), pass: clock.advance };
});

test("ended calls are forgotten oldest first beyond the bound; open and doubtful ones never", async () => {
  const store = memoryStore({ keepEnded: 2 });
  for (const id of ["doubt", "open"]) await store.calls.intend(intent(id));
  await store.calls.ambiguous("doubt", "ECONNRESET", 1);
  for (let n = 1; n <= 4; n++) {
    await store.calls.intend(intent(`done-${n}`, { at: 1 + n }));
    await store.calls.completed(`done-${n}`, outcome, n);
  }
  const left = (await store.calls.list()).map(({ id }) => id);
  expect(left).toEqual(["done-4", "done-3", "open", "doubt"]);
});

test("a price that comes after its call was forgotten is no trouble", async () => {
  const warnings: string[] = [];
  const { fal, clock } = setup({
    store: memoryStore({ keepEnded: 1 }),
    emulator: { concurrency: 40 },
    logger: { warn: (_, message) => void warnings.push(message) },
    async wire({ url }, forward) {
      if (url.includes("/models/pricing")) await clock.sleep(5_000);
      return forward();
    },
  });
  await Promise.all(Array.from({ length: 20 }, (_, n) => fal.subscribe(ECHO, { input: { n } })));
  await clock.sleep(10_000);
  expect(warnings).toEqual([]);
});

test("a price that comes after its call was forgotten still settles what the call had reserved", async () => {
  const store = memoryStore({ keepEnded: 1 });
  const reserve = [{ budget: "client", window: 0, limitNanoUsd: 100, nanoUsd: 40 }];
  for (const id of ["a", "b"]) await store.calls.intend(intent(id), { reserve });
  for (const id of ["a", "b"]) await store.calls.completed(id, outcome, 1);
  expect(await store.calls.get("a")).toBeUndefined();
  for (const id of ["a", "b"]) await store.calls.charged(id, { source: "measured", nanoUsd: 10 }, 2);
  await store.calls.charged("a", { source: "invoiced", nanoUsd: 20 }, 3);
  await store.calls.intend(intent("c"), { reserve });
  await expect(store.calls.intend(intent("d"), { reserve })).rejects.toMatchObject({
    chargedNanoUsd: 30,
    reservedNanoUsd: 40,
  });
});

test("a run's calls are kept as long as the run, and ended runs up to a thousand", async () => {
  const store = memoryStore({ keepEnded: 1 });
  for (let n = 0; n <= 1_000; n++) {
    const fence = { chain: "poster", run: `${n}`, epoch: 1 };
    await store.runs.claim(claim(`${n}`));
    for (const key of ["k1", "k2"]) {
      await store.calls.intend(intent(`${n}-${key}`, { chain: "poster", run: `${n}`, key, at: n }), {
        fence,
      });
      await store.calls.completed(`${n}-${key}`, outcome, n);
    }
    await store.runs.end(fence, { state: "completed" }, n);
  }
  expect(await store.runs.list({ limit: 2_000 })).toHaveLength(1_000);
  expect(await store.runs.get("poster", "0")).toBeUndefined();
  expect(await store.calls.list({ run: "1" })).toHaveLength(2);
  expect(await store.calls.list({ run: "0" })).toHaveLength(1);
});

const MB = 2 ** 20;

/** A call that ended with an answer of so many bytes. */
async function ended(store: Store, id: string, bytes: number, more = {}): Promise<void> {
  await store.calls.intend(intent(id, more));
  await store.calls.completed(id, { ...outcome, data: { text: "x".repeat(bytes) } }, 1);
}

const hasPayload = async (store: Store) =>
  (await store.calls.list({ limit: 1_000 })).filter(({ outcome }) => outcome).map(({ id }) => id);

test("payloads are kept up to so many bytes: what ended first goes first, what goes on never, costs not at all", async () => {
  const store = memoryStore({ keepEnded: 1_000, keepBytes: 10 * MB });
  const body = JSON.stringify("x".repeat(MB));
  await store.calls.intend(intent("open", { body }));
  const fence = { chain: "poster", run: "open", epoch: 1 };
  await store.runs.claim(claim("open", { leaseMs: 1e9 }));
  await ended(store, "of an open run", MB, { chain: "poster", run: "open", key: "k" });
  for (let n = 0; n < 30; n++) {
    await ended(store, `${n}`, MB);
    await store.calls.charged(`${n}`, { source: "measured", nanoUsd: 1 }, 2);
  }
  expect(await hasPayload(store)).toEqual(["29", "28", "27", "26", "25", "24", "23", "of an open run"]);
  expect(await store.calls.get("open")).toMatchObject({ body });
  expect(await store.calls.get("0")).toMatchObject({
    state: "completed",
    outcome: undefined,
    usage: { units: 1.5 },
  });
  expect(await store.spend({ by: [] })).toEqual(
    expect.arrayContaining([expect.objectContaining({ source: "measured", calls: 30, nanoUsd: 30n })]),
  );
  // A run that ends goes with all that it has.
  await store.runs.saveStep(fence, {
    key: "s",
    name: "s",
    value: "x".repeat(6 * MB),
    error: undefined,
    at: 1,
  });
  await store.runs.end(fence, { state: "completed", output: "1" }, 3);
  expect(await store.runs.get("poster", "open")).toMatchObject({ state: "completed" });
  for (const id of ["a", "b", "c"]) await ended(store, id, 2 * MB);
  expect(await store.runs.get("poster", "open")).toBeUndefined();
  expect(await hasPayload(store)).toEqual(["c", "b", "a"]);
  expect(await store.calls.get("of an open run")).toMatchObject({ key: "k", outcome: undefined });
});

test("what is larger than all of it is forgotten once it has ended, and is no trouble before", async () => {
  const store = memoryStore({ keepBytes: MB });
  await ended(store, "a", 4 * MB);
  expect(await store.calls.get("a")).toMatchObject({ state: "completed", outcome: undefined });
  await ended(store, "b", 10);
  expect(await hasPayload(store)).toEqual(["b"]);
});

test("a server that lives on a store in memory does not grow with what it is answered", async () => {
  const { fal } = setup({
    store: memoryStore({ keepBytes: 8 * MB }),
    emulator: { concurrency: 40 },
    wire: instead("result", () => Response.json({ text: "x".repeat(4 * MB) })),
  });
  const chain = fal.chain("large", async ({ n }: { n: number }) => {
    const { data } = await fal.subscribe(ECHO, { input: { n } });
    return (data as { text: string }).text.length;
  });
  for (let n = 0; n < 6; n++) expect(await chain.start({ n }, { id: `${n}` })).toBe(4 * MB);
  await fal.close();
  const calls = await fal.calls.list();
  expect(calls).toHaveLength(6);
  expect(calls.filter(({ outcome }) => outcome).length).toBeLessThanOrEqual(2);
  const { total } = await fal.costs();
  expect(total).toMatchObject({ calls: 6 });
});

test("a report's total is that of all calls, however many have been forgotten", async () => {
  const store = memoryStore({ keepEnded: 10 });
  const hour = 3_600_000;
  for (let n = 0; n < 10_200; n++) {
    const whom = {
      chain: "poster",
      run: `${n}`,
      userTags: { customer: `c${n % 3}` },
      at: (n % 2) * hour + n,
    };
    await store.calls.intend(intent(`${n}`, whom));
    await store.calls.completed(`${n}`, { ...outcome, cost: { source: "measured", nanoUsd: 2 } }, n);
  }
  expect(await store.calls.list({ limit: 100_000 })).toHaveLength(10);
  expect(await store.spend({ by: [] })).toMatchObject([{ calls: 10_200, nanoUsd: 20_400n }]);
  const byCustomer = await store.spend({ by: ["userTags", "hour"], chain: "poster" });
  expect(byCustomer).toHaveLength(6);
  for (const { calls, nanoUsd } of byCustomer) expect([calls, nanoUsd]).toEqual([1_700, 3_400n]);
  expect(await store.spend({ by: [], since: hour })).toMatchObject([{ calls: 5_100 }]);
  expect(await store.spend({ by: [], run: "10199" })).toMatchObject([{ calls: 1 }]);
  expect(await store.spend({ by: [], run: "0" })).toEqual([]);
});
