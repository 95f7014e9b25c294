import type { RunQuery, StepRecord } from "fal-chain";
import { expect, test } from "vitest";
import type { Fresh } from "../fresh.ts";
import { claim, error, intent, outcome, owner, ticket } from "../samples.ts";

const fence = (epoch: number) => ({ chain: "poster", run: "1", epoch });
const step = (key: string, value: string): StepRecord => ({ key, name: key, value, error: undefined, at: 9 });

export function runsConform(fresh: Fresh): void {
  test("a run is its first claimer's, and is read back as it was written", async () => {
    const { store } = await fresh();
    const budget = { usd: 1, unknownPrice: { assumeUsd: 0.5 } };
    const startedFor = { job: "job-7", within: [{ chain: "outer", id: "a/b" }] };
    const first = await store.runs.claim(claim("1", { budget, startedFor }));
    const expected = {
      chain: "poster",
      id: "1",
      input: '{"prompt":"a fox"}',
      tags: { customer: "Acme & Söhne" },
      budget,
      startedFor,
      state: "running",
      output: undefined,
      error: undefined,
      failedKeys: [],
      epoch: 1,
      owner: owner(1),
      cancelReason: undefined,
      startedAt: 5,
      endedAt: undefined,
    };
    expect(first).toStrictEqual({ run: expected, owned: true });
    const second = await store.runs.claim(
      claim("1", { owner: owner(2), input: "2", tags: {}, budget: { usd: 2 }, startedFor: {}, at: 6 }),
    );
    expect(second).toStrictEqual({ run: expected, owned: false });
    expect(await store.runs.get("poster", "1")).toStrictEqual(expected);
    expect(await store.runs.get("poster", "2")).toBeUndefined();
  });

  test("a run keeps its budget until whoever takes it over brings another one", async () => {
    const { store } = await fresh();
    const next = async (pid: number, usd?: number) => {
      await store.runs.release(fence(pid - 1));
      return (
        await store.runs.claim(
          claim("1", { owner: owner(pid), budget: usd === undefined ? undefined : { usd } }),
        )
      ).run.budget;
    };
    expect(await next(1)).toBeUndefined();
    expect(await next(2, 2)).toEqual({ usd: 2 });
    expect(await next(3)).toEqual({ usd: 2 });
    expect(await next(4, 4)).toEqual({ usd: 4 });
  });

  test("a run without an owner is only noted, and the first who claims it has it", async () => {
    const { store } = await fresh();
    const noted = await store.runs.claim(claim("1", { owner: undefined }));
    expect(noted).toMatchObject({ owned: false, run: { state: "running", epoch: 0, owner: undefined } });
    expect(await store.runs.renew(fence(0), 1_000)).toMatchObject({ held: false });
    expect(await store.runs.claim(claim("1"))).toMatchObject({
      owned: true,
      run: { epoch: 1, owner: owner(1) },
    });
    await store.runs.release(fence(1));
    expect(await store.runs.claim(claim("1", { owner: undefined, input: "2" }))).toMatchObject({
      owned: false,
      run: { epoch: 1, owner: undefined, input: '{"prompt":"a fox"}' },
    });
    await store.runs.claim(claim("2", { owner: undefined }));
    expect(await store.runs.cancel("poster", "2", "why", 7)).toBe("cancelled");
  });

  test("one of many who claim a new run at once has it", async () => {
    const { store } = await fresh();
    const claims = await Promise.all(
      [1, 2, 3, 4].map((pid) => store.runs.claim(claim("1", { owner: owner(pid) }))),
    );
    expect(claims.filter(({ owned }) => owned)).toHaveLength(1);
  });

  test("a lease that ran out is taken over, and its owner's fence falls", async () => {
    const { store, pass } = await fresh();
    await store.runs.claim(claim("1", { leaseMs: 60_000 }));
    await pass(30_000);
    expect(await store.runs.renew(fence(1), 60_000)).toEqual({ held: true, cancelReason: undefined });
    await pass(50_000);
    expect(await store.runs.claim(claim("1", { owner: owner(2) }))).toMatchObject({ owned: false });
    await pass(10_000);
    const taken = await store.runs.claim(claim("1", { owner: owner(2), leaseMs: 60_000 }));
    expect(taken).toMatchObject({ owned: true, run: { epoch: 2, owner: owner(2) } });
    expect(await store.runs.renew(fence(1), 60_000)).toMatchObject({ held: false });
    const lost = { name: "LeaseLostError", code: "lease_lost" };
    await expect(store.runs.end(fence(1), { state: "completed" }, 9)).rejects.toMatchObject(lost);
    await expect(store.runs.saveStep(fence(1), step("k", "1"))).rejects.toMatchObject(lost);
    await expect(store.runs.dropSteps(fence(1), ["k"])).rejects.toMatchObject(lost);
    await expect(store.runs.appendEvents(fence(1), ["{}"])).rejects.toMatchObject(lost);
    await store.runs.saveStep(fence(2), step("k", "2"));
    expect(await store.runs.steps("poster", "1")).toEqual([step("k", "2")]);
  });

  test("a lease that is over protects nothing, and may be had again while nobody took it", async () => {
    const { store, pass } = await fresh();
    await store.runs.claim(claim("1", { leaseMs: 60_000 }));
    await pass(60_000);
    await expect(store.runs.appendEvents(fence(1), ["{}"])).rejects.toMatchObject({ code: "lease_lost" });
    expect(await store.runs.renew(fence(1), 60_000)).toMatchObject({ held: true });
    await store.runs.appendEvents(fence(1), ["{}"]);
  });

  test("a run that was let go is the next claimer's at once; one whose owner is dead is evicted", async () => {
    const { store } = await fresh();
    await store.runs.claim(claim("1"));
    await store.runs.release(fence(1));
    expect(await store.runs.get("poster", "1")).toMatchObject({ state: "running", owner: undefined });
    expect(await store.runs.renew(fence(1), 1_000)).toMatchObject({ held: false });
    expect(await store.runs.claim(claim("1", { owner: owner(2) }))).toMatchObject({ owned: true });
    await store.runs.release(fence(1));
    expect(await store.runs.claim(claim("1", { evict: 1 }))).toMatchObject({ owned: false });
    expect(await store.runs.claim(claim("1", { evict: 2 }))).toMatchObject({
      owned: true,
      run: { epoch: 3 },
    });
  });

  test("an ended run stays ended, unless the claim reopens it", async () => {
    const { store } = await fresh();
    await store.runs.claim(claim("1"));
    await store.runs.end(fence(1), { state: "failed", error, failedKeys: ["inner", "outer"] }, 9);
    const failed = { state: "failed", error, failedKeys: ["inner", "outer"], owner: undefined, endedAt: 9 };
    expect(await store.runs.get("poster", "1")).toMatchObject(failed);
    await expect(store.runs.end(fence(1), { state: "completed" }, 10)).rejects.toMatchObject({
      code: "lease_lost",
    });
    expect(await store.runs.claim(claim("1", { reopen: ["cancelled"] }))).toMatchObject({ owned: false });
    expect(await store.runs.claim(claim("1", { reopen: ["failed"] }))).toMatchObject({
      owned: true,
      run: {
        state: "running",
        epoch: 2,
        error: undefined,
        failedKeys: ["inner", "outer"],
        endedAt: undefined,
      },
    });
    await store.runs.end(fence(2), { state: "completed", output: '"done"' }, 11);
    expect(await store.runs.get("poster", "1")).toMatchObject({ state: "completed", output: '"done"' });
  });

  test("a wish to cancel reaches the owner; a run that nobody has is cancelled at once", async () => {
    const { store, pass } = await fresh();
    expect(await store.runs.cancel("poster", "1", "why", 7)).toBeUndefined();
    await store.runs.claim(claim("1"));
    expect(await store.runs.cancel("poster", "1", "no longer wanted", 7)).toBe("running");
    expect(await store.runs.cancel("poster", "1", "again", 8)).toBe("running");
    expect(await store.runs.renew(fence(1), 1_000)).toEqual({ held: true, cancelReason: "no longer wanted" });
    await pass(1_000);
    expect(await store.runs.cancel("poster", "1", "again", 8)).toBe("cancelled");
    expect(await store.runs.renew(fence(1), 1_000)).toEqual({
      held: false,
      cancelReason: "no longer wanted",
    });
    expect(await store.runs.get("poster", "1")).toMatchObject({ owner: undefined, endedAt: 8 });
    expect(await store.runs.cancel("poster", "1", "again", 9)).toBe("cancelled");
  });

  test("a blocked run waits for a person, who may reopen or cancel it", async () => {
    const { store } = await fresh();
    await store.runs.claim(claim("1"));
    await store.runs.end(fence(1), { state: "blocked", error, failedKeys: ["k"] }, 9);
    expect(await store.runs.get("poster", "1")).toMatchObject({
      ...{ state: "blocked", failedKeys: ["k"], endedAt: undefined },
    });
    expect(await store.runs.claim(claim("1"))).toMatchObject({ owned: false });
    expect(await store.runs.claim(claim("1", { reopen: ["blocked"] }))).toMatchObject({
      owned: true,
      run: { failedKeys: [] },
    });
    await store.runs.end(fence(2), { state: "blocked" }, 9);
    expect(await store.runs.cancel("poster", "1", "why", 10)).toBe("cancelled");

    await store.runs.claim(claim("1", { reopen: ["cancelled"] }));
    await store.runs.cancel("poster", "1", "why", 11);
    await store.runs.end(fence(3), { state: "blocked" }, 12);
    expect(await store.runs.get("poster", "1")).toMatchObject({ state: "cancelled", endedAt: 12 });
  });

  test("of a step's outcomes the first stays, until it is taken back", async () => {
    const { store } = await fresh();
    await store.runs.claim(claim("1"));
    const broken: StepRecord = { key: "b", name: "b", value: undefined, error, at: 9 };
    await store.runs.saveStep(fence(1), step("a", "1"));
    await store.runs.saveStep(fence(1), broken);
    await store.runs.saveStep(fence(1), step("a", "2"));
    expect(await store.runs.steps("poster", "1")).toStrictEqual([step("a", "1"), broken]);
    await store.runs.dropSteps(fence(1), ["a", "unheard-of"]);
    await store.runs.saveStep(fence(1), step("a", "3"));
    expect(await store.runs.steps("poster", "1")).toStrictEqual([broken, step("a", "3")]);
    expect(await store.runs.steps("poster", "2")).toEqual([]);
  });

  test("events are numbered on, across owners, and read from anywhere", async () => {
    const { store } = await fresh();
    await store.runs.claim(claim("1"));
    await store.runs.appendEvents(fence(1), ["{}", '{"type":"log"}']);
    await store.runs.appendEvents(fence(1), []);
    await store.runs.release(fence(1));
    await store.runs.claim(claim("1"));
    await store.runs.appendEvents(fence(2), ["[3]"]);
    expect(await store.runs.events("poster", "1", 0)).toEqual([
      { seq: 0, event: "{}" },
      { seq: 1, event: '{"type":"log"}' },
      { seq: 2, event: "[3]" },
    ]);
    expect(await store.runs.events("poster", "1", 1, 1)).toEqual([{ seq: 1, event: '{"type":"log"}' }]);
    expect(await store.runs.events("poster", "1", 3)).toEqual([]);
    expect(await store.runs.events("poster", "2", 0)).toEqual([]);
  });

  test("what is told of an end is there with the end, or not at all", async () => {
    const { store } = await fresh();
    await store.runs.claim(claim("1"));
    await store.runs.appendEvents(fence(1), ["[0]"]);
    const ended = { state: "failed", events: ["[1]", "[2]"] } as const;
    await expect(store.runs.end(fence(7), ended, 5)).rejects.toMatchObject({ code: "lease_lost" });
    expect(await store.runs.events("poster", "1", 1)).toEqual([]);
    await store.runs.end(fence(1), ended, 5);
    await store.runs.claim(claim("1", { reopen: ["failed"] }));
    await store.runs.appendEvents(fence(2), ["[3]"]);
    expect((await store.runs.events("poster", "1", 0)).map(({ event }) => event)).toEqual([
      "[0]",
      "[1]",
      "[2]",
      "[3]",
    ]);
  });

  test("runs are listed newest first", async () => {
    const { store } = await fresh();
    await store.runs.claim(claim("2", { at: 20 }));
    await store.runs.claim(claim("1", { at: 10 }));
    await store.runs.claim(claim("1", { at: 20, chain: "other" }));
    await store.runs.end({ chain: "poster", run: "2", epoch: 1 }, { state: "completed" }, 30);
    const ids = async (query?: RunQuery) =>
      (await store.runs.list(query)).map(({ chain, id }) => `${chain}/${id}`);
    expect(await ids()).toEqual(["other/1", "poster/2", "poster/1"]);
    expect(await ids({ limit: 1 })).toEqual(["other/1"]);
    expect(await ids({ chain: "poster" })).toEqual(["poster/2", "poster/1"]);
    expect(await ids({ state: "completed" })).toEqual(["poster/2"]);
    expect(await ids({ since: 20 })).toEqual(["other/1", "poster/2"]);
  });

  test("a run is forgotten once it has ended; its calls stay in the ledger without keys and payloads", async () => {
    const { store } = await fresh();
    expect(await store.runs.forget("poster", "1")).toBe(false);
    await store.runs.claim(claim("1"));
    await store.calls.intend(intent("a", { chain: "poster", run: "1", key: "k" }), { fence: fence(1) });
    await store.calls.submitted("a", ticket("r1"), 6);
    await store.calls.completed("a", outcome, 7);
    await store.runs.saveStep(fence(1), step("s", "1"));
    await store.runs.appendEvents(fence(1), ["{}"]);
    await expect(store.runs.forget("poster", "1")).rejects.toThrow("Cancel it first");
    await store.runs.end(fence(1), { state: "completed" }, 9);
    expect(await store.runs.forget("poster", "1")).toBe(true);

    expect(await store.runs.get("poster", "1")).toBeUndefined();
    expect(await store.runs.steps("poster", "1")).toEqual([]);
    expect(await store.runs.events("poster", "1", 0)).toEqual([]);
    expect(await store.calls.get("a")).toMatchObject({
      state: "completed",
      for: { run: "1" },
      ticket: ticket("r1"),
      key: undefined,
      body: undefined,
      outcome: undefined,
      usage: { units: 1.5 },
    });
    expect(await store.runs.claim(claim("1"))).toMatchObject({ owned: true, run: { epoch: 1 } });
  });
}
