import { expect, test } from "vitest";
import { echo, json, type Stage, type Submitted, stage } from "../support/stage.ts";

const stateOf = async ({ send }: Stage, { status_url }: Submitted) => {
  const { status, queue_position } = await json(await send("GET", status_url));
  return status === "IN_QUEUE" ? queue_position : status;
};

test("no more than the limit run at once, and the others move up in order", async () => {
  const s = stage({ models: [echo], auto: false, concurrency: 2 });
  const all: Submitted[] = [];
  for (let i = 0; i < 5; i++) all.push(await s.submit("acme/echo/v1"));
  const states = () => Promise.all(all.map((one) => stateOf(s, one)));
  expect(all.map(({ queue_position }) => queue_position)).toEqual([0, 1, 2, 3, 4]);
  await s.clock.advance(1_000);
  expect(await states()).toEqual(["IN_PROGRESS", "IN_PROGRESS", 0, 1, 2]);
  await s.clock.advance(10_500);
  expect(await states()).toEqual(["COMPLETED", "COMPLETED", "IN_PROGRESS", "IN_PROGRESS", 0]);
  await s.clock.advance(30_000);
  expect(await states()).toEqual(Array(5).fill("COMPLETED"));
  // Sorting by start changes nothing: nobody was overtaken.
  const starts = s.emulator.jobs.map(({ startedAt = 0 }) => startedAt);
  expect(starts).toEqual(starts.toSorted((a, b) => a - b));
});

test("each account has slots of its own", async () => {
  const s = stage({ models: [echo], auto: false, concurrency: 1 });
  const mine = [await s.submit("acme/echo/v1"), await s.submit("acme/echo/v1")] as const;
  const theirs = await s.submit("acme/echo/v1", {}, { authorization: "Key other:secret" });
  await s.clock.advance(1_000);
  expect(await stateOf(s, mine[0])).toBe("IN_PROGRESS");
  expect(await stateOf(s, mine[1])).toBe(0);
  expect(await stateOf(s, theirs)).toBe("IN_PROGRESS");
});

test("low priority waits behind every normal request", async () => {
  const s = stage({ models: [echo], auto: false, concurrency: 1 });
  await s.submit("acme/echo/v1");
  const low = await s.submit("acme/echo/v1", {}, { "x-fal-queue-priority": "low" });
  const normal = await s.submit("acme/echo/v1");
  await s.clock.advance(1_000);
  expect([await stateOf(s, low), await stateOf(s, normal)]).toEqual([1, 0]);
});

test("a request that does not start in time ends with a 504 that says whose limit it was", async () => {
  const s = stage({ models: [echo], auto: false, concurrency: 1 });
  const first = await s.submit("acme/echo/v1", {}, { "x-fal-request-start-timeout": "5" });
  const late = await s.submit("acme/echo/v1", {}, { "x-fal-request-timeout": "5" });
  await s.clock.advance(5_100);
  expect(await stateOf(s, first)).toBe("IN_PROGRESS");
  expect(await json(await s.send("GET", late.status_url))).toMatchObject({
    status: "COMPLETED",
    error_type: "startup_timeout",
    metrics: {},
  });
  const result = await s.send("GET", late.response_url);
  expect(result.status).toBe(504);
  expect(result.headers.get("x-fal-request-timeout-type")).toBe("user");
  expect(result.headers.get("x-fal-billable-units")).toBe("0");
  await s.clock.advance(10_000);
  expect(await stateOf(s, first)).toBe("COMPLETED");
  expect(s.clock.sleepers).toBe(0);
});

test("a nonsensical concurrency is refused", () => {
  expect(() => stage({ concurrency: 0 })).toThrow("concurrency is 0; it is a whole number from 1 up.");
});
