import type { Cost, Reservation, Store } from "fal-chain";
import { expect, test } from "vitest";
import type { Fresh } from "../fresh.ts";
import { error, intent, outcome, ticket, unbilled } from "../samples.ts";

const of = (nanoUsd: number, more: Partial<Reservation> = {}): Reservation => ({
  budget: "tag:customer=acme",
  window: 0,
  limitNanoUsd: 100,
  nanoUsd,
  ...more,
});
const measured = (nanoUsd: number): Cost => ({ source: "measured", nanoUsd });
const unknown: Cost = { source: "unknown", reason: "no_price" };

/** What is left of the budget: the most that a call may still reserve. */
async function used(store: Store): Promise<{ chargedNanoUsd: number; reservedNanoUsd: number }> {
  const { chargedNanoUsd, reservedNanoUsd } = await store.calls
    .intend(intent("probe"), { reserve: [of(1_000_000)] })
    .then(() => expect.unreachable())
    .catch((refusal) => refusal);
  return { chargedNanoUsd, reservedNanoUsd };
}

export function budgetsConform(fresh: Fresh): void {
  test("what is reserved and charged never goes over the limit", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a"), { reserve: [of(60)] });
    await expect(store.calls.intend(intent("b"), { reserve: [of(41)] })).rejects.toMatchObject({
      code: "budget_exceeded",
      budget: "tag:customer=acme",
      chargedNanoUsd: 0,
      reservedNanoUsd: 60,
      limitNanoUsd: 100,
    });
    expect(await store.calls.get("b")).toBeUndefined();
    await store.calls.intend(intent("b"), { reserve: [of(40)] });
    await store.calls.charged("a", measured(10), 2);
    expect(await used(store)).toEqual({ chargedNanoUsd: 10, reservedNanoUsd: 40 });
    await store.calls.charged("a", { source: "invoiced", nanoUsd: 12 }, 3);
    expect(await used(store)).toEqual({ chargedNanoUsd: 12, reservedNanoUsd: 40 });
  });

  test("what windows have used is told by the budget, by what its name begins with, and by the window", async () => {
    const { store } = await fresh();
    const names = ["tag:customer=acme", "tag:customer=a%b_c", "tag:customers=acme", "client"];
    for (const budget of names) {
      await store.calls.intend(intent(budget), {
        reserve: [of(10, { budget }), of(5, { budget, window: 7 })],
      });
    }
    await store.calls.charged("client", measured(3), 2);
    const told = async (query: Parameters<Store["used"]>[0]) =>
      (await store.used(query))
        .map((use) => [use.budget, use.window, use.chargedNanoUsd, use.reservedNanoUsd])
        .sort((a, b) => (String(a) < String(b) ? -1 : 1));
    expect(await told({ budget: "client" })).toEqual([
      ["client", 0, 3, 0],
      ["client", 7, 3, 0],
    ]);
    expect(await told({ budget: "tag:customer=acme", window: 7 })).toEqual([["tag:customer=acme", 7, 0, 5]]);
    expect(await told({ beginsWith: "tag:customer=", window: 0 })).toEqual([
      ["tag:customer=a%b_c", 0, 0, 10],
      ["tag:customer=acme", 0, 0, 10],
    ]);
    expect(await told({})).toHaveLength(8);
    expect(await told({ budget: "none" })).toEqual([]);
  });

  test("a cost that comes with the result is charged with it, and is as certain as it was", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a"), { reserve: [of(60)] });
    await store.calls.completed("a", { ...outcome, cost: measured(10) }, 2);
    expect(await store.calls.get("a")).toMatchObject({ state: "completed", outcome, cost: measured(10) });
    expect((await store.calls.get("a"))?.outcome).toStrictEqual(outcome);
    expect(await used(store)).toEqual({ chargedNanoUsd: 10, reservedNanoUsd: 0 });
    // Said again, as a rescue file does: the result stays, and a cost that is known better counts.
    await store.calls.completed("a", { ...outcome, data: "other", cost: measured(12) }, 3);
    expect(await used(store)).toEqual({ chargedNanoUsd: 12, reservedNanoUsd: 0 });
    await store.calls.completed("a", { ...outcome, cost: unknown }, 4);
    expect(await store.calls.get("a")).toMatchObject({ outcome, cost: measured(12), endedAt: 2 });
  });

  test("a window tells the limit that was last held to", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a"), { reserve: [of(10, { limitNanoUsd: 100 })] });
    await store.calls.intend(intent("b"), { reserve: [of(10, { limitNanoUsd: 50 })] });
    const refused = store.calls.intend(intent("c"), { reserve: [of(10, { limitNanoUsd: 15 })] });
    await expect(refused).rejects.toMatchObject({ code: "budget_exceeded" });
    await store.calls.charged("a", measured(7), 2);
    expect(await store.used({})).toMatchObject([
      { limitNanoUsd: 50, chargedNanoUsd: 7, reservedNanoUsd: 10 },
    ]);
  });

  test("many calls at once do not overshoot either", async () => {
    const { store } = await fresh();
    const ids = Array.from({ length: 20 }, (_, n) => `c${n}`);
    const all = await Promise.allSettled(
      ids.map((id) => store.calls.intend(intent(id), { reserve: [of(15)] })),
    );
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(6);
    expect(await used(store)).toEqual({ chargedNanoUsd: 0, reservedNanoUsd: 90 });
    expect(await store.calls.list()).toHaveLength(6);
  });

  test("one budget without room keeps the others as they were", async () => {
    const { store } = await fresh();
    const run = of(30, { budget: "run:poster/1", limitNanoUsd: 20 });
    await expect(store.calls.intend(intent("a"), { reserve: [of(30), run] })).rejects.toMatchObject({
      budget: "run:poster/1",
    });
    expect(await used(store)).toEqual({ chargedNanoUsd: 0, reservedNanoUsd: 0 });
  });

  test("each window of a budget counts by itself", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a"), { reserve: [of(100)] });
    await store.calls.intend(intent("b"), { reserve: [of(100, { window: 86_400_000 })] });
    expect(await used(store)).toEqual({ chargedNanoUsd: 0, reservedNanoUsd: 100 });
  });

  test("the calls that took a window beyond its limit are told, those first that did so most", async () => {
    const { store } = await fresh();
    const window = of(10, { limitNanoUsd: 1_000 });
    for (const id of ["a", "b", "c", "d", "e", "f", "g"]) {
      await store.calls.intend(intent(id), { reserve: [window] });
    }
    await store.calls.intend(intent("other"), { reserve: [of(10, { budget: "client" })] });
    await store.calls.charged("other", measured(500), 2);
    const costs = { a: 11, b: 300, c: 10, d: 40, e: 30, f: 20 };
    for (const [id, nanoUsd] of Object.entries(costs)) await store.calls.charged(id, measured(nanoUsd), 2);
    const told = await store.overruns(window.budget, window.window);
    expect(told.map(({ callId }) => callId)).toEqual(["b", "d", "e", "f", "a"]);
    expect(told[0]).toEqual({ callId: "b", endpoint: "acme/echo", reservedNanoUsd: 10, chargedNanoUsd: 300 });
    expect(await store.overruns("client", 7)).toEqual([]);
  });

  test("of all who would say the same one is the first", async () => {
    const { store } = await fresh();
    const asked = await Promise.all(Array.from({ length: 10 }, () => store.isFirst("client 0 0.9", 1)));
    expect(asked.filter(Boolean)).toHaveLength(1);
    expect(await store.isFirst("client 0 0.5", 1)).toBe(true);
    expect(await store.isFirst("client 0 0.5", 2)).toBe(false);
  });

  test("what one call reserves twice of a budget counts twice", async () => {
    const { store } = await fresh();
    await expect(store.calls.intend(intent("a"), { reserve: [of(60), of(60)] })).rejects.toMatchObject({
      code: "budget_exceeded",
    });
    await store.calls.intend(intent("a"), { reserve: [of(30), of(30)] });
    expect(await used(store)).toEqual({ chargedNanoUsd: 0, reservedNanoUsd: 60 });
    await store.calls.charged("a", measured(5), 2);
    expect(await used(store)).toEqual({ chargedNanoUsd: 5, reservedNanoUsd: 0 });
  });

  test("doubt and unknown costs keep what was reserved; a failure that was not billed frees it", async () => {
    const { store } = await fresh();
    for (const id of ["a", "b", "c", "d"]) await store.calls.intend(intent(id), { reserve: [of(10)] });
    await store.calls.ambiguous("a", "ECONNRESET", 2);
    await store.calls.completed("b", outcome, 2);
    await store.calls.charged("b", unknown, 3);
    await store.calls.failed("c", error, 2);
    await store.calls.givenUp("d", "caller", 2);
    expect(await used(store)).toEqual({ chargedNanoUsd: 0, reservedNanoUsd: 40 });
    await store.calls.failed("a", unbilled, 4);
    expect(await used(store)).toEqual({ chargedNanoUsd: 0, reservedNanoUsd: 30 });
    await store.calls.submitted("a", ticket("r1"), 5);
    expect(await used(store)).toEqual({ chargedNanoUsd: 0, reservedNanoUsd: 40 });
  });
}
