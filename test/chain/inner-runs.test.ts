import { createFal, type Fal, memoryStore } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { echo } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { ECHO, ENV, failureOf } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

/** Runs that are started within runs, and have no ids of their own. */

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** An inner run of two calls, which waits for `gate` between them. */
const gated = (fal: Fal, gate: Promise<unknown> = Promise.resolve()) => {
  const inner = fal.chain("inner", async () => {
    await fal.subscribe(ECHO, { input: { n: 1 } });
    await gate;
    await fal.subscribe(ECHO, { input: { n: 2 } });
  });
  return { inner, outer: fal.chain("outer", async () => void (await inner.start())) };
};
const INNER = "outer/a#1";

test("a run that is over here starts nothing more", async () => {
  for (const end of ["failed", "cancelled", "closed"]) {
    const { emulator, start } = processes();
    const { fal } = start();
    const gate = Promise.withResolvers<void>();
    const inner = fal.chain("inner", async () => void (await fal.subscribe(ECHO, { input: {} })));
    let late: Promise<unknown> | undefined;
    const outer = fal.chain("outer", () => {
      late = failureOf(gate.promise.then(() => inner.start(undefined, { id: "own" })));
      return end === "failed" ? Promise.reject(new Error("a bug")) : new Promise(() => {});
    });
    const run = outer.start(undefined, { id: "a" });
    await expect.poll(() => late !== undefined).toBe(true);
    if (end === "cancelled") await run.cancel();
    if (end === "closed") await fal.close();
    await failureOf(run);
    gate.resolve();
    expect(await late).toMatchObject({ code: "run_ended" });
    expect(emulator.jobs).toHaveLength(0);
  }
});

test("every inner run that failed is tried again when the outer one is resumed, whoever noted its failure", async () => {
  const { emulator, start } = processes();
  let broken = true;
  const outer = (fal: Fal) => {
    const inner = fal.chain("inner", async (n: number) => {
      await fal.subscribe(ECHO, { input: { n } });
      if (broken) throw n === 3 ? "no error at all" : new Error(`outage ${n}`);
      return n;
    });
    return fal.chain("outer", async () => {
      const all = await Promise.allSettled([1, 2, 3].map((n) => fal.step(`step ${n}`, () => inner.start(n))));
      for (const one of all) if (one.status === "rejected") throw one.reason;
      return all.length;
    });
  };
  await failureOf(outer(start().fal).start(undefined, { id: "a" }));
  broken = false;
  expect(await outer(start().fal).resume("a")).toBe(3);
  expect(emulator.jobs).toHaveLength(3);
});

test("inner runs are found again in whatever order branches come to them", async () => {
  const { emulator, start } = processes({
    models: [echo(), echo({ id: "acme/slow", seconds: 30 }), echo({ id: "acme/fast", seconds: 1 })],
  });
  let dies = true;
  const outer = (fal: Fal) => {
    const inner = fal.chain(
      "inner",
      async (who: string) => void (await fal.subscribe(ECHO, { input: { who } })),
    );
    return fal.chain("outer", async () => {
      const one = async (who: string) => {
        await fal.subscribe(`acme/${who}`, { input: {} });
        await inner.start(who);
      };
      await Promise.all(["slow", "fast"].map(one));
      if (dies) throw new Error("a bug");
    });
  };
  await failureOf(outer(start().fal).start(undefined, { id: "a" }));
  dies = false;
  await outer(start().fal).resume("a");
  expect(emulator.jobs).toHaveLength(4);
});

test("outer runs whose ids and scopes run together have inner runs of their own", async () => {
  const { emulator, start } = processes();
  const { fal } = start();
  const inner = fal.chain("inner", async () => void (await fal.subscribe(ECHO, { input: {} })));
  const branched = fal.chain("outer", async () => void (await fal.branch("7", () => inner.start())));
  await branched.start(undefined, { id: "acme" });
  const plain = fal.chain("outer", async () => void (await inner.start()));
  await plain.start(undefined, { id: "acme/7" });
  expect(emulator.jobs).toHaveLength(2);
});

test("cancelling a run reaches an inner one that was gone on with before it", async () => {
  const { emulator, start, store } = processes();
  const first = start();
  const asleep = new Promise(() => {});
  gated(first.fal, asleep)
    .outer.start(undefined, { id: "a" })
    .catch(() => {});
  await expect.poll(async () => (await store.calls.list())[0]?.state).toBe("completed");
  first.kill();

  const gate = Promise.withResolvers<void>();
  const { inner, outer } = gated(start().fal, gate.promise);
  const runs = [inner.resume(INNER), outer.resume("a")];
  await expect.poll(async () => (await store.runs.get("outer", "a"))?.epoch).toBe(2);
  await tick();
  await runs[1]?.cancel("no longer wanted");
  gate.resolve();
  await Promise.allSettled(runs);
  expect(emulator.jobs).toHaveLength(1);
  expect((await store.runs.get("inner", INNER))?.state).toBe("cancelled");
});

