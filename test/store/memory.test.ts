import { memoryStore } from "fal-chain";
import { virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { ECHO, setup } from "../support/setup.ts";
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
