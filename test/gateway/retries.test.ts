import { describe, expect, test } from "vitest";
import {
  type Ending,
  MOST_ATTEMPTS,
  RETRY_CONDITIONS,
  RETRY_TABLE,
  type RequestRetries,
  requeueDelayMs,
  retriesOf,
  rowOf,
  verdictOf,
} from "../../src/gateway/retries.ts";

const QUEUED = { queued: true, byOwner: true };
const usual = retriesOf({}, {}, QUEUED);
const verdict = (ending: Ending, headers: Record<string, string> = {}, retries: RequestRetries = usual) =>
  verdictOf({ ending, headers: new Headers(headers) }, [], retries);

describe("the table", () => {
  // Written down a second time, from fal's page: the table of the source is held against it.
  test.each<[Ending, "keep" | "check" | "stop", string | undefined]>([
    [200, "keep", undefined],
    [204, "keep", undefined],
    [302, "keep", undefined],
    [400, "keep", undefined],
    [422, "keep", undefined],
    [429, "keep", undefined],
    [499, "keep", undefined],
    [500, "check", undefined],
    [502, "check", undefined],
    [503, "stop", "server_error"],
    [504, "check", "server_error"],
    [507, "check", undefined],
    ["disconnected", "stop", "server_error"],
    ["incomplete", "stop", "server_error"],
    ["refused", "stop", "connection_error"],
    ["timed-out", "stop", "timeout"],
    ["headers-too-long", "keep", undefined],
  ])("after %s the runner is to %s, and the queue repeats it as %s", (ending, runner, retry) => {
    expect(verdict(ending)).toEqual({ runner, retry });
  });

  test("has no row that no end leads to", () => {
    const ends: Ending[] = [200, 302, 404, 500, 503, 504];
    const broken: Ending[] = ["disconnected", "incomplete", "refused", "timed-out", "headers-too-long"];
    expect(new Set([...ends, ...broken].map(rowOf))).toEqual(new Set(RETRY_TABLE));
  });

  test("does the same to the runner of a direct call, which nothing repeats", () => {
    const direct = retriesOf({}, {}, { queued: false, byOwner: true });
    expect(verdict(503, {}, direct)).toEqual({ runner: "stop", retry: undefined });
    expect(verdict(500, { "x-fal-needs-retry": "1" }, direct).retry).toBeUndefined();
  });
});

describe("what the app's answer asks for", () => {
  test.each<[number, string, string | undefined]>([
    [500, "1", "asked"],
    [429, "1", "asked"],
    [503, "0", undefined],
    [504, "false", undefined],
    [503, "perhaps", "server_error"],
    // Dropped without a word.
    [200, "1", undefined],
    [302, "1", undefined],
    [422, "1", undefined],
  ])("%i with X-Fal-Needs-Retry: %s", (status, asked, retry) => {
    expect(verdict(status, { "x-fal-needs-retry": asked }).retry).toBe(retry);
  });

  test.each<[number, string, string]>([
    [200, "1", "stop"],
    [422, "true", "stop"],
    [503, "0", "keep"],
    [504, "false", "keep"],
    [503, "maybe", "stop"],
  ])("%i with x-fal-stop-runner: %s", (status, asked, runner) => {
    expect(verdict(status, { "x-fal-stop-runner": asked }).runner).toBe(runner);
  });
});

describe("how often", () => {
  const tries = (ending: Ending, retries: RequestRetries, headers: Record<string, string> = {}): number => {
    const before: NonNullable<ReturnType<typeof verdictOf>["retry"]>[] = [];
    for (;;) {
      const { retry } = verdictOf({ ending, headers: new Headers(headers) }, before, retries);
      if (!retry) return before.length + 1;
      before.push(retry);
    }
  };
  const config = (settings: object) => ({ "x-fal-retry-config": JSON.stringify(settings) });

  test("ten attempts at most, whatever asks for more", () => {
    expect(tries(503, usual)).toBe(MOST_ATTEMPTS);
    expect(tries(500, usual, { "x-fal-needs-retry": "1" })).toBe(10);
    const greedy = retriesOf({}, { retryConfig: { server_error: { retries: 50 } } }, QUEUED);
    expect(tries(503, greedy)).toBe(10);
  });

  test("the request's header comes before the app's settings, those before fal's", () => {
    const app = { retryConfig: { server_error: { retries: 2 } } };
    expect(tries(503, retriesOf({}, app, QUEUED))).toBe(3);
    expect(tries("timed-out", retriesOf({}, app, QUEUED))).toBe(10);
    const header = config({ server_error: { retries: 0 } });
    expect(tries(503, retriesOf(header, app, QUEUED))).toBe(1);
  });

  test("the header counts for the owner only", () => {
    const header = config({ server_error: { retries: 0 } });
    expect(tries(503, retriesOf(header, {}, { queued: true, byOwner: false }))).toBe(10);
  });

  test("a condition that the app skips is not repeated, unless the answer asks for it", () => {
    const retries = retriesOf({}, { skipRetryConditions: ["timeout", "server_error"] }, QUEUED);
    expect([tries("timed-out", retries), tries(503, retries), tries("refused", retries)]).toEqual([1, 1, 10]);
    expect(tries(503, retries, { "x-fal-needs-retry": "1" })).toBe(10);
  });

  test("each condition has a budget of its own", () => {
    const retries = retriesOf(config({ timeout: { retries: 1 }, server_error: { retries: 1 } }), {}, QUEUED);
    expect(verdictOf({ ending: 503 }, ["timeout"], retries).retry).toBe("server_error");
    expect(verdictOf({ ending: 503 }, ["timeout", "server_error"], retries).retry).toBeUndefined();
  });

  test.each(["1", "true", "yes", "YES"])("x-fal-no-retry: %s beats all", (value) => {
    const header = { "x-fal-no-retry": value, ...config({ server_error: { retries: 9 } }) };
    expect(tries(503, retriesOf(header, {}, QUEUED))).toBe(1);
    expect(tries(500, retriesOf(header, {}, QUEUED), { "x-fal-needs-retry": "1" })).toBe(1);
  });

  test.each([
    "{",
    "null",
    "[]",
    '{"server_error": 3}',
    '{"server_error": {"retries": -1}}',
    '{"other": {"retries": 1}}',
  ])("a header that says %s is as if it were not there", (value) => {
    const retries = retriesOf({ "x-fal-retry-config": value }, {}, QUEUED);
    expect(RETRY_CONDITIONS.map((condition) => retries.budgets[condition])).toEqual([9, 9, 9]);
  });

  test("with a wait between attempts that grows to half a minute", () => {
    expect([1, 2, 3, 9].map(requeueDelayMs)).toEqual([1_000, 2_000, 4_000, 30_000]);
  });
});
