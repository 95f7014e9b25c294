import { type Fal, RequestClaimedError, type RunBlockedError } from "fal-chain";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { ECHO, failureOf } from "../support/setup.ts";
import { kindOf, type Wire } from "../support/wire.ts";

// What a run may have paid for is not paid for again, however it was left.

/** Two calls at once, with what else is said of them. */
const both = (fal: Fal, more: object = {}) =>
  fal.chain("both", async () => {
    const all = await Promise.all([1, 2].map((n) => fal.subscribe(ECHO, { input: { n }, ...more })));
    return all.length;
  });

const one = (fal: Fal, more: object = {}) =>
  fal.chain("one", async () => (await fal.subscribe(ECHO, { input: { n: 1 }, ...more })).requestId);

/** The submit of this input is accepted, and its answer never comes. */
const unanswered =
  (n: number): Wire =>
  async (request, forward) => {
    if (kindOf(request) !== "submit" || (await request.clone().json()).n !== n) return forward();
    const reply = await forward();
    await reply.body?.cancel();
    return new Promise(() => {});
  };

test("a call that the run left in the middle of its submit is in doubt for whoever resumes it", async () => {
  const { start, emulator } = processes();
  emulator.faults.next({ operation: "submit", nth: 1 }, "completed-with-error");
  const first = start({ wire: unanswered(2) });
  await failureOf(both(first.fal).start(undefined, { id: "a" }));
  await new Promise((resolve) => setImmediate(resolve));
  first.kill();

  expect(await both(start().fal).resume("a")).toBe(2);
  expect(emulator.jobsWith({ n: 1 })).toHaveLength(2);
  expect(emulator.jobsWith({ n: 2 })).toHaveLength(1);
});

test("a call that timed out in the middle of its submit is in doubt for whoever resumes it", async () => {
  const { start, emulator } = processes();
  const first = start({ wire: unanswered(1) });
  const error = await failureOf(one(first.fal, { timeout: 1_000 }).start(undefined, { id: "a" }));
  expect(error).toMatchObject({ name: "TimeoutError" });
  await new Promise((resolve) => setImmediate(resolve));
  first.kill();

  expect(await one(start().fal).resume("a")).toBe(emulator.jobs[0]?.requestId);
  expect(emulator.jobs).toHaveLength(1);
});

test("a call that timed out and completed all the same gives its result to whoever resumes it", async () => {
  const { start, emulator, clock } = processes();
  const left = { timeout: 1_000, cancelOnAbort: false };
  await failureOf(one(start().fal, left).start(undefined, { id: "a" }));
  await clock.sleep(10_000);
  expect(await one(start().fal).resume("a")).toBe(emulator.jobs[0]?.requestId);
  expect(emulator.jobs).toHaveLength(1);
});

test("a call that timed out and was cancelled is made again", async () => {
  const { start, emulator } = processes({ concurrency: 1, models: [echo({ seconds: 3_600 })] });
  const { fal } = start();
  await fal.subscribe(ECHO, { input: {} }).submitted;
  const error = await failureOf(one(fal, { timeout: 1_000 }).start(undefined, { id: "a" }));
  expect(await (error as { cancel: Promise<unknown> }).cancel).toBe("requested");
  expect(await one(start().fal).resume("a")).toBe(emulator.jobs[2]?.requestId);
});

test("a store that fails while a submit is looked up leaves it in doubt", async () => {
  const { start, emulator } = processes();
  emulator.faults.next("submit", "lost-response");
  const first = start({
    onStore: (name) => {
      if (name === "calls.list" && emulator.jobs.length > 0) throw new Error("the disk is away");
    },
  });
  const blocked = await failureOf(one(first.fal).start(undefined, { id: "a" }));
  expect(blocked).toMatchObject({ code: "run_blocked", cause: { verdict: "unknown" } });
  expect(await one(start().fal).resume("a")).toBe(emulator.jobs[0]?.requestId);
  expect(emulator.jobs).toHaveLength(1);
});

