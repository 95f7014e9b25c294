import { expect, test } from "vitest";
import { echo, json, stage } from "../support/stage.ts";

test("the result is what the model produced, with what it cost", async () => {
  const { submit, finish, send, emulator } = stage({ models: [echo] });
  const submitted = await submit("acme/echo/v1", { text: "hi", unknown: "ignored" });
  const { status, headers, body } = await finish(submitted);
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("application/json");
  expect(headers.get("x-fal-billable-units")).toBe("2");
  expect(headers.get("x-fal-request-id")).toBe(submitted.request_id);
  expect(body).toMatchObject({ text: "hi" });
  expect(emulator.jobs[0]).toMatchObject({
    state: "COMPLETED",
    billableUnits: 2,
    result: { status: 200, body },
  });
  for (const suffix of ["/response", "/"]) {
    expect(await json(await send("GET", `${submitted.response_url}${suffix}`))).toEqual(body);
  }
});

test("asked too early, it says so", async () => {
  const { submit, send } = stage({ models: [echo], auto: false });
  const { response_url } = await submit("acme/echo/v1");
  const response = await send("GET", response_url);
  expect([response.status, await json(response)]).toEqual([400, { detail: "Request is still in progress" }]);
});

test("invalid input is accepted, completes with an error, and answers 422 with a bill of nothing", async () => {
  const { submit, finish, send } = stage({ models: [echo] });
  const submitted = await submit("acme/echo/v1", { text: 7 });
  const { status, headers, body } = await finish(submitted);
  expect(status).toBe(422);
  expect(headers.get("x-fal-billable-units")).toBe("0");
  expect(body).toEqual({
    detail: [
      {
        loc: ["body", "text"],
        msg: "Input should be a valid string",
        type: "string_type",
        url: "https://docs.fal.ai/errors/#string_type",
        input: 7,
      },
    ],
  });
  expect(await json(await send("GET", submitted.status_url))).toMatchObject({
    status: "COMPLETED",
    error: "Input should be a valid string",
    error_type: "string_type",
  });
});

test("a stand-in that breaks is an internal error, not a crash", async () => {
  const { submit, finish } = stage({ models: [echo] });
  const { status, headers, body } = await finish(await submit("acme/echo/v1", { fail: true }));
  expect(status).toBe(500);
  expect(headers.get("x-fal-error-type")).toBe("internal_error");
  expect(body["detail"]).toContain("the echo is broken");
});

test("a small result is kept for an hour, one of ten kilobytes for six minutes", async () => {
  const { submit, finish, send, clock } = stage({ models: [echo] });
  const small = await submit("acme/echo/v1");
  await finish(small);
  const large = await submit("acme/echo/v1", { text: "x".repeat(10_000) });
  await finish(large);
  await clock.advance(5 * 60_000);
  expect((await send("GET", large.response_url)).status).toBe(200);
  await clock.advance(2 * 60_000);
  expect((await send("GET", large.response_url)).status).toBe(404);
  expect((await send("GET", small.response_url)).status).toBe(200);
  await clock.advance(60 * 60_000);
  const gone = await send("GET", small.response_url);
  expect(gone.status).toBe(404);
  expect(await json(gone)).toEqual({ detail: expect.stringContaining("expired") });
});
