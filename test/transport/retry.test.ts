import type { RetryOptions } from "fal-chain";
import { describe, expect, test } from "vitest";
import { backoffMs, policyFor } from "../../src/transport/retry.ts";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { instead, json, networkError } from "../support/wire.ts";

const busy =
  (headers: Record<string, string> = {}) =>
  () =>
    json({ detail: "busy" }, { status: 429, headers });
const pauses = (sent: readonly { at: number }[]) => sent.slice(1).map(({ at }, i) => at - (sent[i]?.at ?? 0));

test("the pause before a repeat is random below a ceiling that doubles, up to a maximum", async () => {
  const chance = [0.5, 0.1, 0.9, 0.5, 0.5];
  const { fal, sent } = setup({
    wire: instead("submit", busy()),
    random: () => chance.shift() ?? 0,
    retry: { maxRetries: 5, maxDelay: 4_000 },
  });
  await failureOf(fal.queue.submit(ECHO, { input: {} }));
  expect(pauses(sent)).toEqual([250, 100, 1_800, 2_000, 2_000]);
});

test("without jitter the whole pause is waited", () => {
  const policy = policyFor("submit", { enableJitter: false, baseDelay: 100, backoffMultiplier: 3 });
  expect([1, 2, 3].map((n) => backoffMs(policy, n, Math.random))).toEqual([100, 300, 900]);
});

describe("the server's own delay wins", () => {
  test.each([
    [{ "retry-after": "12" }, 12_000],
    [{ "retry-after": "Thu, 01 Jan 2026 00:01:00 GMT" }, 60_000],
    [{ "retry-after-ms": "1234" }, 1_234],
  ])("%o", async (headers: Record<string, string>, ms) => {
    const { fal, sent } = setup({ wire: instead("submit", busy(headers), 1) });
    await fal.queue.submit(ECHO, { input: {} });
    expect(pauses(sent)).toEqual([ms]);
  });
});

test.each<[RetryOptions, number, number]>([
  [{}, 6, 31],
  [{ maxRetries: 0 }, 1, 1],
  [{ maxRetries: 2 }, 3, 3],
  [{ submit: { maxRetries: 0 } }, 1, 31],
  [{ maxRetries: 4, read: { maxRetries: 1 } }, 5, 2],
])("with retry %o a refused submit is sent %d times, a read %d times", async (retry, submits, reads) => {
  const gone = () => networkError("ECONNREFUSED");
  const submitting = setup({ wire: instead("submit", gone), retry });
  const reading = setup({ wire: instead("status", gone), retry });
  const errors = [
    await failureOf(submitting.fal.queue.submit(ECHO, { input: {} })),
    await failureOf(reading.fal.queue.status(ECHO, { requestId: "r1" })),
  ];
  expect([submitting.sent.length, reading.sent.length]).toEqual([submits, reads]);
  expect(errors).toMatchObject([
    { name: "NetworkError", code: "network", retryable: true, billed: false, endpoint: ECHO },
    { name: "NetworkError", requestId: "r1", billed: "unknown" },
  ]);
  expect(String(errors[0])).toMatch(/https:\/\/queue\.fal\.run .*ECONNREFUSED.*FAL_HOST/);
});

test("a 429 that does not end is an ApiError with fal's words", async () => {
  const { fal } = setup({ wire: instead("submit", busy()) });
  await expect(fal.queue.submit(ECHO, { input: {} })).rejects.toMatchObject({
    name: "ApiError",
    status: 429,
    retryable: true,
    billed: false,
    message: `${ECHO}: busy (HTTP 429)`,
  });
});

test("an answer that says no is not repeated", async () => {
  for (const status of [400, 401, 403, 404, 422]) {
    const { fal, sent } = setup({ wire: instead("submit", () => json({ detail: "no" }, { status })) });
    await expect(fal.queue.submit(ECHO, { input: {} })).rejects.toMatchObject({ status });
    expect(sent).toHaveLength(1);
  }
});

test("a read that has no answer within a minute is given up and repeated", async () => {
  const { fal, sent } = setup({
    wire: (_, forward) => (sent.length === 2 ? new Promise(() => {}) : forward()),
  });
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: {} });
  await fal.queue.status(ECHO, { requestId });
  expect(sent.map(({ kind }) => kind)).toEqual(["submit", "status", "status"]);
  expect((sent[2]?.at ?? 0) - (sent[1]?.at ?? 0)).toBe(60_250);
});

test("an abort in a pause ends a read at once, with the signal's reason", async () => {
  const user = new AbortController();
  const { fal, clock, sent } = setup({
    wire: instead("status", () => {
      setImmediate(() => user.abort(new Error("enough")));
      return json({}, { status: 429, headers: { "retry-after": "600" } });
    }),
  });
  const started = clock.now();
  const reading = fal.queue.status(ECHO, { requestId: "r1", abortSignal: user.signal });
  await expect(reading).rejects.toThrow("enough");
  expect(clock.now()).toBe(started);
  expect(clock.sleepers).toBe(0);
  expect(sent).toHaveLength(1);
});
