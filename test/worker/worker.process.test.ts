import { createFal, memoryStore, StoreError } from "fal-chain";
import { createQueue, startWorker } from "fal-chain/worker";
import { expect, test } from "vitest";
import { aroundStore } from "../support/around-store.ts";
import { postgresUrl } from "../support/postgres.ts";
import { failureOf } from "../support/setup.ts";
import { site } from "./site.ts";
import { ECHO, three } from "./three.ts";

test("enqueuing an id again is the same run, however often and however far it is", async () => {
  const { emulator, fal, queue, client, worker } = await site();
  const chain = three(fal);
  const enqueue = () => queue.enqueue(chain, { run: "a" }, { id: "a", tags: { customer: "acme" } });
  const [one] = await Promise.all([enqueue(), enqueue(), enqueue()]);
  expect(one).toMatchObject({ chain: "three", id: "a", state: "waiting", tags: { customer: "acme" } });

  const back = client();
  const { until, events } = await worker(back, { chains: [three(back)] });
  await until("taken");
  await enqueue();
  await until("completed");
  expect(await enqueue()).toMatchObject({ state: "completed", output: "a" });
  expect(emulator.jobs).toHaveLength(3);
  expect(emulator.jobs.map(({ tags }) => tags["customer"])).toEqual(["acme", "acme", "acme"]);
  expect(events.filter(({ type }) => !["taken", "completed"].includes(type))).toEqual([]);
});

test("what is enqueued is checked before it is queued", async () => {
  const { fal, queue } = await site();
  await queue.enqueue(three(fal), { run: "a" }, { id: "a" });
  const again = await failureOf(queue.enqueue(three(fal), { run: "b" }, { id: "a" }));
  expect(again).toMatchObject({ code: "run_input_mismatch" });
  const bad = await failureOf(queue.enqueue("three", { run: "b" }, { tags: { "No good": 1 } }));
  const misspelt = { prioritty: 5 } as never;
  expect(String(await failureOf(queue.enqueue("three", { run: "c" }, misspelt)))).toMatch(
    /no option "prioritty" of enqueue. Did you mean "priority"\? Nothing was enqueued/,
  );
  expect(bad).toMatchObject({ code: "invalid_argument" });
});

test("of a group no more runs are under way than it may have, over all workers", async () => {
  const { queue, client, worker } = await site({ callMs: 60 });
  const now = new Map<string, number>();
  const most = new Map<string, number>();
  const workers = await Promise.all(
    [1, 2, 3].map(() => {
      const fal = client();
      const counted = fal.chain("counted", async ({ group }: { group: string }, run) => {
        const running = (now.get(group) ?? 0) + 1;
        now.set(group, running);
        most.set(group, Math.max(running, most.get(group) ?? 0));
        await fal.subscribe(ECHO, { input: { run: run.id } });
        now.set(group, (now.get(group) ?? 0) - 1);
      });
      return worker(fal, { chains: [counted], concurrency: 4, groupConcurrency: 2 });
    }),
  );
  const groups = ["acme", "globex"];
  await Promise.all(
    groups.flatMap((group) => [1, 2, 3, 4, 5, 6].map(() => queue.enqueue("counted", { group }, { group }))),
  );
  while (workers.flatMap(({ events }) => events).filter(({ type }) => type === "completed").length < 12) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(Object.fromEntries(most)).toEqual({ acme: 2, globex: 2 });
});

test("the highest priority is taken first, and nothing before its time", async () => {
  const { queue, client, worker } = await site();
  await queue.enqueue("three", { run: "low" }, { id: "low" });
  await queue.enqueue("three", { run: "high" }, { id: "high", priority: 5 });
  const startAfter = new Date(Date.now() + 3_600_000);
  await queue.enqueue("three", { run: "later" }, { id: "later", priority: 9, startAfter });
  const fal = client();
  const { until, events } = await worker(fal, { chains: [three(fal)], concurrency: 1 });
  await until("completed", 2);
  const taken = events.flatMap((event) => (event.type === "taken" ? [event.id] : []));
  expect(taken).toEqual(["high", "low"]);
  expect(await fal.runs.get("three", "later")).toMatchObject({ state: "waiting" });
});

test("a failed run is not tried again by itself, and goes on when it is resumed", async () => {
  const { emulator, queue, client, worker } = await site();
  const fal = client();
  const { until, events } = await worker(fal, { chains: [three(fal)] });
  emulator.faults.next("submit", "completed-with-error");
  await queue.enqueue("three", { run: "a" }, { id: "a" });
  await until("failed");
  expect(events.at(-1)).toMatchObject({ type: "failed", id: "a", error: { name: "ApiError" } });
  expect(await queue.enqueue("three", { run: "a" }, { id: "a" })).toMatchObject({ state: "failed" });

  await queue.resume("three", "a");
  await until("completed");
  // The one that failed is paid for again, since that is what was asked for.
  expect(emulator.jobs.map(({ input }) => (input as { call: number }).call)).toEqual([1, 1, 2, 3]);
  expect(await queue.resume("three", "nobody")).toBeUndefined();
});

