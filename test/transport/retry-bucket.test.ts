import { ApiError, createFal } from "fal-chain";
import { expect, test } from "vitest";
import { virtualClock } from "../../src/emulator/index.ts";
import { retryBucket } from "../../src/transport/retry-bucket.ts";
import { ENV, failureOf } from "../support/setup.ts";

test("a burst of repeats passes at once, more of them are slowed to ten a second, and none is refused", async () => {
  const clock = virtualClock();
  const start = clock.now();
  const bucket = retryBucket(clock);
  const taken: number[] = [];
  for (let n = 0; n < 70; n++) {
    await clock.sleep(bucket.take());
    taken.push(clock.now() - start);
  }
  expect(taken[49]).toBe(0);
  expect(taken[69]).toBe(2_000);
  await clock.sleep(60_000);
  expect(bucket.take()).toBe(0);
});

test("a refusal whose pause would outlast the timeout is told at once, and nothing is repeated", async () => {
  const clock = virtualClock();
  const start = clock.now();
  let posts = 0;
  const fetch = async () => {
    posts++;
    return Response.json({ detail: "slow down" }, { status: 429, headers: { "retry-after": "120" } });
  };
  const fal = createFal({ env: ENV, clock, fetch });
  const error = await failureOf(fal.subscribe("acme/echo", { input: {}, timeout: 30_000 }));
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 429 });
  expect([posts, clock.now() - start]).toEqual([1, 0]);
});
