import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiError, type Fal, type Run, RunBlockedError, type RunEvent } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { collect, ECHO, failureOf } from "../support/setup.ts";
import { kindOf } from "../support/wire.ts";

interface Echoed {
  echo: { n: number };
}

/** Three calls in sequence, each of which needs the one before. */
const three = (fal: Fal, seen: number[] = []) =>
  fal.chain("three", async (input: { n: number }) => {
    let n = input.n;
    for (let i = 0; i < 3; i++) {
      const { data } = await fal.subscribe(ECHO, { input: { n } });
      n = (data as Echoed).echo.n + 1;
      seen.push(n);
    }
    return n;
  });

const kinds = (events: readonly RunEvent[]) =>
  events.map((event) => (event.type === "call" ? event.event.type : event.type));

test("a run whose process died is taken over when its lease is over, and pays for nothing again", async () => {
  const { emulator, start } = processes();
  const first = start();
  const dying = three(first.fal).start({ n: 1 }, { id: "a" });
  for await (const event of dying) {
    if (event.type === "call" && event.event.type === "running" && emulator.jobs.length === 2) break;
  }
  first.kill();

  const run = three(start().fal).start({ n: 1 }, { id: "a" });
  const { seen } = await collect(run);
  expect(await run).toBe(4);
  expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  const resumed = seen.slice(seen.findIndex(({ type }) => type === "resumed"));
  expect(kinds(resumed).filter((kind) => kind === "reused" || kind === "submitted")).toEqual([
    "reused",
    "submitted",
    "submitted",
  ]);
  // What the first process told comes before what the second tells.
  expect(seen[0]).toMatchObject({ type: "started", chain: "three", run: "a" });
  expect(await run.total).toMatchObject({ calls: 3, unknown: 0, nanoUsd: 30_000_000 });
});

test("a run that has ended gives its output to a later process, without a request", async () => {
  const { start } = processes();
  await three(start().fal).start({ n: 1 }, { id: "a" });
  const later = start();
  const executed: number[] = [];
  const run = three(later.fal, executed).start({ n: 1 }, { id: "a" });
  expect(await run).toBe(4);
  const { seen } = await collect(run);
  expect(kinds(seen).filter((kind) => kind === "completed")).toHaveLength(4);
  expect(executed).toEqual([]);
  expect(later.sent).toEqual([]);
});

test("a run that another process executes is observed", async () => {
  const { start, emulator } = processes();
  const one = three(start().fal).start({ n: 1 }, { id: "a" });
  const executed: number[] = [];
  const other = three(start().fal, executed).start({ n: 1 }, { id: "a" });
  const [live, seen] = await Promise.all([collect(one), collect(other)]);
  expect([await one, await other, executed]).toEqual([4, 4, []]);
  expect(emulator.jobs).toHaveLength(3);
  const told = (events: readonly RunEvent[]) => kinds(events).filter((kind) => kind !== "charged");
  expect(told(seen.seen)).toEqual(told(live.seen));
});

test("a run that is cancelled from another process stops where it runs, and upstream", async () => {
  const { start, emulator } = processes({ models: [echo({ seconds: 60 })] });
  const one = three(start().fal).start({ n: 1 }, { id: "a" });
  const other = start().fal;
  for await (const event of one) if (event.type === "call" && event.event.type === "running") break;
  expect(await other.runs.cancel("three", "a", "no longer wanted")).toBe("running");
  expect(await failureOf(one)).toMatchObject({ name: "AbortError", cause: "no longer wanted" });
  await one.total;
  expect(emulator.received.filter(({ method }) => method === "PUT")).toHaveLength(1);
  expect(emulator.jobs).toHaveLength(1);
  expect(await other.runs.get("three", "a")).toMatchObject({ state: "cancelled" });
  expect(await failureOf(three(other).start({ n: 1 }, { id: "a" }))).toMatchObject({ name: "AbortError" });
});

/** Two equal branches, and one that fails where the emulator says so. */
const failing = (fal: Fal) =>
  fal.chain("failing", async () => {
    const first = await fal.subscribe(ECHO, { input: { n: 1 } });
    const second = await fal.subscribe(ECHO, { input: { n: 2 } });
    return [first, second].length;
  });

