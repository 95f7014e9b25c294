import type { Fal, RunEvent } from "fal-chain";
import { expect, test } from "vitest";
import { echo, failing } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { collect, ECHO, failureOf } from "../support/setup.ts";
import { instead, json } from "../support/wire.ts";

// Within a run the queue's requests, one by one, are as durable as a subscribe.

interface Echoed {
  echo: { n: number };
}

/** As programs of the official client do it: submit, wait, fetch. */
const byHand = (fal: Fal, afterwards: () => Promise<void> = async () => {}) =>
  fal.chain("by-hand", async ({ n }: { n: number }) => {
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { n } });
    await fal.queue.subscribeToStatus(ECHO, { requestId });
    const { data } = await fal.queue.result(ECHO, { requestId });
    await afterwards();
    return (data as Echoed).echo.n;
  });

const attached = (fal: Fal, afterwards: () => Promise<void> = async () => {}) =>
  fal.chain("attached", async ({ n }: { n: number }) => {
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { n } });
    const { data } = await fal.queue.attach(ECHO, { requestId });
    await afterwards();
    return (data as Echoed).echo.n;
  });

/** Stands still for ever, as in a process that is about to be killed. */
const stuck = () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = () => {
    resolve();
    return new Promise<void>(() => {});
  };
  return { reached: promise, stop };
};

test.each([
  ["attach", attached],
  ["status and result", byHand],
])("submit and %s in a chain are paid for once, however often it is resumed", async (_, chain) => {
  const { emulator, start } = processes();
  const dying = start();
  const { reached, stop } = stuck();
  void chain(dying.fal, stop).start({ n: 7 }, { id: "a" });
  await reached;
  dying.kill();

  const later = start();
  expect(await chain(later.fal).start({ n: 7 }, { id: "a" })).toBe(7);
  expect(emulator.jobs).toHaveLength(1);
  // What it cost may not have been known yet when the first one died.
  expect(later.sent.filter(({ url }) => !url.includes("/pricing"))).toEqual([]);
});

test("a process that dies between submit and result leaves a request that is picked up", async () => {
  const { emulator, start } = processes();
  const dying = start();
  const chain = (fal: Fal, wait = async () => {}) =>
    fal.chain("between", async (_: { n: number }) => {
      const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { n: 1 } });
      await wait();
      return (await fal.queue.attach(ECHO, { requestId })).requestId;
    });
  const { reached, stop } = stuck();
  void chain(dying.fal, stop).start({ n: 1 }, { id: "a" });
  await reached;
  dying.kill();
  expect(await chain(start().fal).start({ n: 1 }, { id: "a" })).toBe(emulator.jobs[0]?.requestId);
  expect(emulator.jobs).toHaveLength(1);
});

test("a request that failed fails again in a replay, and nothing is asked of fal", async () => {
  const { emulator, start } = processes({ models: [failing()] });
  const chain = (fal: Fal) =>
    fal.chain("failing", async (_: { n: number }) => {
      const { request_id: requestId } = await fal.queue.submit("acme/failing", { input: {} });
      const { error } = await fal.queue.subscribeToStatus("acme/failing", { requestId });
      const failure = await failureOf(fal.queue.result("acme/failing", { requestId }));
      throw Object.assign(failure as Error, { note: typeof error });
    });
  const first = await failureOf(chain(start().fal).start({ n: 1 }, { id: "a" }));
  const later = start();
  expect(await failureOf(chain(later.fal).start({ n: 1 }, { id: "a" }))).toMatchObject({
    name: (first as Error).name,
    message: (first as Error).message,
  });
  expect(later.sent).toEqual([]);
  expect(emulator.jobs).toHaveLength(1);
});

test("the run tells of a submit, and what its request cost once somebody has its result", async () => {
  const { start } = processes();
  const { fal } = start();
  const run = attached(fal).start({ n: 1 }, { id: "a" });
  const { seen } = await collect(run);
  const told = seen.flatMap((event: RunEvent) => (event.type === "call" ? [event.event.type] : []));
  expect(told).toContain("submitted");
  expect(told).toContain("completed");
  expect(await run.total).toMatchObject({ calls: 1, unknown: 0, nanoUsd: 10_000_000 });
  expect(await fal.calls.list()).toMatchObject([{ state: "completed", for: { run: "a", step: undefined } }]);
});

test("maxInFlight counts requests that were submitted, and lets the next one in when one has ended", async () => {
  const { start, emulator, clock } = processes({ models: [echo({ seconds: 5 })], concurrency: 100 });
  const { fal } = start({ maxInFlight: 1 });
  let most = 0;
  for (const n of [1, 2, 3, 4, 5]) {
    await fal.queue.submit(ECHO, { input: { n } });
    most = Math.max(most, emulator.jobs.filter(({ state }) => state !== "COMPLETED").length);
  }
  expect(most).toBe(1);
  expect(emulator.jobs).toHaveLength(5);
  await fal.close();
  // The last one ends in its own time, and nothing here waits for it.
  await clock.sleep(10_000);
  expect(clock.sleepers).toBe(0);
});

test("a submit is in the log, like any other call", async () => {
  const lines: [object, string][] = [];
  const say = (details: object, message: string) => void lines.push([details, message]);
  const { start } = processes();
  const { fal } = start({ logger: { debug: say, info: say, warn: say, error: say } });
  const { request_id } = await fal.queue.submit(ECHO, { input: { n: 1 } });
  expect(lines).toContainEqual([
    expect.objectContaining({ request_id, endpoint: ECHO, state: "handed-over" }),
    "Call is handed-over",
  ]);
});

test.each([
  [
    "that is asked for too early",
    async (_: Fal, requestId: string) => requestId,
    instead("result", () => json({ detail: "Request is still in progress" }, { status: 400 }), 1),
  ],
  [
    "that a gateway refuses",
    async (fal: Fal, requestId: string) => {
      await fal.queue.subscribeToStatus(ECHO, { requestId });
      return requestId;
    },
    instead("result", () => json({ detail: "Payment required" }, { status: 402 }), 1),
  ],
])("a result %s does not end its call, which is collected", async (_, until, wire) => {
  const { emulator, start } = processes();
  const first = start({ wire });
  const chain = (fal: Fal, again: boolean) =>
    fal.chain("early", async () => {
      const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { n: 1 } });
      await until(fal, requestId);
      const early = await fal.queue.result(ECHO, { requestId }).catch((error: unknown) => error);
      if (!again) throw early;
      return (await fal.queue.attach(ECHO, { requestId })).data;
    });
  expect(await failureOf(chain(first.fal, false).start(undefined, { id: "a" }))).toMatchObject({
    code: "api",
  });
  await first.fal.close();
  const { fal } = start();
  const [call] = await fal.calls.list();
  expect(call?.state).not.toBe("failed");
  expect(await chain(fal, true).resume("a")).toEqual({ echo: { n: 1 } });
  expect(emulator.jobs).toHaveLength(1);
  expect((await fal.calls.list()).map(({ state }) => state)).toEqual(["completed"]);
});
