import type { Store } from "fal-chain";
import { describe, expect, test } from "vitest";
import type { Fresh } from "../fresh.ts";
import { intent, outcome } from "../samples.ts";

const CHEAP = { name: "acme/film {}", amount: 1, characters: 3 };
const cost = (nanoUsd: number) => ({ source: "measured", nanoUsd }) as const;

async function paid(store: Store, id: string, at: number, nanoUsd: number, kind = CHEAP): Promise<void> {
  await store.calls.intend({ ...intent(id), at, kind });
  await store.calls.completed(id, { ...outcome, cost: cost(nanoUsd) }, at + 1);
}

/** What such calls have cost. */
export function pastCostsConform(fresh: Fresh): void {
  describe("what calls of a kind have cost", () => {
    test("is told of those that are completed and priced, the newest first", async () => {
      const { store } = await fresh();
      await paid(store, "a", 1, 10);
      await paid(store, "b", 2, 20, { ...CHEAP, amount: 2 });
      await paid(store, "other", 3, 99, { ...CHEAP, name: "acme/film {4K}" });
      await store.calls.intend({ ...intent("under way"), at: 4, kind: CHEAP });
      await store.calls.intend({ ...intent("free"), at: 5, kind: CHEAP });
      await store.calls.givenUp("free", "caller", 6);
      await store.calls.charged("free", cost(0), 6);
      expect(await store.calls.pastCosts(CHEAP.name)).toEqual([
        { nanoUsd: 20, amount: 2, characters: 3 },
        { nanoUsd: 10, amount: 1, characters: 3 },
      ]);
      expect(await store.calls.pastCosts("nothing")).toEqual([]);
    });

    test("is what the bill says, as soon as it says so", async () => {
      const { store } = await fresh();
      await paid(store, "a", 1, 10);
      await store.calls.charged("a", { source: "invoiced", nanoUsd: 15 }, 5);
      expect(await store.calls.pastCosts(CHEAP.name)).toMatchObject([{ nanoUsd: 15 }]);
    });

    test("is told of the twenty newest", async () => {
      const { store } = await fresh();
      for (let n = 1; n <= 25; n++) await paid(store, `c${n}`, n, n);
      const told = await store.calls.pastCosts(CHEAP.name);
      expect(told.map(({ nanoUsd }) => nanoUsd)).toEqual(Array.from({ length: 20 }, (_, n) => 25 - n));
    });
  });
}
