import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Fresh } from "../fresh.ts";
import { claim, intent, outcome, ticket } from "../samples.ts";

/** Five kilobytes that no compression makes fit. */
function long(seed: string, end = ""): string {
  let text = seed;
  while (text.length < 5_000) text += createHash("sha512").update(text).digest("hex");
  return text + end;
}

export function namesConform(fresh: Fresh): void {
  test("names of five kilobytes, which may differ at their ends only, are names as any", async () => {
    const { store } = await fresh();
    const chain = long("chain");
    const runs = ["1", "2"].map((end) => long("run", end));
    const key = long("key");
    for (const [n, run] of runs.entries()) {
      const fence = { chain, run, epoch: 1 };
      const requestId = long("request", run);
      expect(await store.runs.claim(claim(run, { chain, leaseMs: 60_000 }))).toMatchObject({
        owned: true,
        run: { chain, id: run },
      });
      const call = intent(`c${n}`, {
        chain,
        run,
        key,
        step: long("step"),
        rootRun: long("root"),
        jobId: long("job"),
      });
      await store.calls.intend(call, { fence });
      await expect(store.calls.intend({ ...call, id: `other ${n}` }, { fence })).rejects.toThrow(
        "two of its steps",
      );
      await store.calls.submitted(`c${n}`, ticket(requestId), 2);
      await store.calls.completed(`c${n}`, outcome, 3);
      expect(await store.calls.list({ requestId })).toMatchObject([
        { id: `c${n}`, key, ticket: { requestId } },
      ]);
      await store.runs.saveStep(fence, { key, name: long("name"), value: "1", error: undefined, at: 4 });
      await store.runs.saveStep(fence, { key, name: "again", value: "2", error: undefined, at: 5 });
      expect(await store.runs.steps(chain, run)).toEqual([
        { key, name: long("name"), value: "1", error: undefined, at: 4 },
      ]);
      await store.runs.appendEvents(fence, ['"one"']);
      expect(await store.runs.events(chain, run, 0)).toEqual([{ seq: 0, event: '"one"' }]);
      expect(await store.runs.renewAll([fence], 60_000)).toMatchObject([{ held: true }]);
      await store.runs.dropSteps(fence, [key]);
      expect(await store.runs.steps(chain, run)).toEqual([]);
    }
    expect((await store.calls.list({ chain, run: runs[1] as string })).map(({ id }) => id)).toEqual(["c1"]);
    expect(
      await store.calls.list({ rootRun: long("root"), jobId: long("job"), step: long("step") }),
    ).toHaveLength(2);
    const spent = await store.spend({ by: ["chain", "run"] });
    expect(spent.map(({ group }) => group["run"]).sort()).toEqual(runs);
    expect(new Set(spent.map(({ group }) => group["chain"]))).toEqual(new Set([chain]));
    expect(await store.spend({ by: ["rootRun"] })).toMatchObject([
      { group: { rootRun: long("root") }, calls: 2 },
    ]);
    for (const run of runs) {
      await store.runs.end({ chain, run, epoch: 1 }, { state: "completed" }, 9);
      expect(await store.runs.get(chain, run)).toMatchObject({ id: run, state: "completed" });
    }
    expect((await store.runs.list({ chain })).map(({ id }) => id).sort()).toEqual(runs);
    expect(await store.runs.forget(chain, runs[0] as string)).toBe(true);
    expect((await store.runs.list({ chain })).map(({ id }) => id)).toEqual([runs[1]]);
    expect(await store.calls.list({ chain, run: runs[0] as string })).toMatchObject([
      { key: undefined, for: { chain, run: runs[0] } },
    ]);
  });

  test("a name that reads like the beginning and the hash of another one is not that one", async () => {
    const { store } = await fresh();
    const run = long("run");
    const like = `${run.slice(0, 100)}…${createHash("sha256").update(run).digest("hex")}`;
    expect(await store.runs.claim(claim(run))).toMatchObject({ owned: true });
    expect(await store.runs.get("poster", like)).toBeUndefined();
    expect(await store.runs.claim(claim(like))).toMatchObject({ owned: true, run: { id: like, epoch: 1 } });
    expect((await store.runs.list()).map(({ id }) => id).sort()).toEqual([run, like].sort());
  });

  test("no text that comes from outside fails a note, whatever is in it", async () => {
    const { store } = await fresh();
    const odd = "a \u0000 b \ud83d c";
    const fence = { chain: "poster", run: "1", epoch: 1 };
    await store.runs.claim(claim("1", { leaseMs: 60_000, tags: { customer: odd } }));
    const whom = { app: odd, jobId: odd, request: odd, claimedRoot: odd, userTags: { customer: odd } };
    await store.calls.intend(intent("a", { chain: "poster", run: "1", key: "k", ...whom }), { fence });
    await store.calls.ambiguous("a", odd, 2);
    await store.calls.submitted("a", ticket(odd), 3);
    await store.calls.completed("a", { ...outcome, data: { text: odd } }, 4);
    await store.runs.saveStep(fence, {
      key: "s",
      name: odd,
      value: JSON.stringify(odd),
      error: undefined,
      at: 4,
    });
    await store.runs.appendEvents(fence, [JSON.stringify(odd)]);
    expect(await store.runs.cancel("poster", "1", odd, 5)).toBe("running");
    expect(await store.calls.list({ requestId: odd })).toMatchObject([
      { state: "completed", outcome: { data: { text: odd } }, for: { userTags: { customer: odd } } },
    ]);
    expect(await store.calls.list({ jobId: odd })).toHaveLength(1);
    expect(await store.spend({ by: ["userTags"] })).toMatchObject([{ calls: 1 }]);
  });
}
