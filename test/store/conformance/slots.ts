import { expect, test } from "vitest";
import type { Fresh } from "../fresh.ts";

const slot = (call: string, more: { account?: string; holder?: string } = {}) => ({
  account: "acme",
  call,
  holder: "me",
  max: 2,
  leaseMs: 60_000,
  ...more,
});

export function slotsConform(fresh: Fresh): void {
  test("an account has so many places and no more; taking one twice is one", async () => {
    const { store } = await fresh();
    expect(await store.slots.take(slot("a"))).toBe(true);
    expect(await store.slots.take(slot("a"))).toBe(true);
    expect(await store.slots.take(slot("b"))).toBe(true);
    expect(await store.slots.take(slot("c"))).toBe(false);
    expect(await store.slots.take(slot("b"))).toBe(true);
    expect(await store.slots.take(slot("c", { account: "other" }))).toBe(true);
    await store.slots.free("a");
    await store.slots.free("unheard-of");
    expect(await store.slots.take(slot("d"))).toBe(true);
    expect(await store.slots.take(slot("e"))).toBe(false);
  });

  test("of many who want the last places, as many have them as there are", async () => {
    const { store } = await fresh();
    const calls = ["a", "b", "c", "d", "e", "f"];
    const taken = await Promise.all(calls.map((call) => store.slots.take(slot(call))));
    expect(taken.filter(Boolean)).toHaveLength(2);
  });

  test("a place whose holder is gone is free after its lease; a renewed one is not", async () => {
    const { store, pass } = await fresh();
    await store.slots.take(slot("a", { holder: "gone" }));
    await store.slots.take(slot("b", { holder: "here" }));
    await pass(40_000);
    await store.slots.renew("here", 60_000);
    await pass(20_000);
    expect(await store.slots.take(slot("c"))).toBe(true);
    expect(await store.slots.take(slot("d"))).toBe(false);
  });
}