test("a failure is kept: start gives it again, and resume goes on from the step that failed", async () => {
  const { start, emulator } = processes();
  emulator.faults.next({ operation: "submit", nth: 2 }, "completed-with-error");
  const first = await failureOf(failing(start().fal).start(undefined, { id: "a" }));
  expect(first).toBeInstanceOf(ApiError);
  expect(emulator.jobs).toHaveLength(2);

  const again = (await failureOf(failing(start().fal).start(undefined, { id: "a" }))) as ApiError;
  const { status, errorType, message, billed, retryable } = first as ApiError;
  expect(again).toBeInstanceOf(ApiError);
  expect(again).toMatchObject({ status, errorType, message, billed, retryable });
  expect(emulator.jobs).toHaveLength(2);

  expect(await failing(start().fal).resume("a")).toBe(2);
  expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }, { n: 2 }]);
});

test("a failure that the code lived with is not paid for again", async () => {
  const { start, emulator } = processes({ models: [echo(), echo({ id: "acme/other" })] });
  emulator.faults.next({ operation: "submit", endpoint: ECHO }, "completed-with-error");
  let dies = true;
  const chain = (fal: Fal) =>
    fal.chain("fallback", async () => {
      const { data } = await fal.fallback([
        () => fal.subscribe(ECHO, { input: {} }),
        () => fal.subscribe("acme/other", { input: { n: 7 } }),
      ]);
      if (dies) throw new Error("a bug");
      return (data as Echoed).echo.n;
    });
  expect(await failureOf(chain(start().fal).start(undefined, { id: "a" }))).toMatchObject({
    message: "a bug",
  });
  dies = false;
  expect(await chain(start().fal).resume("a")).toBe(7);
  expect(emulator.jobs.map(({ endpoint }) => endpoint)).toEqual([ECHO, "acme/other"]);
});

test("several failures are gone on from, one after the other, and each paid step is kept", async () => {
  const { start, emulator } = processes({ concurrency: 3 });
  const chain = (fal: Fal) =>
    fal.chain("both", async () => {
      const both = await Promise.all([1, 2, 3].map((n) => fal.subscribe(ECHO, { input: { n } })));
      return both.length;
    });
  emulator.faults.next({ operation: "submit", nth: 1 }, "completed-with-error");
  emulator.faults.next({ operation: "submit", nth: 3 }, "completed-with-error");
  const { fal } = start();
  const failed = chain(fal).start(undefined, { id: "a" });
  await failureOf(failed);
  await failed.total;
  const resumed = chain(start().fal).resume("a");
  expect(await resumed).toBe(3);
  // However often it is replayed until nothing fails any more, it counts once.
  expect(await resumed.total).toMatchObject({ nanoUsd: 30_000_000 });
  expect(emulator.jobsWith({ n: 2 })).toHaveLength(1);
  expect(emulator.jobsWith({ n: 1 }).length + emulator.jobsWith({ n: 3 }).length).toBe(4);
});

test("a submit in doubt blocks the run; once it is settled the run goes on", async () => {
  const { start, emulator, store } = processes({ history: { endedOnly: true } });
  emulator.history.forbidden = true;
  emulator.faults.next({ operation: "submit", nth: 2 }, "lost-response");
  const blocked = (await failureOf(failing(start().fal).start(undefined, { id: "a" }))) as RunBlockedError;
  expect(blocked).toBeInstanceOf(RunBlockedError);
  expect(blocked).toMatchObject({ chain: "failing", run: "a", step: `${ECHO} #2`, endpoint: ECHO });
  expect(await start().fal.runs.get("failing", "a")).toMatchObject({ state: "blocked" });
  const record = await store.calls.get(blocked.callId);
  expect(record).toMatchObject({ state: "ambiguous", for: { run: "a" } });

  // Nothing has changed: it stays blocked, and is not paid for again.
  const still = await failureOf(failing(start().fal).start(undefined, { id: "a" }));
  expect(still).toBeInstanceOf(RunBlockedError);
  expect(emulator.jobs).toHaveLength(2);

  emulator.history.forbidden = false;
  expect(await failing(start().fal).resume("a")).toBe(2);
  expect(emulator.jobs).toHaveLength(2);
});