test("a run that a budget stopped goes on when it is enqueued with more, and a billed failure does not", async () => {
  const { emulator, queue, client, worker } = await site();
  const fal = client();
  const { until, events } = await worker(fal, { chains: [three(fal)] });
  const enqueue = (options = {}) => queue.enqueue("three", { run: "a" }, { id: "a", ...options });
  await enqueue({ budget: { usd: 0.025 } });
  await until("failed");
  expect(events.at(-1)).toMatchObject({ type: "failed", error: { code: "budget_exceeded" } });
  expect(emulator.jobs).toHaveLength(2);
  emulator.faults.next("submit", "completed-with-error; status=422; billableUnits=1");
  await enqueue({ budget: { usd: 1 }, retryFailed: true });
  await until("failed", 2);
  expect(events.at(-1)).toMatchObject({ type: "failed", error: { code: "validation" } });
  await enqueue({ retryFailed: true });
  await until("failed", 3);
  expect(emulator.jobs).toHaveLength(3);
  await queue.resume("three", "a", { retryFailed: true });
  await until("failed", 4);
  expect(emulator.jobs).toHaveLength(3);
  await enqueue({ retryFailed: "billed" });
  await until("completed");
  expect(emulator.jobs.map(({ input }) => (input as { call: number }).call)).toEqual([1, 2, 3, 3]);
  const bad = await failureOf(enqueue({ retryFailed: "yes" }));
  expect(bad).toMatchObject({ code: "invalid_argument" });
});

test("a blocked run is told of and left alone until it is settled", async () => {
  const { emulator, queue, client, worker } = await site();
  const fal = client({ ambiguousSubmit: "throw" });
  const { until, events } = await worker(fal, { chains: [three(fal)] });
  emulator.faults.next("submit", "lost-response");
  await queue.enqueue("three", { run: "a" }, { id: "a" });
  await until("blocked");
  const [call] = await fal.calls.list({ run: "a" });
  const told = events.find(({ type }) => type === "blocked");
  expect(told).toMatchObject({ id: "a", error: { code: "run_blocked", facts: { callId: call?.id } } });

  await fal.calls.settle(call?.id ?? "", { adopt: emulator.jobs[0]?.requestId ?? "" });
  await queue.resume("three", "a");
  await until("completed");
  expect(emulator.jobs).toHaveLength(3);
});

test("a run that this worker cannot execute is handed back, and says why", async () => {
  const { emulator, queue, client, worker } = await site();
  const other = client();
  const without = await worker(other, { chains: [] });
  await queue.enqueue("three", { run: "a" }, { id: "a" });
  await without.until("handed-back");
  expect(without.events).toEqual([
    { type: "handed-back", chain: "three", id: "a", why: "This worker does not have the chain three." },
  ]);
  await without.stop();

  const elsewhere = createFal({ store: memoryStore() });
  await queue.enqueue("three", { run: "b" }, { id: "b" });
  const astray = await worker(elsewhere, { chains: [three(elsewhere)] });
  await astray.until("handed-back");
  expect(astray.events[0]).toMatchObject({ why: expect.stringContaining("store of whoever enqueued") });
  expect(emulator.jobs).toEqual([]);
});

test("a database that cannot be reached is said without the password", async () => {
  const url = "postgres://me:s3cret@127.0.0.1:1/nowhere";
  const fal = createFal({ store: memoryStore() });
  const errors = [
    await failureOf(startWorker({ fal, url, chains: [] })),
    await failureOf(createQueue({ fal, url }).enqueue("three", {})),
  ];
  for (const error of errors) {
    expect(error).toMatchObject({
      name: "StoreError",
      message: expect.stringContaining("127.0.0.1:1/nowhere"),
    });
    expect(String(error)).not.toContain("s3cret");
  }
});

test("a run that the store lets down is handed back, with the trouble told, and has not failed", async () => {
  const { emulator, queue, store: open, client, worker } = await site();
  let isAway = false;
  const store = aroundStore(open(), async (act, name) => {
    if (name === "calls.intend" && emulator.jobs.length === 1 && !isAway) {
      isAway = true;
      throw new StoreError("the database restarts");
    }
    return act();
  });
  const back = client({ store });
  const { until, events } = await worker(back, { chains: [three(back)] });
  await queue.enqueue("three", { run: "a" }, { id: "a" });
  await until("completed");
  expect(events.map(({ type }) => type)).toEqual(["taken", "trouble", "handed-back", "taken", "completed"]);
  expect(events[2]).toMatchObject({ why: "the database restarts" });
  expect(emulator.jobs).toHaveLength(3);
});

test("a server whose transactions are serializable by default executes the same runs", async () => {
  const search = `?options=${encodeURIComponent("-c default_transaction_isolation=serializable")}`;
  const database = Object.assign(new URL(await postgresUrl()), { search }).href;
  const { emulator, queue, client, worker } = await site({ database });
  const workers = await Promise.all(
    [1, 2, 3].map(() => {
      const fal = client();
      return worker(fal, { chains: [three(fal)], concurrency: 3, groupConcurrency: 2 });
    }),
  );
  const ids = Array.from({ length: 9 }, (_, n) => `${n}`);
  await Promise.all(
    ids.map((id) => queue.enqueue("three", { run: id }, { id, group: `g${Number(id) % 3}` })),
  );
  const events = () => workers.flatMap(({ events }) => events);
  while (events().filter(({ type }) => type === "completed").length < ids.length) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(emulator.jobs).toHaveLength(3 * ids.length);
  expect(events().filter(({ type }) => type !== "taken" && type !== "completed")).toEqual([]);
});
