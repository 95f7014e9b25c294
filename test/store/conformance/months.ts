import type { Cost, Store } from "fal-chain";
import { expect, test } from "vitest";
import type { Fresh } from "../fresh.ts";
import { intent, outcome, ticket } from "../samples.ts";

const [OCTOBER, NOVEMBER, DECEMBER] = [9, 10, 11].map((month) => Date.UTC(2026, month)) as [
  number,
  number,
  number,
];
const DAY = 86_400_000;

const invoiced = (nanoUsd: number): Cost => ({ source: "invoiced", nanoUsd });
const measured = (nanoUsd: number): Cost => ({ source: "measured", nanoUsd });

async function nanoIn(store: Store, since?: number, until?: number): Promise<bigint> {
  const spends = await store.spend({ by: ["endpoint"], since, until });
  return spends.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0n);
}

export function monthsConform(fresh: Fresh): void {
  test("a closed month keeps its sum, and what comes later is a correction where it comes in", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a", { at: OCTOBER + DAY, chain: "poster" }));
    await store.calls.charged("a", measured(100), OCTOBER + DAY);
    await store.calls.intend(intent("b", { at: NOVEMBER - 1 }));
    await store.calls.charged("a", invoiced(90), NOVEMBER + DAY);
    expect(await store.months.close(OCTOBER, NOVEMBER + 2 * DAY)).toEqual({
      month: OCTOBER,
      closedAt: NOVEMBER + 2 * DAY,
    });
    expect(await nanoIn(store, OCTOBER, NOVEMBER)).toBe(90n);

    await store.calls.charged("a", invoiced(70), NOVEMBER + 3 * DAY);
    // It was under way, and nobody knew what it would cost.
    await store.calls.submitted("b", ticket("rb"), NOVEMBER + 3 * DAY);
    await store.calls.completed("b", { ...outcome, cost: measured(7) }, NOVEMBER + 4 * DAY);
    expect(await nanoIn(store, OCTOBER, NOVEMBER)).toBe(90n);
    expect(await nanoIn(store, NOVEMBER, DECEMBER)).toBe(-20n + 7n);
    expect(await nanoIn(store)).toBe(77n);
    expect((await store.calls.get("a"))?.cost).toEqual(invoiced(70));
    expect(await store.months.corrections()).toEqual([
      { callId: "a", month: OCTOBER, at: NOVEMBER + 3 * DAY, nanoUsd: -20, cost: invoiced(70) },
      { callId: "b", month: OCTOBER, at: NOVEMBER + 4 * DAY, nanoUsd: 7, cost: measured(7) },
    ]);
    expect(await store.spend({ by: ["day"], chain: "poster", since: NOVEMBER })).toEqual([
      expect.objectContaining({
        group: { day: NOVEMBER + 3 * DAY },
        ...{ calls: 0, corrections: 1, nanoUsd: -20n, source: "invoiced" },
      }),
    ]);
  });

  test("said again, a cost is no further correction, and budgets follow what is known", async () => {
    const { store } = await fresh();
    const reserve = [{ budget: "b", window: 0, limitNanoUsd: 1000, nanoUsd: 500 }];
    await store.calls.intend(intent("a", { at: OCTOBER }), { reserve });
    await store.calls.charged("a", measured(100), OCTOBER);
    await store.months.close(OCTOBER, NOVEMBER);
    for (const nanoUsd of [130, 130]) await store.calls.charged("a", invoiced(nanoUsd), NOVEMBER + 1);
    expect((await store.months.corrections({ month: OCTOBER })).map(({ nanoUsd }) => nanoUsd)).toEqual([30]);
    expect((await store.used({ budget: "b" }))[0]?.chargedNanoUsd).toBe(130);
  });

  test("a correction that comes into a closed month belongs to the first open one", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a", { at: OCTOBER }));
    await store.months.close(OCTOBER, DECEMBER);
    await store.months.close(NOVEMBER, DECEMBER);
    // A process whose clock is late.
    await store.calls.charged("a", measured(5), DECEMBER - 10);
    expect(await store.months.corrections()).toMatchObject([{ at: DECEMBER, nanoUsd: 5 }]);
    expect(await nanoIn(store, OCTOBER, DECEMBER)).toBe(0n);
    expect(await store.months.corrections({ since: NOVEMBER, until: DECEMBER })).toEqual([]);
  });

  test("it is closed once, whoever closes it at the same time, and no sum changes after that", async () => {
    const { store } = await fresh();
    for (let n = 0; n < 8; n++) await store.calls.intend(intent(`c${n}`, { at: OCTOBER + n }));
    const sums: bigint[] = [];
    const close = async (at: number) => {
      const closed = await store.months.close(OCTOBER, at);
      sums.push(await nanoIn(store, OCTOBER, NOVEMBER));
      return closed.closedAt;
    };
    const charges = Array.from({ length: 8 }, (_, n) =>
      store.calls.charged(`c${n}`, measured(10 ** n), NOVEMBER + n),
    );
    const [one, two] = await Promise.all([close(NOVEMBER + 20), close(NOVEMBER + 30), ...charges]);
    expect(one).toBe(two);
    expect(await store.months.closed()).toEqual([{ month: OCTOBER, closedAt: one }]);
    expect(new Set([...sums, await nanoIn(store, OCTOBER, NOVEMBER)]).size).toBe(1);
    expect(await nanoIn(store)).toBe(11_111_111n);
  });

  test("sums are exact to the last nano-dollar beyond 2^53", async () => {
    const { store } = await fresh();
    const most = 1e14 - 1;
    for (let n = 0; n < 100; n++) {
      await store.calls.intend(intent(`c${n}`, { at: n }));
      await store.calls.charged(`c${n}`, measured(most), n);
    }
    await store.calls.reused("c0");
    const [spend] = await store.spend({ by: [] });
    expect(spend?.nanoUsd).toBe(100n * BigInt(most));
    expect(Number.isSafeInteger(Number(spend?.nanoUsd))).toBe(false);
    expect(spend?.savedNanoUsd).toBe(BigInt(most));
  });
}