test("what was cut before the first byte is in doubt too, and stays unsent unless the code says so", async () => {
  const { start, emulator } = processes();
  const first = start({
    wire: (request, forward) => {
      if (kindOf(request) !== "submit") return forward();
      first.kill();
      return new Promise(() => {});
    },
  });
  void failing(first.fal).start(undefined, { id: "a" });
  const next = start();
  const blocked = await failureOf(failing(next.fal).start(undefined, { id: "a" }));
  expect(blocked).toBeInstanceOf(RunBlockedError);
  expect((blocked as Error).cause).toMatchObject({ verdict: "unseen" });
  expect(emulator.jobs).toHaveLength(0);

  const bold = start({ ambiguousSubmit: "resubmit-if-unseen" });
  expect(await failing(bold.fal).start(undefined, { id: "a" })).toBe(2);
  expect(emulator.jobs).toHaveLength(2);
});

test("equal calls that were all in doubt get one request each", async () => {
  const { start, emulator } = processes();
  const chain = (fal: Fal) =>
    fal.chain("equal", async () => {
      const all = await Promise.all([1, 2].map(() => fal.subscribe(ECHO, { input: { n: 1 } })));
      return new Set(all.map(({ requestId }) => requestId)).size;
    });
  let accepted = 0;
  const first = start({
    wire: async (request, forward) => {
      if (kindOf(request) !== "submit") return forward();
      const reply = await forward();
      accepted++;
      if (accepted === 2) first.kill();
      await reply.body?.cancel();
      return new Promise(() => {});
    },
  });
  void chain(first.fal).start(undefined, { id: "a" });
  expect(await chain(start().fal).start(undefined, { id: "a" })).toBe(2);
  expect(emulator.jobs).toHaveLength(2);
});

test.each(["before", "after"] as const)(
  "an owner that stood still %s its intent was noted does not pay when it wakes",
  async (moment) => {
    const { start, emulator, clock, store } = processes();
    let thaw: (() => void) | undefined;
    const first = start();
    const stalled = start({
      onStore: (name, when) => {
        if (name === "calls.intend" && when === moment) thaw ??= stalled.freeze();
      },
    });
    const woken = failing(stalled.fal).start(undefined, { id: "a" });
    await clock.sleep(60_000);
    const other = failing(first.fal).start(undefined, { id: "a" });
    // An intent that was noted is in doubt: nobody knows that it was never sent.
    if (moment === "before") expect(await other).toBe(2);
    else expect(await failureOf(other)).toBeInstanceOf(RunBlockedError);
    const paid = emulator.jobs.length;
    thaw?.();
    if (moment === "before") expect(await woken).toBe(2);
    else expect(await failureOf(woken)).toBeInstanceOf(RunBlockedError);
    expect(emulator.jobs).toHaveLength(paid);
    // It may not even note an intent any more.
    expect(await store.calls.list({ run: "a" })).toHaveLength(moment === "before" ? 2 : 1);
    expect(stalled.sent.filter(({ kind }) => kind === "submit")).toEqual([]);
  },
);

test("a run that is let go is taken over at once, and nothing of it is cancelled", async () => {
  const { start, emulator, clock, store } = processes();
  const first = start();
  const run = failing(first.fal).start(undefined, { id: "a" });
  for await (const event of run) if (event.type === "call" && event.event.type === "running") break;
  const before = clock.now();
  const closed = first.fal.close();
  expect(await failureOf(run)).toMatchObject({ code: "run_detached" });
  await closed;
  expect(await store.calls.list({ run: "a" })).toMatchObject([{ state: "submitted" }]);
  expect(await failing(start().fal).start(undefined, { id: "a" })).toBe(2);
  expect(clock.now() - before).toBeLessThan(15_000);
  expect(emulator.jobs).toHaveLength(2);
  expect(emulator.received.filter(({ method }) => method === "PUT")).toEqual([]);
});

test("resume needs a run, and goes on with every interrupted one that this client has a chain for", async () => {
  const { start } = processes();
  const first = start();
  const run = three(first.fal).start({ n: 1 }, { id: "a" });
  await run.detach().catch(() => {});
  await failureOf(run);
  const { fal } = start();
  const chain = three(fal);
  expect(await failureOf(chain.resume("b"))).toMatchObject({ code: "run_unknown" });
  expect(await fal.runs.list()).toMatchObject([{ chain: "three", id: "a", state: "interrupted" }]);
  const resumed = await fal.runs.resumeAll();
  expect(await Promise.all(resumed)).toEqual([4]);
  expect(await fal.runs.forget("three", "a")).toBe(true);
  expect(await fal.runs.list()).toEqual([]);
});

