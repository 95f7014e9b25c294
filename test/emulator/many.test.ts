import { expect, test } from "vitest";
import * as z from "zod";
import { createEmulator, type Model } from "../../src/emulator/index.ts";
import { echo, json, readEvents, stage } from "./support.ts";

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
  const { events } = await readEvents(await s.send("GET", `${last?.status_url}/stream`));
  const positions = events.flatMap(({ queue_position }) =>
    queue_position === undefined ? [] : [queue_position],
  );
  const tens = [90, 80, 70, 60, 50, 40, 30, 20, 10];
  expect(positions).toEqual([144, 100, ...tens, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  expect(last?.queue_position).toBe(144);
});

test("with a time scale of zero nothing takes time, and bills stay the same", async () => {
  const run = async (timeScale: number) => {
    const s = stage({ models: [echo], timeScale });
    const before = s.clock.now();
    const { headers } = await s.finish(await s.submit(echo.id));
    return { took: s.clock.now() - before, units: headers.get("x-fal-billable-units") };
  };
  expect(await run(1)).toEqual({ took: expect.toSatisfy((ms) => ms >= 10_000), units: "2" });
  expect(await run(0)).toEqual({ took: expect.toSatisfy((ms) => ms <= 500), units: "2" });
  expect(() => createEmulator({ timeScale: -1 })).toThrow(RangeError);
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
  const s = stage({ models: [trivial], concurrency: 1, keep: { jobs: 2 } });
  for (let i = 0; i < 4; i++) {
    await s.submit(trivial.id, { i });
    await s.clock.sleep(5_000);
  }
  const open = await s.submit(trivial.id, { i: 4 });
  expect(s.emulator.jobs.map(({ input }) => input)).toEqual([{ i: 2 }, { i: 3 }, { i: 4 }]);
  expect(s.emulator.job(open.request_id)?.state).toBe("IN_QUEUE");
  expect(new Set(s.emulator.jobs.map(({ requestId }) => requestId)).size).toBe(3);
});
