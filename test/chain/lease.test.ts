import { createFal, memoryStore, type Store } from "fal-chain";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { type Around, aroundStore } from "../support/around-store.ts";
import { echo } from "../support/models.ts";
import { ECHO, ENV, failureOf } from "../support/setup.ts";
import { wireFetch } from "../support/wire.ts";

/** Clients over one store, which may be told to do as it likes. */
function stage(seconds: number) {
  const clock = virtualClock();
  const emulator = createEmulator({ clock, models: [echo({ seconds })], concurrency: 1_000 });
  const memory: Store = { ...memoryStore({ clock }), name: "shared", durable: true };
  const client = (around: Around = (act) => act()) => {
    const said: string[] = [];
    const asked = new Map<string, number>();
    const store = aroundStore(memory, (act, name) => {
      asked.set(name, (asked.get(name) ?? 0) + 1);
      return around(act, name);
    });
    const logger = {
      warn: (details: { err?: { message?: string } }, message: string) =>
        void said.push(`${message}: ${details.err?.message}`),
    };
    const fetch = wireFetch((request) => emulator.fetch(request), { clock });
    const fal = createFal({ env: ENV, clock, random: () => 0.5, store, fetch, logger });
    const chain = fal.chain("one", async ({ n }: { n: number }) => {
      await fal.subscribe(ECHO, { input: { n } });
      return n;
    });
    return { fal, chain, said, asked };
  };
  return { clock, emulator, memory, client };
}

test("however many runs wait, their leases are renewed with one question at a time", async () => {
  const { client, clock } = stage(60);
  const { chain, asked } = client();
  const before = clock.now();
  const runs = Array.from({ length: 40 }, (_, n) => chain.start({ n }, { id: `${n}` }));
  expect(await Promise.all(runs)).toEqual(Array.from({ length: 40 }, (_, n) => n));
  const beats = Math.ceil((clock.now() - before) / 3_000);
  expect(beats).toBeGreaterThanOrEqual(20);
  expect(asked.get("runs.renewAll")).toBeGreaterThanOrEqual(20);
  expect(asked.get("runs.renewAll")).toBeLessThanOrEqual(beats);
  expect(asked.get("runs.renew")).toBeUndefined();
});

test("a cancel is heard by the run that it is meant for, and by no other", async () => {
  const { client } = stage(20);
  const { chain, fal } = client();
  const runs = [1, 2, 3].map((n) => chain.start({ n }, { id: `${n}` }));
  for await (const event of runs[1] ?? []) if (event.type === "call") break;
  await fal.runs.cancel("one", "2", "no longer wanted");
  expect(await failureOf(runs[1] as never)).toMatchObject({ name: "AbortError", cause: "no longer wanted" });
  expect(await Promise.all([runs[0], runs[2]])).toEqual([1, 3]);
});

test("a lease that is over by the clock is over, also where the store says nothing, and that is told", async () => {
  const { client, clock, emulator, memory } = stage(120);
  const silent = client((act, name) => (name === "runs.renewAll" ? new Promise<never>(() => {}) : act()));
  const run = silent.chain.start({ n: 1 }, { id: "a" });
  const before = clock.now();
  while ((await memory.runs.get("one", "a"))?.epoch !== 2) await clock.sleep(500);
  // It was let go, and taken up again: nobody else has wanted it.
  expect(clock.now() - before).toBeGreaterThan(30_000);
  expect(clock.now() - before).toBeLessThan(40_000);
  expect(silent.said).toEqual(
    expect.arrayContaining(["The store shared does not answer: the leases of run one/a run out"]),
  );
  expect(await run).toBe(1);
  expect(emulator.jobs).toHaveLength(1);
});

test("a store that is away for longer than the lease lets others in, and what it says is told once for all", async () => {
  const { client, emulator } = stage(100);
  let isAway = false;
  const first = client(async (act, name) => {
    if (isAway && name.startsWith("runs.")) throw new Error("away");
    return act();
  });
  const runs = [1, 2, 3].map((n) => first.chain.start({ n }, { id: `${n}` }));
  for (const run of runs) for await (const event of run) if (event.type === "call") break;
  isAway = true;
  const second = client();
  const taken = [1, 2, 3].map((n) => second.chain.start({ n }, { id: `${n}` }));
  expect(await Promise.all(taken)).toEqual([1, 2, 3]);
  expect(emulator.jobs).toHaveLength(3);
  const told = first.said.filter((text) => text.startsWith("The store could not renew"));
  expect(told[0]).toBe("The store could not renew the lease of run one/1 and 2 more: away");
  expect(told.length).toBeLessThan(15);
  isAway = false;
  for (const run of runs) await run.catch(() => {});
});

test("resumeAll executes as many at once as it may, and all of them in the end", async () => {
  const { client, memory, emulator } = stage(10);
  const first = client();
  const left = [1, 2, 3, 4, 5].map((n) => first.chain.start({ n }, { id: `${n}` }));
  await Promise.all(left.map((run) => run.detach()));
  await Promise.allSettled(left);
  let most = 0;
  const { fal } = client(async (act, name) => {
    const owned = (await memory.runs.list({ state: "running" })).filter(({ owner }) => owner).length;
    most = Math.max(most, owned);
    expect(name).toBeTypeOf("string");
    return act();
  });
  const runs = await fal.runs.resumeAll({ concurrency: 2 });
  // Whoever gives one up does not wait for its turn.
  await runs[4]?.detach();
  expect(await failureOf(runs[4] as never)).toMatchObject({ code: "run_detached" });
  expect(await Promise.all(runs.slice(0, 4))).toHaveLength(4);
  expect(most).toBe(2);
  expect(await (await fal.runs.resumeAll())[0]).toBeTypeOf("number");
  expect(emulator.jobs).toHaveLength(5);
  for (const concurrency of [0, Number.NaN, "2"]) {
    expect(await failureOf(fal.runs.resumeAll({ concurrency } as never))).toMatchObject({
      code: "invalid_argument",
    });
  }
});