test("where the store keeps ids only, a paid result is fetched again, and resume says what it needs", async () => {
  const dir = mkdtempSync(join(tmpdir(), "fal-chain-ids-"));
  const { start, emulator, clock } = processes();
  const store = sqliteStore(join(dir, "ids.db"), { keep: "ids", clock });
  const first = start({ store });
  const dying = three(first.fal).start({ n: 1 }, { id: "a" });
  for await (const event of dying) {
    if (event.type === "call" && event.event.type === "running" && emulator.jobs.length === 2) break;
  }
  await dying.detach();
  expect(await failureOf(dying)).toMatchObject({ code: "run_detached" });
  const { fal } = start({ store });
  expect(await failureOf(three(fal).resume("a"))).toMatchObject({ code: "store" });
  expect(await three(fal).start({ n: 1 }, { id: "a" })).toBe(4);
  expect(emulator.jobs).toHaveLength(3);
  await store.close();
  rmSync(dir, { recursive: true });
});

test.each([
  ["calls.intend", "before"],
  ["calls.intend", "after"],
  ["calls.submitted", "before"],
  ["calls.submitted", "after"],
] as const)("a run that is let go at a submit (%s, %s) leaves no doubt", async (name, when) => {
  const { emulator, start } = processes();
  let run: Run<number> | undefined;
  let left: Promise<void> | undefined;
  const first = start({
    onStore: (told, at) => {
      if (told === name && at === when && emulator.jobs.length > 0) left ??= run?.detach();
    },
  });
  run = three(first.fal).start({ n: 1 }, { id: "a" });
  expect(await failureOf(run)).toMatchObject({ code: "run_detached" });
  await left;
  const second = start();
  expect(await three(second.fal).start({ n: 1 }, { id: "a" })).toBe(4);
  expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  // Nothing had to be looked up.
  expect(second.sent.filter(({ url }) => url.includes("/requests/by-endpoint"))).toEqual([]);
});

test("a run that failed within an inner run is resumed from there, also by another process", async () => {
  const { emulator, start } = processes();
  let broken = true;
  const album = (fal: Fal) => {
    const page = fal.chain("page", async (n: number) => {
      await fal.subscribe(ECHO, { input: { n } });
      if (n === 2 && broken) throw new Error("a bug");
      await fal.subscribe(ECHO, { input: { n, again: true } });
    });
    return fal.chain("album", async () => {
      for (const n of [1, 2, 3]) await page.start(n);
    });
  };
  const { fal } = start();
  await failureOf(album(fal).start(undefined, { id: "a" }));
  expect(await failureOf(album(fal).start(undefined, { id: "a" }))).toMatchObject({ message: "a bug" });
  expect(emulator.jobs).toHaveLength(3);
  broken = false;
  await album(start().fal).resume("a");
  expect(emulator.jobs).toHaveLength(6);
});

test("an inner run that failed and was caught is not tried again", async () => {
  const { emulator, start } = processes();
  let broken = true;
  const outer = (fal: Fal) => {
    const inner = fal.chain("inner", async () => {
      await fal.subscribe(ECHO, { input: {} });
      throw new Error("no good");
    });
    return fal.chain("outer", async () => {
      const caught = await failureOf(inner.start());
      if (broken) throw new Error("a bug");
      return (caught as Error).message;
    });
  };
  await failureOf(outer(start().fal).start(undefined, { id: "a" }));
  broken = false;
  expect(await outer(start().fal).resume("a")).toBe("no good");
  expect(emulator.jobs).toHaveLength(1);
});

test("a run's total is of all that it ever called, and the same whoever asks", async () => {
  const { emulator, start, store } = processes();
  const one = (fal: Fal) => fal.chain("one", async () => void (await fal.subscribe(ECHO, { input: {} })));
  emulator.faults.next("submit", "completed-with-error; status=422; billableUnits=1");
  const { fal } = start();
  const failed = one(fal).start(undefined, { id: "a" });
  await failureOf(failed);
  await failed.total;
  await fal.reconcile();
  const resumed = one(fal).resume("a");
  await resumed;
  expect(await resumed.total).toEqual({ nanoUsd: 20_000_000, calls: 2, unknown: 0 });
  const { total } = await fal.costs({ chain: "one", run: "a", by: [] });
  expect(total).toMatchObject(await resumed.total);
  expect(await one(start().fal).start(undefined, { id: "a" }).total).toEqual(await resumed.total);
  expect(await store.calls.list()).toHaveLength(2);
});
