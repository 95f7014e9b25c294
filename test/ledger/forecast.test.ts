import { type CostRow, type Costs, createFal, memoryStore } from "fal-chain";
import { virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { forecastOf } from "../../src/ledger/forecast.ts";
import { cases } from "../support/cases.ts";
import { intentOf } from "../support/intents.ts";

const DAY_MS = 86_400_000;

/** The same numbers each time. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** Days with few and many calls, and some dear ones. */
const spendOfDay = (random: () => number): number => {
  const calls = Math.floor(random() * 12);
  return Array.from({ length: calls }, () => 1e7 + random() ** 4 * 3e8).reduce((sum, cost) => sum + cost, 0);
};

test("four of five months end between low and high", async () => {
  const months = cases(600);
  let within = 0;
  for (let seed = 0; seed < months; seed++) {
    const random = dice(seed * 7919 + 1);
    // From October the 1st on; asked on some day of November.
    const days = Array.from({ length: 61 }, () => Math.round(spendOfDay(random)));
    const asked = 31 + 3 + Math.floor(random() * 20);
    const dateOf = (n: number) => new Date(Date.UTC(2026, 9, 1) + n * DAY_MS).toISOString().slice(0, 10);
    const costs = async (): Promise<Costs> => {
      const rows = days
        .slice(0, asked)
        .map((nanoUsd, n) => ({ key: { day: dateOf(n) }, nanoUsd, unknown: 0 }));
      return { rows: rows as unknown as CostRow[] } as unknown as Costs;
    };
    const { total } = await forecastOf(costs, Date.UTC(2026, 9, 1) + asked * DAY_MS, { by: [] });
    const whole = days.slice(31).reduce((sum, nano) => sum + nano, 0);
    if (whole >= (total.lowNanoUsd ?? 0) && whole <= (total.highNanoUsd ?? 0)) within++;
  }
  expect(within / months).toBeGreaterThan(0.7);
  expect(within / months).toBeLessThan(0.9);
});

async function ledger(days: readonly number[], now: number) {
  const clock = virtualClock();
  await clock.advance(now - clock.now());
  const store = memoryStore({ clock, keepEnded: 1_000 });
  let made = 0;
  for (const [n, nanoUsd] of days.entries()) {
    const id = `c${made++}`;
    const at = now - (days.length - n) * DAY_MS;
    await store.calls.intend(intentOf(id, { at, userTags: { customer: n % 2 ? "acme" : "globex" } }));
    await store.calls.charged(id, { source: "measured", nanoUsd }, at);
  }
  return createFal({ env: {}, clock, store });
}

test("a steady spend goes on, by customer and endpoint", async () => {
  const fal = await ledger(
    Array.from({ length: 28 }, () => 1e9),
    Date.UTC(2026, 10, 11, 12),
  );
  const { month, days, rows, total } = await fal.costs.forecast();
  expect([month, days]).toEqual(["2026-11", 28]);
  // Ten days are spent, and nineteen and a half are to come.
  expect(total).toMatchObject({
    soFarNanoUsd: 10e9,
    likelyNanoUsd: 29.5e9,
    lowNanoUsd: 29.5e9,
    highNanoUsd: 29.5e9,
  });
  expect(rows.map(({ key, soFarNanoUsd }) => [key, soFarNanoUsd])).toEqual([
    [{ "tag:customer": "globex", endpoint: "acme/echo" }, 5e9],
    [{ "tag:customer": "acme", endpoint: "acme/echo" }, 5e9],
  ]);
  for (const { lowNanoUsd = 0, likelyNanoUsd = 0, highNanoUsd = 0 } of rows) {
    expect(likelyNanoUsd).toBe(5e9 + 19.5 * 5e8);
    expect(highNanoUsd - likelyNanoUsd).toBe(likelyNanoUsd - lowNanoUsd);
    expect(highNanoUsd).toBeGreaterThan(likelyNanoUsd);
  }
});

test("of two days nothing is foretold, and nothing of nothing", async () => {
  const fal = await ledger([1e9, 2e9], Date.UTC(2026, 10, 11));
  const { days, total } = await fal.costs.forecast({ by: [] });
  expect(days).toBe(2);
  expect(total).toMatchObject({ soFarNanoUsd: 3e9, likelyNanoUsd: undefined });
  const none = await ledger([], Date.UTC(2026, 10, 11));
  expect(await none.costs.forecast()).toMatchObject({ rows: [], total: { soFarNanoUsd: 0 } });
});