test("resumeAll leaves an inner run to its outer one, and cancels it where that was cancelled", async () => {
  for (const cancelled of [false, true]) {
    const { emulator, start, store } = processes();
    const first = start();
    gated(first.fal, new Promise(() => {}))
      .outer.start(undefined, { id: "a" })
      .catch(() => {});
    await expect.poll(async () => (await store.calls.list())[0]?.state).toBe("completed");
    first.kill();

    // As if it had been another process that let them go.
    for (const [chain, run] of [
      ["outer", "a"],
      ["inner", INNER],
    ] as const)
      await store.runs.release({ chain, run, epoch: 1 });
    const { fal } = start();
    gated(fal);
    if (cancelled) await fal.runs.cancel("outer", "a");
    const runs = await fal.runs.resumeAll();
    expect(runs.map(({ chain }) => chain)).toEqual(cancelled ? [] : ["outer"]);
    await Promise.all(runs);
    expect(emulator.jobs).toHaveLength(cancelled ? 1 : 2);
    expect((await store.runs.get("inner", INNER))?.state).toBe(cancelled ? "cancelled" : "completed");
  }
});

test("letting a run go lets go of what was started within it", async () => {
  const { emulator, start, store } = processes();
  const { fal } = start();
  const gate = Promise.withResolvers<void>();
  const { inner } = gated(fal, gate.promise);
  const outer = fal.chain("outer", async () => void (await fal.step("s", () => inner.start().then(() => 1))));
  const run = outer.start(undefined, { id: "a" });
  await expect.poll(async () => (await store.calls.list())[0]?.state).toBe("completed");
  await run.detach();
  gate.resolve();
  await tick();
  expect(emulator.jobs).toHaveLength(1);
  expect(await store.runs.list({ state: "running" })).toHaveLength(2);
});

test("where the store keeps ids only, an inner run that completed gives what it gave", async () => {
  const { emulator, start, clock } = processes();
  const path = `${tempDir()}/ids.db`;
  const seen: unknown[] = [];
  let stop: Promise<void> | undefined = new Promise(() => {});
  const open = () => {
    const store = sqliteStore(path, { keep: "ids", clock });
    onTestFinished(() => store.close());
    return start({ store }).fal;
  };
  const outer = (fal: Fal) => {
    const inner = fal.chain("inner", async () => (await fal.subscribe(ECHO, { input: { n: 1 } })).requestId);
    return fal.chain("outer", async () => {
      seen.push(await inner.start());
      await stop;
    });
  };
  const first = open();
  outer(first)
    .start(undefined, { id: "a" })
    .catch(() => {});
  await expect.poll(() => seen.length).toBe(1);
  await first.close();
  stop = undefined;
  await outer(open()).start(undefined, { id: "a" });
  expect(seen[1]).toEqual(seen[0]);
  expect(emulator.jobs).toHaveLength(1);
});

test("a run of a client that keeps its runs elsewhere is refused within a run, unless it has an id of its own", async () => {
  const { emulator, start, clock } = processes();
  const theirs = createFal({
    env: ENV,
    clock,
    store: memoryStore({ clock }),
    fetch: async (...request) => emulator.fetch(new Request(...request)),
  });
  const inner = theirs.chain("inner", async () => void (await theirs.subscribe(ECHO, { input: {} })));
  const { fal } = start();
  const outer = fal.chain("outer", async () => void (await inner.start()));
  expect(await failureOf(outer.start(undefined, { id: "a" }))).toMatchObject({ code: "run_elsewhere" });
  expect(emulator.jobs).toHaveLength(0);
  const named = fal.chain("named", async () => void (await inner.start(undefined, { id: "own" })));
  await named.start(undefined, { id: "a" });
  expect(emulator.jobs).toHaveLength(1);
});

test("what is only noted within a run is noted once", async () => {
  const { start, store } = processes();
  let dies = true;
  const outer = (fal: Fal) =>
    fal.chain("outer", async () => {
      await fal.runs.add("inner", { n: 1 });
      if (dies) throw new Error("a bug");
    });
  await failureOf(outer(start().fal).start(undefined, { id: "a" }));
  dies = false;
  await outer(start().fal).resume("a");
  expect(await store.runs.list({ chain: "inner" })).toHaveLength(1);
});

test("a request within itself waits for nothing, whichever client and run is in between", async () => {
  const { start } = processes();
  const [a, b] = [start({ trustRequestId: true }).fal, start({ trustRequestId: true }).fal];
  const request = new Headers({ "x-fal-request-id": "r1" });
  expect(await a.handle(request, () => b.handle(request, async () => "two clients"))).toBe("two clients");
  const inner = a.chain("inner", async () => a.handle(request, async () => "a run between"));
  const other = new Headers({ "x-fal-request-id": "r2" });
  expect(
    await a.handle(other, () => a.withRequest(request, () => a.handle(request, () => inner.start()))),
  ).toBe("a run between");
});