test("what a person gave up in doubt is not made again by a resume", async () => {
  const { start, emulator } = processes({ history: { forbidden: true } });
  emulator.faults.next("submit", "lost-response");
  const { fal } = start();
  const blocked = (await failureOf(one(fal).start(undefined, { id: "a" }))) as RunBlockedError;
  await fal.calls.settle(blocked.callId, "give-up");
  for (let again = 0; again < 2; again++) {
    const error = await failureOf(one(start().fal).resume("a"));
    expect(String(error)).toContain("given up by hand");
  }
  expect(emulator.jobs).toHaveLength(1);
});

test("a call that is made in another's place is the one that the run is blocked on", async () => {
  const { start, emulator, store } = processes({ concurrency: 1 });
  emulator.faults.next({ operation: "submit", nth: 1 }, "completed-with-error");
  const failed = both(start().fal).start(undefined, { id: "a" });
  await failureOf(failed);
  await failed.total;
  emulator.history.forbidden = true;
  const next = start({
    wire: async (request, forward) => {
      if (kindOf(request) !== "submit" || (await request.clone().json()).n !== 2) return forward();
      const reply = await forward();
      await reply.body?.cancel();
      throw new TypeError("fetch failed");
    },
  });
  const blocked = (await failureOf(both(next.fal).resume("a"))) as RunBlockedError;
  expect(blocked).toMatchObject({ code: "run_blocked" });
  expect(await store.calls.get(blocked.callId)).toMatchObject({ state: "ambiguous" });
  expect(emulator.jobsWith({ n: 2 })).toHaveLength(2);
});

test("what an attempt of a resume leaves behind asks for nothing more", async () => {
  const { start, emulator } = processes({ concurrency: 10 });
  const chain = (fal: Fal) => {
    const call = (name: string) => fal.subscribe(ECHO, { input: { name } });
    const sequence = async () => {
      for (const name of ["x1", "x2", "x3", "x4"]) await call(name);
    };
    return fal.chain("attempts", async () => {
      await Promise.all([call("a"), call("b"), sequence()]);
      return "done";
    });
  };
  emulator.faults.next({ operation: "submit", nth: 1 }, "completed-with-error");
  emulator.faults.next({ operation: "submit", nth: 2 }, "completed-with-error");
  const failed = chain(start().fal).start(undefined, { id: "a" });
  await failureOf(failed);
  await failed.total;

  expect(await chain(start().fal).resume("a")).toBe("done");
  const submits = Map.groupBy(emulator.jobs, ({ input }) => (input as { name: string }).name);
  expect([...submits].map(([name, jobs]) => [name, jobs.length]).sort()).toEqual([
    ["a", 2],
    ["b", 2],
    ["x1", 1],
    ["x2", 1],
    ["x3", 1],
    ["x4", 1],
  ]);
});

test("a resume tries each failed step again once", async () => {
  const { start, emulator } = processes();
  const chain = (fal: Fal, last: number) =>
    fal.chain("settled", async () => {
      const all = await Promise.allSettled([1, 2].map((n) => fal.subscribe(ECHO, { input: { n } })));
      const failure = all[last];
      if (failure?.status === "rejected") throw failure.reason;
      return all.map(({ status }) => status);
    });
  for (const nth of [1, 2, 3]) emulator.faults.next({ operation: "submit", nth }, "completed-with-error");
  await failureOf(chain(start().fal, 0).start(undefined, { id: "a" }));
  expect(emulator.jobs).toHaveLength(2);
  // The first one fails again, which the code now lives with.
  expect(await chain(start().fal, 1).resume("a")).toEqual(["rejected", "fulfilled"]);
  expect(emulator.jobsWith({ n: 1 })).toHaveLength(2);
  expect(emulator.jobsWith({ n: 2 })).toHaveLength(2);
});

test("a request that fal sends again tries a failed call again within its step", async () => {
  const { start, emulator } = processes();
  emulator.faults.next("submit", "completed-with-error");
  const handle = () => {
    const { fal } = start({ trustRequestId: true });
    const request = new Request("https://app.example.com/", { headers: { "x-fal-request-id": "r" } });
    return fal.handle(request, () =>
      fal.step("outer", () =>
        fal.step("inner", async () => (await fal.subscribe(ECHO, { input: { n: 1 } })).requestId),
      ),
    );
  };
  await failureOf(handle());
  expect(await handle()).toBe(emulator.jobs[1]?.requestId);
  expect(emulator.jobs).toHaveLength(2);
});

