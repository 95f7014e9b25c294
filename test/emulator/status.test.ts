import { expect, test } from "vitest";
import { echo, json, ORIGIN, stage } from "../support/stage.ts";

test("a request is queued, then runs, then is completed: 202, 202, 200", async () => {
  const { send, submit, clock } = stage({ models: [echo], auto: false });
  const { status_url, request_id } = await submit("acme/echo/v1");
  const queued = await send("GET", status_url);
  expect(queued.status).toBe(202);
  expect(queued.headers.get("x-fal-request-id")).toBe(request_id);
  expect(await json(queued)).toMatchObject({ status: "IN_QUEUE", request_id, queue_position: 0, status_url });

  await clock.advance(1_000);
  const running = await send("GET", status_url);
  expect(running.status).toBe(202);
  expect(await json(running)).toMatchObject({ status: "IN_PROGRESS", logs: null, metrics: {} });

  await clock.advance(10_000);
  const completed = await send("GET", `${status_url}?logs=1`);
  expect(completed.status).toBe(200);
  const body = await json(completed);
  expect(body).toMatchObject({
    status: "COMPLETED",
    response_url: `${ORIGIN}/queue/acme/echo/requests/${request_id}`,
    metrics: { inference_time: 10 },
  });
  expect(body).not.toHaveProperty("error");
});

test("polled logs are cumulative, appear during the run, and start by saying that no model runs", async () => {
  const { send, submit, clock } = stage({ models: [echo], auto: false });
  const { status_url } = await submit("acme/echo/v1");
  const messages = async () => {
    const { logs } = await json(await send("GET", `${status_url}?logs=true`));
    return (logs as { message: string }[]).map(({ message }) => message);
  };
  await clock.advance(1_000);
  expect(await messages()).toEqual(["stand-in for acme/echo/v1: no model runs"]);
  await clock.advance(3_500);
  expect(await messages()).toEqual([expect.stringContaining("stand-in"), "listening"]);
  await clock.advance(10_000);
  expect(await messages()).toEqual([expect.stringContaining("stand-in"), "listening", "speaking"]);
  const { logs } = await json(await send("GET", `${status_url}?logs=1`));
  expect((logs as unknown[])[0]).toEqual({
    message: expect.any(String),
    level: "INFO",
    source: "USER",
    timestamp: expect.stringMatching(/^2026-01-01T00:00:00\.\d{3}$/),
    labels: {},
  });
  const without = await json(await send("GET", `${status_url}?logs=0`));
  expect(without["logs"]).toBeNull();
});

test("an id is unknown everywhere but under its own app", async () => {
  const { send, submit } = stage({ models: [echo], auto: false });
  const { request_id } = await submit("acme/echo/v1");
  for (const path of ["acme/echo", "acme/echo/v1"]) {
    expect((await send("GET", `/queue/${path}/requests/${request_id}/status/`)).status).toBe(202);
  }
  for (const path of [`acme/other/requests/${request_id}`, "acme/echo/requests/nothing"]) {
    for (const action of ["", "/status", "/status/stream"]) {
      const response = await send("GET", `/queue/${path}${action}`);
      expect([response.status, await json(response)]).toEqual([404, { status: "NOT_FOUND" }]);
    }
  }
});

test("the status needs a key, and a method that fits", async () => {
  const { send, submit } = stage({ models: [echo], auto: false });
  const { status_url, cancel_url } = await submit("acme/echo/v1");
  expect((await send("GET", status_url, { anonymous: true })).status).toBe(401);
  expect((await send("POST", cancel_url)).status).toBe(405);
  expect((await send("GET", "/queue/acme/echo/v1")).status).toBe(405);
  expect((await send("GET", "/nowhere")).status).toBe(404);
});

test("workflows and comfy shift the app by one segment", async () => {
  const models = ["workflows/acme/flow", "comfy/acme/graph/fast"].map((id) => ({ ...echo, id }));
  const { submit, finish } = stage({ models });
  const flow = await submit("workflows/acme/flow");
  expect(flow.status_url).toContain("/queue/workflows/acme/flow/requests/");
  expect((await finish(flow)).status).toBe(200);
  const graph = await submit("comfy/acme/graph/fast");
  expect(graph.status_url).toContain("/queue/comfy/acme/graph/requests/");
  expect((await finish(graph)).status).toBe(200);
});
