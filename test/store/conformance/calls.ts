import { type CallQuery, LeaseLostError, StoreError } from "fal-chain";
import { expect, test } from "vitest";
import type { Fresh } from "../fresh.ts";
import { claim, error, intent, outcome, ticket, usage } from "../samples.ts";

export function callsConform(fresh: Fresh): void {
  test("a call is read back as it was written, from intent to cost", async () => {
    const { store } = await fresh();
    const written = intent("a", {
      chain: "poster",
      run: "order-1",
      step: "the background",
      key: "k1",
      jobId: "job-7",
      app: "acme/app",
      request: "in-1",
      caller: "hash-of-bob",
      rootRun: "album/7",
      rootJob: "job-1",
      keyId: "key-1",
      account: "acme",
      claimedRoot: "theirs/1",
      at: 10,
    });
    await store.calls.intend(written);
    const { at, ...facts } = written;
    const intended = {
      ...facts,
      state: "intended",
      ticket: undefined,
      outcome: undefined,
      usage: undefined,
      error: undefined,
      doubt: undefined,
      givenUp: undefined,
      cost: undefined,
      unused: undefined,
      kind: undefined,
      reuses: 0,
      content: undefined,
      reuseOf: undefined,
      intendedAt: 10,
      refusedAt: undefined,
      sentAgainAt: undefined,
      submittedAt: undefined,
      endedAt: undefined,
    };
    expect(await store.calls.get("a")).toStrictEqual(intended);
    await store.calls.submitted("a", ticket("r1"), 20);
    await store.calls.completed("a", outcome, 30);
    const cost = { source: "measured", nanoUsd: 3_000_000_001, units: 1.5, unit: "images" } as const;
    await store.calls.charged("a", cost, 40);
    expect(await store.calls.get("a")).toStrictEqual({
      ...intended,
      state: "completed",
      ticket: ticket("r1"),
      outcome,
      usage,
      cost,
      submittedAt: 20,
      endedAt: 30,
    });
    expect(await store.calls.get("b")).toBeUndefined();
  });

  test("a call that is given what another was paid for is completed at once, and is not what others are given", async () => {
    const { store } = await fresh();
    const { calls } = store;
    const { run } = await store.runs.claim(claim("r"));
    const fence = { chain: run.chain, run: run.id, epoch: run.epoch };
    for (const [id, at] of [
      ["a", 10],
      ["b", 20],
      ["c", 30],
      ["d", 40],
    ] as const) {
      await calls.intend(intent(id, { content: id === "d" ? "other" : "same", app: `app ${id}`, at }));
      if (id !== "c") await calls.completed(id, outcome, at + 5);
    }
    const reuseOf = { call: "a", requestId: "r1", rehosted: { "https://a/new": "https://a/old" } };
    const cost = { source: "measured", nanoUsd: 0, units: 0, savedNanoUsd: 7 } as const;
    const given = { ...outcome, units: 0, cost };
    const written = intent("g", {
      chain: run.chain,
      run: run.id,
      key: "k",
      content: "same",
      at: 50,
      reuseOf,
    });
    const old = { fence: { ...fence, epoch: fence.epoch - 1 }, given };
    await expect(calls.intend(written, old)).rejects.toThrow(LeaseLostError);
    await calls.intend(written, { fence, given });
    expect(await calls.get("g")).toMatchObject({
      state: "completed",
      outcome: { data: outcome.data, units: 0 },
      ...{ cost, reuseOf, content: "same", intendedAt: 50, endedAt: 50, ticket: undefined },
    });
    const found = async (since: number) => (await calls.paidFor("same", since)).map(({ id }) => id);
    expect(await found(0)).toEqual(["b", "a"]);
    expect(await found(16)).toEqual(["b"]);
    expect((await calls.paidFor("other", 0))[0]?.for).toMatchObject({
      app: "app d",
      userTags: intent("d").for.userTags,
    });
    expect(await calls.paidFor("none", 0)).toEqual([]);
    expect((await store.spend({ by: [], run: run.id }))[0]).toMatchObject({
      nanoUsd: 0n,
      savedNanoUsd: 7n,
      reuses: 1,
    });
    await calls.reused("g");
    expect((await store.spend({ by: [], run: run.id }))[0]).toMatchObject({ savedNanoUsd: 14n, reuses: 2 });
    await store.runs.end(fence, { state: "completed", output: undefined, error: undefined }, 60);
    await store.runs.forget(run.chain, run.id);
    expect(await calls.get("g")).toMatchObject({ content: undefined, reuseOf: undefined, cost });
  });

  test("a call that was refused is not on its way until it is sent again, by whoever has its run", async () => {
    const { store } = await fresh();
    const { run } = await store.runs.claim(claim("r"));
    const fence = { chain: run.chain, run: run.id, epoch: run.epoch };
    await store.calls.intend(intent("a", { chain: run.chain, run: run.id, key: "k" }), { fence });
    await store.calls.refused("a", 20);
    expect(await store.calls.get("a")).toMatchObject({ state: "intended", refusedAt: 20 });
    await store.calls.leaves("a", 30, { fence });
    expect(await store.calls.get("a")).toMatchObject({ refusedAt: undefined, sentAgainAt: 30 });
    await store.calls.refused("a", 40);
    const old = { ...fence, epoch: fence.epoch - 1 };
    await expect(store.calls.leaves("a", 50, { fence: old })).rejects.toThrow(LeaseLostError);
    await store.calls.givenUp("a", "by-hand", 60);
    for (const inDoubt of [false, true]) {
      await expect(store.calls.leaves("a", 70, { fence, inDoubt })).rejects.toThrow(StoreError);
    }
    expect(await store.calls.get("a")).toMatchObject({ state: "given-up", refusedAt: 40, sentAgainAt: 30 });
    await store.calls.intend(intent("b"));
    await store.calls.ambiguous("b", "ECONNRESET", 15);
    await expect(store.calls.leaves("b", 16)).rejects.toThrow(StoreError);
    await store.calls.leaves("b", 17, { inDoubt: true });
    expect(await store.calls.get("b")).toMatchObject({ state: "ambiguous", sentAgainAt: 17 });
    await store.calls.submitted("b", ticket("r2"), 20);
    await expect(store.calls.leaves("b", 25, { inDoubt: true })).rejects.toThrow(StoreError);
    await store.calls.refused("b", 30);
    expect(await store.calls.get("b")).toMatchObject({ state: "submitted", refusedAt: undefined });
  });

  test("a request belongs to one call for ever", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a"));
    await store.calls.intend(intent("b"));
    await store.calls.submitted("a", ticket("r1"), 2);
    await store.calls.submitted("a", ticket("r1"), 3);
    await expect(store.calls.submitted("b", ticket("r1"), 3)).rejects.toMatchObject({
      code: "request_claimed",
    });
    await expect(store.calls.submitted("a", ticket("r2"), 3)).rejects.toMatchObject({
      code: "request_claimed",
      message: expect.stringContaining("Call a is request r1 already"),
    });
    await store.calls.submitted("b", ticket("r2"), 4);
    expect(await store.calls.get("a")).toMatchObject({ state: "submitted", submittedAt: 2 });
    expect(await store.calls.get("b")).toMatchObject({ state: "submitted", submittedAt: 4 });
  });

  test("a request is claimed by one of many who want it at once", async () => {
    const { store } = await fresh();
    const ids = ["a", "b", "c", "d", "e"];
    for (const id of ids) await store.calls.intend(intent(id));
    const claims = await Promise.allSettled(ids.map((id) => store.calls.submitted(id, ticket("r1"), 2)));
    expect(claims.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const one of claims) {
      if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "request_claimed" });
    }
    expect(await store.calls.list({ requestId: "r1" })).toHaveLength(1);
  });

  test("a result is final; what was in doubt, failed or was given up may still become one", async () => {
    const { store } = await fresh();
    for (const doubt of ["ambiguous", "failed", "givenUp"] as const) {
      await store.calls.intend(intent(doubt));
      if (doubt === "ambiguous") await store.calls.ambiguous(doubt, "why", 2);
      if (doubt === "failed") await store.calls.failed(doubt, error, 2);
      if (doubt === "givenUp") await store.calls.givenUp(doubt, "caller", 2);
      await store.calls.submitted(doubt, ticket(`r-${doubt}`), 3);
      expect(await store.calls.get(doubt)).toMatchObject({ state: "submitted", endedAt: undefined });
      await store.calls.completed(doubt, outcome, 4);
      await store.calls.completed(doubt, { ...outcome, data: "another" }, 5);
      await store.calls.failed(doubt, error, 5);
      await store.calls.givenUp(doubt, "caller", 5);
      expect(await store.calls.get(doubt)).toMatchObject({ state: "completed", outcome, endedAt: 4 });
    }
  });

  test("a call whose request is known is in no doubt, and one that failed is not given up", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a"));
    await store.calls.submitted("a", ticket("r1"), 2);
    await store.calls.ambiguous("a", "ECONNRESET", 3);
    expect(await store.calls.get("a")).toMatchObject({ state: "submitted", doubt: undefined });
    await store.calls.failed("a", error, 4);
    await store.calls.givenUp("a", "caller", 5);
    expect(await store.calls.get("a")).toMatchObject({ state: "failed", error, endedAt: 4 });
  });

  test("why a call was given up is known as long as it is", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a"));
    await store.calls.ambiguous("a", "ECONNRESET", 2);
    await store.calls.givenUp("a", "by-hand", 3);
    const given = { state: "given-up", doubt: "ECONNRESET", givenUp: "by-hand" };
    expect(await store.calls.get("a")).toMatchObject(given);
    await store.calls.givenUp("a", "run", 4);
    expect(await store.calls.get("a")).toMatchObject({ ...given, endedAt: 3 });
    await store.calls.ambiguous("a", "settled by hand", 5);
    expect(await store.calls.get("a")).toMatchObject({ state: "ambiguous", givenUp: undefined });
    await store.calls.givenUp("a", "resubmit", 6);
    expect(await store.calls.get("a")).toMatchObject({ state: "given-up", givenUp: "resubmit" });
    await store.calls.submitted("a", ticket("r1"), 7);
    expect(await store.calls.get("a")).toMatchObject({ state: "submitted", givenUp: undefined });
  });

  test("a result without a known request still learns which one it was", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a"));
    await store.calls.completed("a", outcome, 3);
    await store.calls.submitted("a", ticket("r1"), 4);
    expect(await store.calls.get("a")).toMatchObject({
      state: "completed",
      ticket: ticket("r1"),
      endedAt: 3,
    });
  });

  test("what is noted of a call that was never intended is an error", async () => {
    const { store } = await fresh();
    await expect(store.calls.submitted("x", ticket("r1"), 1)).rejects.toThrow("no call x");
    await expect(store.calls.completed("x", outcome, 1)).rejects.toThrow("no call x");
    await expect(store.calls.charged("x", { source: "unknown", reason: "no_price" }, 1)).rejects.toThrow(
      "no call x",
    );
    await expect(store.calls.intend(intent("a"), { replaces: "x" })).rejects.toThrow("no call x");
  });

  test("two calls never have the same id, nor the same key in one run", async () => {
    const { store } = await fresh();
    const place = { chain: "poster", run: "1", key: "k1" };
    await store.calls.intend(intent("a", place));
    await expect(store.calls.intend(intent("a"))).rejects.toMatchObject({ code: "store" });
    await expect(store.calls.intend(intent("b", place))).rejects.toMatchObject({ code: "store" });
    await store.calls.intend(intent("b", { ...place, run: "2" }));
    await store.calls.intend(intent("c", { ...place, key: undefined }));
    await store.calls.intend(intent("d", { ...place, key: undefined }));
    expect(await store.calls.list({ chain: "poster", run: "1" })).toHaveLength(3);
  });

  test("a call that takes another's place leaves it in the ledger, without its key", async () => {
    const { store } = await fresh();
    const place = { chain: "poster", run: "1", key: "k1" };
    await store.calls.intend(intent("a", place));
    await store.calls.failed("a", error, 2);
    await store.calls.intend(intent("b", place), { replaces: "a" });
    expect(await store.calls.get("a")).toMatchObject({ state: "failed", key: undefined });
    expect(await store.calls.get("b")).toMatchObject({ state: "intended", key: "k1" });
    await expect(store.calls.intend(intent("c", place), { replaces: "a" })).rejects.toMatchObject({
      code: "store",
    });
    expect(await store.calls.get("c")).toBeUndefined();
  });

  test("an intent under a fence that fell is not written, nor what goes with it", async () => {
    const { store, pass } = await fresh();
    const place = { chain: "poster", run: "1", key: "k1" };
    await store.runs.claim(claim("1", { leaseMs: 60_000 }));
    await store.calls.intend(intent("a", place), { fence: { chain: "poster", run: "1", epoch: 1 } });
    const later = { fence: { chain: "poster", run: "1", epoch: 1 }, replaces: "a" };
    await pass(60_000);
    await expect(store.calls.intend(intent("b", place), later)).rejects.toMatchObject({ code: "lease_lost" });
    expect(await store.calls.get("b")).toBeUndefined();
    expect(await store.calls.get("a")).toMatchObject({ key: "k1" });
    await store.calls.submitted("a", ticket("r1"), 2);
    expect(await store.calls.get("a")).toMatchObject({ state: "submitted" });
  });

  test("calls are listed newest first, by any of their facts", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("c", { at: 99, chain: "poster", run: "1" }));
    await store.calls.intend(intent("a", { at: 97 }));
    await store.calls.intend(intent("b", { at: 98, endpoint: "acme/other" }));
    await store.calls.intend(intent("b2", { at: 98, chain: "poster", run: "2" }));
    await store.calls.submitted("b", ticket("r1"), 200);
    const ids = async (query?: CallQuery) => (await store.calls.list(query)).map(({ id }) => id);
    expect(await ids()).toEqual(["c", "b2", "b", "a"]);
    expect(await ids({ limit: 2 })).toEqual(["c", "b2"]);
    expect(await ids({ state: "intended" })).toEqual(["c", "b2", "a"]);
    expect(await ids({ requestId: "r1" })).toEqual(["b"]);
    expect(await ids({ requestId: "r1", state: "intended" })).toEqual([]);
    expect(await ids({ since: 98 })).toEqual(["c", "b2", "b"]);
    expect(await ids({ until: 98 })).toEqual(["a"]);
    expect(await ids({ since: 98, until: 99, limit: 1 })).toEqual(["b2"]);
    expect(await ids({ endpoint: "acme/other" })).toEqual(["b"]);
    expect(await ids({ chain: "poster" })).toEqual(["c", "b2"]);
    expect(await ids({ chain: "poster", run: "2" })).toEqual(["b2"]);
    await store.calls.intend(
      intent("e", { at: 1, step: "large", jobId: "j", app: "acme/app", request: "in", caller: "bob" }),
    );
    for (const query of [
      { step: "large" },
      { jobId: "j" },
      { app: "acme/app" },
      { request: "in" },
      { caller: "bob" },
    ]) {
      expect(await ids(query)).toEqual(["e"]);
    }
  });

  test("calls are found by what they were made for in the end", async () => {
    const { store } = await fresh();
    const root = { rootRun: "poster/1", rootJob: "job-1" };
    await store.calls.intend(intent("a", { ...root, chain: "poster", run: "1" }));
    await store.calls.intend(intent("b", { ...root, chain: "cutout", run: "in-1" }));
    await store.calls.intend(intent("c", { rootRun: "poster/2", rootJob: "job-1" }));
    await store.calls.intend(intent("d", { claimedRoot: "poster/1" }));
    const ids = async (query: CallQuery) => (await store.calls.list(query)).map(({ id }) => id).sort();
    expect(await ids({ rootRun: "poster/1" })).toEqual(["a", "b"]);
    expect(await ids({ rootJob: "job-1" })).toEqual(["a", "b", "c"]);
    expect(await ids({ rootJob: "job-1", rootRun: "poster/2" })).toEqual(["c"]);
  });

  test("a cost is never replaced by a less certain one", async () => {
    const { store } = await fresh();
    await store.calls.intend(intent("a"));
    const unknown = { source: "unknown", reason: "no_units" } as const;
    const measured = { source: "measured", nanoUsd: 3_000 } as const;
    const invoiced = { source: "invoiced", nanoUsd: 2_900 } as const;
    await store.calls.charged("a", unknown, 1);
    expect(await store.calls.get("a")).toMatchObject({ cost: unknown });
    await store.calls.charged("a", measured, 2);
    await store.calls.charged("a", invoiced, 3);
    await store.calls.charged("a", measured, 4);
    await store.calls.charged("a", unknown, 5);
    expect(await store.calls.get("a")).toMatchObject({ cost: invoiced });
  });

  test("calls that ended without a price are found, also where a closed month is booked otherwise", async () => {
    const { store } = await fresh();
    const noPrice = { source: "unknown", reason: "no_price", units: 2 } as const;
    for (const id of ["priced", "lacks", "pending", "open", "later"])
      await store.calls.intend(intent(id, { at: 5 }));
    for (const id of ["priced", "lacks", "pending", "later"]) await store.calls.completed(id, outcome, 6);
    await store.calls.charged("priced", { source: "measured", nanoUsd: 1 }, 7);
    for (const id of ["lacks", "later"]) await store.calls.charged(id, noPrice, 7);
    await store.months.close(0, Date.UTC(1970, 1));
    await store.calls.charged("later", { source: "measured", nanoUsd: 1 }, Date.UTC(1970, 1, 2));
    const found = await store.calls.list({ unpriced: true });
    expect(found.map(({ id }) => id).sort()).toEqual(["lacks", "pending"]);
  });
}