test("an owner that finds that it lost its run cancels nothing of it", async () => {
  const { start, emulator, store } = processes({ concurrency: 1 });
  const chain = (fal: Fal) =>
    fal.chain("lost", async () => {
      const call = (n: number) => fal.subscribe(ECHO, { input: { n } });
      const sequence = async () => {
        await call(1);
        await call(2);
      };
      await Promise.all([sequence(), call(3), call(4)]);
      return "done";
    });
  const first = chain(start().fal).start(undefined, { id: "a" });
  for await (const event of first) if (event.type === "call" && event.event.type === "running") break;
  // As if its lease were over.
  await store.runs.release({ chain: "lost", run: "a", epoch: 1 });
  const other = chain(start().fal).start(undefined, { id: "a" });
  expect(await Promise.all([first, other])).toEqual(["done", "done"]);
  expect(emulator.received.filter(({ method }) => method === "PUT")).toEqual([]);
  expect(emulator.jobs).toHaveLength(4);
});

test("a run that was let go in the middle of a submit waits for its answer before another has it", async () => {
  const { start, emulator, clock, store } = processes({ history: { forbidden: true } });
  const first = start({
    wire: async (request, forward) => {
      const reply = await forward();
      if (kindOf(request) === "submit") await clock.sleep(5_000);
      return reply;
    },
  });
  const run = one(first.fal).start(undefined, { id: "a" });
  await clock.sleep(1_000);
  const detached = run.detach();
  expect(await failureOf(run)).toMatchObject({ code: "run_detached" });
  await detached;
  expect(await store.calls.list()).toMatchObject([{ state: "submitted" }]);
  expect(await one(start({ ambiguousSubmit: "resubmit" }).fal).resume("a")).toBe(emulator.jobs[0]?.requestId);
});

test("a run that was let go before it sent what it meant to send is not in doubt", async () => {
  const { start, emulator } = processes();
  let run: { detach(): Promise<void> } | undefined;
  const first = start({
    onStore: (name, when) => {
      if (name === "calls.intend" && when === "after") void run?.detach();
    },
  });
  const started = one(first.fal).start(undefined, { id: "a" });
  run = started;
  expect(await failureOf(started)).toMatchObject({ code: "run_detached" });
  expect(emulator.jobs).toHaveLength(0);
  expect(await one(start().fal).resume("a")).toBe(emulator.jobs[0]?.requestId);
});

test("what a blocked run did not send any more is sent when it goes on", async () => {
  const { start, emulator } = processes({ history: { forbidden: true } });
  emulator.faults.next({ operation: "submit", nth: 1 }, "lost-response");
  emulator.faults.next({ operation: "submit", nth: 2 }, "429; retryAfterMs=20000");
  const run = both(start().fal).start(undefined, { id: "a" });
  expect(await failureOf(run)).toMatchObject({ code: "run_blocked" });
  await run.total;
  emulator.history.forbidden = false;
  expect(await both(start().fal).start(undefined, { id: "a" })).toBe(2);
  expect(emulator.jobs).toHaveLength(2);
});

test("a result whose request an equal call has claimed is a result all the same", async () => {
  const { start, emulator } = processes({ history: { forbidden: true } });
  let dies = true;
  const chain = (fal: Fal) =>
    fal.chain("claimed", async () => {
      const { data } = await fal.subscribe(ECHO, { input: { n: 1 } });
      if (dies) throw new Error("a bug");
      return data;
    });
  const first = start({
    onStore: (name, when) => {
      if (name === "calls.submitted" && when === "before") throw new RequestClaimedError("r");
    },
  });
  await failureOf(chain(first.fal).start(undefined, { id: "a" }));
  dies = false;
  expect(await chain(start().fal).resume("a")).toEqual({ echo: { n: 1 } });
  expect(emulator.jobs).toHaveLength(1);
});

