import { createFal } from "fal-chain";
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ECHO, ENV, failureOf } from "../support/setup.ts";

// Single replies, over the runtime's own fetch.

// What a call asks for beside its request is nothing of these tests.
const server = setupServer(http.all("https://*", () => HttpResponse.json({}, { status: 404 })));
beforeAll(() => server.listen({ onUnhandledFrame: "error" }));
afterEach(() => server.resetHandlers());
afterAll(async () => {
  await fal.close();
  server.close();
});

const QUEUE = "https://queue.fal.run";
const REQUEST = `${QUEUE}/acme/echo/requests/r1`;
const fal = createFal({ env: ENV, retry: { maxRetries: 2, baseDelay: 0 } });
const status = () => fal.queue.status(ECHO, { requestId: "r1" });

test("unknown fields, absent ones and nulls are tolerated", async () => {
  server.use(
    http.post(`${QUEUE}/acme/echo`, () => HttpResponse.json({ request_id: "r1", novelty: { a: 1 } })),
    http.get(`${REQUEST}/status`, () =>
      HttpResponse.json({
        status: "COMPLETED",
        logs: null,
        metrics: null,
        error: null,
        error_type: null,
        x: 1,
      }),
    ),
    http.get(REQUEST, () => HttpResponse.json({ anything: ["goes"] })),
  );
  expect(await fal.queue.submit(ECHO, { input: {} })).toMatchObject({ request_id: "r1", queue_position: 0 });
  expect(await status()).toMatchObject({ status: "COMPLETED", logs: [] });
  const result = await fal.subscribe(ECHO, { input: {}, mode: "polling", logs: true });
  expect(result).toMatchObject({ data: { anything: ["goes"] }, billing: { units: undefined } });
});

describe("an unreadable status is asked again, and then an error that says what is wrong", () => {
  test.each([
    ["no JSON", () => HttpResponse.text("<html>secret prompt</html>"), /not JSON/],
    ["no object", () => HttpResponse.json([1]), /field/],
    ["no status", () => HttpResponse.json({}), /field/],
    ["another state", () => HttpResponse.json({ status: "FAILED" }), /unknown status, FAILED/],
    ["nothing", () => new HttpResponse(null, { status: 200 }), /not JSON/],
  ])("%s", async (_, answer, message) => {
    let asked = 0;
    server.use(
      http.get(`${REQUEST}/status`, () => {
        asked++;
        return answer();
      }),
    );
    const error = await failureOf(status());
    expect(error).toMatchObject({ name: "MalformedReplyError", requestId: "r1", endpoint: ECHO });
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain("secret prompt");
    expect(asked).toBe(3);
  });
});

describe("fal's ways of saying no become errors with its words", () => {
  const details = [{ loc: ["body", "seed"], msg: "must be positive", type: "greater_than", input: "secret" }];
  test.each([
    [404, { status: "NOT_FOUND" }, {}, { name: "ApiError", retryable: false, billed: "unknown" }],
    // As the official proxy says it.
    [400, "Invalid request", {}, { message: `${ECHO}: Invalid request (HTTP 400)` }],
    [502, "<html>gateway</html>", { "x-fal-request-id": "r1" }, { message: /without a reason/ }],
    [401, { detail: "invalid key" }, {}, { message: `${ECHO}: invalid key (HTTP 401)`, retryable: false }],
    [
      422,
      { detail: details },
      {},
      {
        name: "ValidationError",
        errorType: "greater_than",
        message: `${ECHO}: seed: must be positive (HTTP 422)`,
        billed: "unknown",
      },
    ],
    [422, { detail: details }, { "x-fal-billable-units": "0" }, { billed: false }],
    [422, { detail: details }, { "x-fal-billable-units": "2" }, { billed: true }],
    [422, { detail: details }, { "x-fal-billable-units": "" }, { billed: "unknown" }],
    [422, { detail: details }, { "x-fal-billable-units": "-1" }, { billed: "unknown" }],
    [
      504,
      { detail: "too late", error_type: "request_timeout" },
      { "x-fal-request-timeout-type": "user", "x-fal-request-id": "r1" },
      { errorType: "request_timeout", isUserTimeout: true, retryable: true, billed: "unknown" },
    ],
    [500, { detail: "x" }, { "x-fal-request-id": "r1", "x-fal-retryable": "false" }, { retryable: false }],
    [
      400,
      { error: { type: "bad", message: "platform's words" } },
      {},
      { errorType: "bad", message: /platform's words/ },
    ],
  ] as const)("%d %o %o", async (code, body, headers, expected) => {
    server.use(
      http.get(REQUEST, () => HttpResponse.json(body, { status: code, headers })),
      http.get(`${REQUEST}/status`, () => HttpResponse.json({ status: "IN_PROGRESS" })),
    );
    const error = await failureOf(fal.queue.result(ECHO, { requestId: "r1" }));
    const { message, ...rest } = { message: undefined, ...expected };
    expect(error).toMatchObject({ status: code, requestId: "r1", endpoint: ECHO, ...rest });
    if (message !== undefined) expect(String(error)).toMatch(message);
    expect(String(error) + JSON.stringify(error)).not.toContain("secret");
  });
});
