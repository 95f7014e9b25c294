import type { Spend, SpendQuery, Store } from "fal-chain";
import { expect, test } from "vitest";
import type { Fresh } from "../fresh.ts";
import { claim, error, intent, outcome, ticket, unbilled } from "../samples.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A few calls of every kind. */
async function filled(fresh: Fresh): Promise<Store> {
  const { store } = await fresh();
  const poster = { chain: "poster", run: "1", jobId: "job-7", app: "acme/app", request: "in-1" };
  await store.calls.intend(intent("a", { ...poster, key: "k1", step: "large", at: 5 }));
  await store.calls.submitted("a", ticket("ra"), 6);
  await store.calls.completed("a", { ...outcome, waitSeconds: 1.5, runSeconds: 2 }, 5_005);
  await store.calls.charged("a", { source: "measured", nanoUsd: 30 }, 7);
  await store.calls.reused("a");
  await store.calls.reused("a");
  await store.calls.intend(intent("b", { ...poster, key: "k2", at: 6 }), { replaces: "a" });
  await store.calls.failed("b", error, 8);
  await store.calls.charged("b", { source: "unknown", reason: "failed" }, 9);
  await store.calls.intend(
    intent("c", { endpoint: "acme/other", userTags: { who: 'a "b" \u0000' }, at: DAY }),
  );
  await store.calls.failed("c", unbilled, DAY + 1);
  await store.calls.intend(intent("d", { at: DAY + HOUR, rootRun: "film/1", rootJob: "job-1" }));
  await store.calls.charged("d", { source: "invoiced", nanoUsd: 4 }, 9);
  return store;
}

async function spend(store: Store, query: Partial<SpendQuery>): Promise<Spend[]> {
  const found = await store.spend({ by: [], ...query });
  return found.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

const keyOf = (spend: Spend): string =>
  JSON.stringify(spend, (_, value) => (typeof value === "bigint" ? String(value) : value));

export function spendConforms(fresh: Fresh): void {
  test("calls are added up with what decides about their money", async () => {
    const store = await filled(fresh);
    expect(await spend(store, { chain: "poster", run: "1", by: ["run", "step"] })).toStrictEqual([
      {
        group: { run: "1", step: "large" },
        state: "completed",
        source: "measured",
        reason: undefined,
        billed: undefined,
        unused: "superseded",
        calls: 1,
        corrections: 0,
        nanoUsd: 30n,
        savedNanoUsd: 60n,
        reuses: 2,
        waitMs: 1500,
        runMs: 2000,
        runnerMs: 5000,
      },
      {
        group: { run: "1", step: undefined },
        state: "failed",
        source: "unknown",
        reason: "failed",
        billed: "unknown",
        unused: undefined,
        calls: 1,
        corrections: 0,
        nanoUsd: 0n,
        savedNanoUsd: 0n,
        reuses: 0,
        waitMs: 0,
        runMs: 0,
        runnerMs: 2,
      },
    ]);
  });

  test("they are grouped by what is added to their cost", async () => {
    const { store } = await fresh();
    for (const [id, markup] of [
      ["a", 0.2],
      ["b", 0.2],
      ["c", -0.05],
      ["d", undefined],
    ] as const) {
      await store.calls.intend(intent(id, { markup }));
      expect((await store.calls.get(id))?.for.markup).toBe(markup);
    }
    const found = await spend(store, { by: ["markup"] });
    expect(found.map(({ group, calls }) => [group.markup, calls])).toEqual([
      [-0.05, 1],
      [0.2, 2],
      [undefined, 1],
    ]);
  });

  test("they are grouped by days, hours and tags, and chosen by time and place", async () => {
    const store = await filled(fresh);
    const groups = async (query: Partial<SpendQuery>) =>
      (await spend(store, query)).map(({ group, calls }) => [Object.values(group), calls]);
    expect(await groups({ by: ["day"], until: DAY })).toEqual([
      [[0], 1],
      [[0], 1],
    ]);
    expect(await groups({ by: ["hour"], since: DAY + HOUR })).toEqual([[[DAY + HOUR], 1]]);
    expect(await groups({ by: ["userTags", "endpoint"], endpoint: "acme/other" })).toEqual([
      [[JSON.stringify({ who: 'a "b" \u0000' }), "acme/other"], 1],
    ]);
    expect(await groups({ by: ["request", "jobId", "app"], request: "in-1" })).toHaveLength(2);
    expect(await groups({ by: ["rootRun", "rootJob"], since: DAY + HOUR })).toEqual([
      [["film/1", "job-1"], 1],
    ]);
    expect(await groups({ by: ["rootRun"], rootRun: "film/1" })).toEqual([[["film/1"], 1]]);
    expect(await groups({ by: ["rootRun"], rootJob: "job-1" })).toEqual([[["film/1"], 1]]);
    expect(await groups({ rootRun: "film/2" })).toEqual([]);
    expect(await groups({ jobId: "job-8" })).toEqual([]);
    expect(await groups({ app: "acme/app", jobId: "job-7" })).toHaveLength(2);
    expect(await groups({ by: ["chain"], since: DAY, until: DAY + 1 })).toEqual([[[undefined], 1]]);
  });

  test("a run that completes says which of its paid calls it did without", async () => {
    const { store } = await fresh();
    const { run } = await store.runs.claim(claim("1"));
    const fence = { chain: run.chain, run: "1", epoch: 1 };
    for (const id of ["a", "b"])
      await store.calls.intend(intent(id, { chain: run.chain, run: "1", key: id }));
    await store.runs.end(fence, { state: "completed", leftOver: ["b"] }, 9);
    expect(await store.calls.get("a")).toMatchObject({ unused: undefined });
    expect(await store.calls.get("b")).toMatchObject({ unused: "left-over", key: "b" });
  });
}