test("a run that is resumed while what failed with it is still on its way waits for that, and goes on", async () => {
  const { start, emulator } = processes({ models: [echo(), echo({ id: "acme/slow", seconds: 30 })] });
  emulator.faults.next({ operation: "submit", endpoint: ECHO }, "completed-with-error");
  const { fal } = start();
  const chain = fal.chain("at-once", async () => {
    const all = [fal.subscribe(ECHO, { input: {} }), fal.subscribe("acme/slow", { input: {} })];
    return (await Promise.all(all)).length;
  });
  await failureOf(chain.start(undefined, { id: "a" }));
  expect(await chain.resume("a")).toBe(2);
  expect(emulator.jobs.map(({ endpoint }) => endpoint).sort()).toEqual([ECHO, ECHO, "acme/slow"]);
});

test("a run that ended and was forgotten while it was observed is not made anew", async () => {
  const { start, emulator, store, clock } = processes();
  const first = start();
  const owned = one(first.fal).start(undefined, { id: "a" });
  await clock.sleep(100);
  const observed = one(start().fal).start(undefined, { id: "a" });
  await owned;
  await store.runs.forget("one", "a");
  expect(await failureOf(observed)).toMatchObject({ code: "run_unknown" });
  expect(emulator.jobs).toHaveLength(1);
});

test("an owner that lost its run tells what happens then, and what it cost in all", async () => {
  const { start, store } = processes();
  const chain = (fal: Fal) =>
    fal.chain("told", async () => {
      for (const n of [1, 2, 3]) await fal.subscribe(ECHO, { input: { n } });
    });
  const first = chain(start().fal).start(undefined, { id: "a" });
  for await (const event of first) if (event.type === "call" && event.event.type === "running") break;
  await store.runs.release({ chain: "told", run: "a", epoch: 1 });
  const other = chain(start().fal).start(undefined, { id: "a" });
  await Promise.all([first, other]);
  const seen: string[] = [];
  for await (const event of first) {
    if (event.type === "call" && event.event.type === "completed")
      seen.push(JSON.stringify(event.event.result.data));
    else if (event.type === "resumed" || event.type === "completed") seen.push(event.type);
  }
  const given = [1, 2, 3].map((n) => `{"echo":{"n":${n}}}`);
  expect(seen).toEqual([given[0], "resumed", ...given, "completed"]);
  expect(await first.total).toEqual(await other.total);
});

test("a model that gives a URL back that it was given is not where it came from", async () => {
  const { start, emulator } = processes({
    models: [echo({ seconds: 1 }), echo({ id: "acme/slow", seconds: 9 })],
  });
  const image_url = "https://example.com/a.png";
  let dies = true;
  const chain = (fal: Fal) =>
    fal.chain("given-back", async () => {
      const later = async () => {
        await fal.subscribe("acme/slow", { input: {} });
        return fal.subscribe("acme/slow", { input: { image_url } });
      };
      const sooner = () => fal.subscribe(ECHO, { input: { image_url } });
      if (dies) {
        await Promise.all([sooner(), later()]);
        throw new Error("a bug");
      }
      // Now it is asked for before the other one has given the URL back.
      await later();
      await sooner();
    });
  await failureOf(chain(start().fal).start(undefined, { id: "a" }));
  dies = false;
  await chain(start().fal).resume("a");
  expect(emulator.jobs).toHaveLength(3);
});

test("a run within a run is cancelled with it", async () => {
  const { start, emulator, clock } = processes({ models: [echo({ seconds: 60 })] });
  const { fal } = start();
  const inner = one(fal);
  const outer = fal.chain("outer", async () => inner.start()).start(undefined, { id: "a" });
  await clock.sleep(1_000);
  await outer.cancel("enough");
  await clock.sleep(1_000);
  expect(emulator.jobs).toMatchObject([{ cancelled: true }]);
  expect(await fal.runs.list({ chain: "one" })).toMatchObject([{ state: "cancelled" }]);
});
