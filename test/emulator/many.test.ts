import { expect, test } from "vitest";
import * as z from "zod";
import { createEmulator, type Model } from "../../src/emulator/index.ts";
import { echo, json, readEvents, stage } from "../support/stage.ts";

/** As small as a model can be. */
const trivial: Model = {
  id: "acme/trivial",
  title: "Trivial",
  price: { unit: "requests", unitPrice: 0.01 },
  input: z.unknown(),
  notice: "stand-in",
  takes: [1, 1],
  stages: () => [],
  run: async (input) => ({ output: input, units: 1 }),
};

test("a thousand requests that arrive together all have ids, results and bills of their own", async () => {
  const s = stage({ models: [trivial], concurrency: 1_000 });
  const all = await Promise.all(Array.from({ length: 1_000 }, (_, i) => s.submit(trivial.id, { i })));
  expect(new Set(all.map(({ request_id }) => request_id)).size).toBe(1_000);
  await s.clock.sleep(60_000);
  for (const [i, { response_url }] of all.entries()) {
    expect(await json(await s.send("GET", response_url))).toEqual({ i });
  }
  expect(s.emulator.jobsWith({ i: 77 })).toMatchObject([
    { requestId: all[77]?.request_id, billableUnits: 1 },
  ]);
});

test("far back in the queue a stream hears of round positions only, a poll of the true one", async () => {
  const s = stage({ models: [trivial], concurrency: 1 });
  const all = await Promise.all(Array.from({ length: 145 }, (_, i) => s.submit(trivial.id, { i })));
  const last = all.at(-1);
  const stream = await s.send("GET", `${last?.status_url}/stream`);
  await s.send("PUT", all.at(-2)?.cancel_url ?? "");
  const { events } = await readEvents(stream);
  const positions = events.flatMap(({ queue_position }) =>
    queue_position === undefined ? [] : [queue_position],
  );
  const tens = [90, 80, 70, 60, 50, 40, 30, 20, 10];
  expect(positions).toEqual([144, 100, ...tens, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  expect(last?.queue_position).toBe(144);
});

test("a stream hears that its request was overtaken by one of normal priority", async () => {
  const s = stage({ models: [trivial], concurrency: 1 });
  await s.submit(trivial.id);
  const low = await s.submit(trivial.id, {}, { "x-fal-queue-priority": "low" });
  const stream = await s.send("GET", `${low.status_url}/stream`);
  await s.submit(trivial.id);
  const { events } = await readEvents(stream);
  expect(events.map(({ queue_position }) => queue_position).slice(0, 4)).toEqual([1, 2, 1, 0]);
});

test("with a time scale of zero nothing takes time, and bills stay the same", async () => {
  const run = async (timeScale: number) => {
    const s = stage({ models: [echo], timeScale });
    const submitted = await s.submit(echo.id);
    const { headers } = await s.finish(submitted);
    const { submittedAt = 0, completedAt = 0 } = s.emulator.job(submitted.request_id) ?? {};
    return { took: completedAt - submittedAt, units: headers.get("x-fal-billable-units") };
  };
  expect(await run(1)).toEqual({ took: expect.toSatisfy((ms) => ms >= 10_000), units: "2" });
  expect(await run(0)).toEqual({ took: 0, units: "2" });
  expect(() => createEmulator({ timeScale: -1 })).toThrow(/timeScale is -1/);
});

test("payloads beyond the bound are dropped, oldest first: such a result has expired, and history lacks it", async () => {
  const s = stage({ models: [trivial], concurrency: 1, keep: { payloadBytes: 250 } });
  const text = "x".repeat(40);
  const all = [];
  for (const name of ["first", "second", "third"]) {
    all.push(await s.submit(trivial.id, { name, text }));
    await s.clock.sleep(5_000);
  }
  const statuses = await Promise.all(
    all.map(async ({ response_url }) => (await s.send("GET", response_url)).status),
  );
  expect(statuses).toEqual([404, 404, 200]);
  expect(s.emulator.jobs.map(({ input }) => input)).toEqual([undefined, undefined, { name: "third", text }]);
  expect(s.emulator.jobs[0]).toMatchObject({ billableUnits: 1, result: { status: 200, body: undefined } });
  const path = `/api/v1/models/requests/by-endpoint?endpoint_id=${trivial.id}&expand=payloads`;
  const { items } = (await json(await s.send("GET", path))) as { items: object[] };
  expect(items.map((item) => "json_input" in item)).toEqual([true, false, false]);
});

test("requests beyond the bound are forgotten, the oldest to complete first, and those under way never", async () => {
  const s = stage({ models: [trivial], concurrency: 1, keep: { jobs: 2, payloadBytes: 20 } });
  for (let i = 0; i < 4; i++) {
    await s.submit(trivial.id, { i });
    await s.clock.sleep(5_000);
  }
  const open = await s.submit(trivial.id, { i: 4 });
  expect(s.emulator.jobs.map(({ input }) => input)).toEqual([undefined, { i: 3 }, { i: 4 }]);
  expect(s.emulator.job(open.request_id)?.state).toBe("IN_QUEUE");
  // No chance is given twice, though the number of requests on record stands still.
  expect(new Set(s.emulator.jobs.map(({ requestId }) => requestId.slice(-12))).size).toBe(3);
});
