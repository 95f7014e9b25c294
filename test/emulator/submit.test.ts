import { standIns } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo, FLUX, json, ORIGIN, stage } from "../support/stage.ts";

test("a submit is answered with an id, three links and a place in the queue", async () => {
  const { send, emulator } = stage({ models: [echo], auto: false });
  const response = await send("POST", "/queue/acme/echo/v1", { body: { text: "hi" } });
  expect(response.status).toBe(200);
  const body = await json(response);
  const base = `${ORIGIN}/queue/acme/echo/requests/${body["request_id"]}`;
  expect(body).toEqual({
    status: "IN_QUEUE",
    request_id: expect.stringMatching(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    ),
    response_url: base,
    status_url: `${base}/status`,
    cancel_url: `${base}/cancel`,
    queue_position: 0,
  });
  expect(response.headers.get("x-fal-request-id")).toBe(body["request_id"]);
  expect(emulator.jobs).toHaveLength(1);
  expect(emulator.jobs[0]).toMatchObject({
    endpoint: "acme/echo/v1",
    input: { text: "hi" },
    state: "IN_QUEUE",
  });
});

test("a submit without a key, or with one that is none, is refused", async () => {
  const { send, emulator } = stage();
  const missing = await send("POST", `/queue/${FLUX}`, { body: {}, anonymous: true });
  expect(missing.status).toBe(401);
  expect(await json(missing)).toEqual({ detail: expect.stringContaining("Authorization") });
  for (const [authorization, detail] of [
    ["Key nothing", "invalid key credentials"],
    ["Bearer abc", "bearer: unable to decode issuer"],
  ] as const) {
    const refused = await send("POST", `/queue/${FLUX}`, { body: {}, headers: { authorization } });
    expect([refused.status, await json(refused)]).toEqual([401, { detail }]);
  }
  expect(emulator.jobs).toHaveLength(0);
});

test("an endpoint of which nothing is known gives back its input, for nothing", async () => {
  const { emulator, send, clock } = stage();
  const response = await send("POST", "/queue/acme/new/model", { body: { n: 1 } });
  const { request_id } = (await json(response)) as { request_id: string };
  await clock.sleep(5_000);
  expect(await json(await send("GET", `/queue/acme/new/requests/${request_id}`))).toEqual({ n: 1 });
  expect(emulator.job(request_id)?.logs[0]?.message).toContain("nothing is known of acme/new/model");
  // What only looks like one is none.
  expect((await send("POST", "/queue/acme/new/model/stream", { body: {} })).status).toBe(404);
});

test("where models are given, an unknown endpoint is named, together with those that exist", async () => {
  const { send } = stage({ models: standIns });
  const response = await send("POST", "/queue/fal-ai/flux/dev", { body: {} });
  expect(response.status).toBe(404);
  const { detail } = await json(response);
  expect(detail).toContain('"fal-ai/flux/dev" not found');
  expect(detail).toContain("fal-ai/flux/schnell, fal-ai/esrgan, fal-ai/birefnet/v2");
});

test("a body that is not JSON is refused, and so is none", async () => {
  const { send } = stage();
  const unreadable = await send("POST", `/queue/${FLUX}`, { body: "{prompt:" });
  expect([unreadable.status, await json(unreadable)]).toEqual([
    400,
    { detail: "The body is not valid JSON" },
  ]);
  expect((await send("POST", `/queue/${FLUX}`)).status).toBe(400);
});

test("the job keeps what the submit said: webhook, priority, headers and tags as the gateway reads them", async () => {
  const { send, emulator } = stage({ models: [echo], auto: false });
  const tags = "Team=studio, job_id = j 1 ,bad key=x,fal.mine=y,novalue,team=later,umlaut=ä";
  await send("POST", "/queue/acme/echo/v1?fal_webhook=https%3A%2F%2Fexample.com%2Fhook", {
    body: {},
    headers: {
      "x-fal-tags": encodeURI(tags).replaceAll("%20", " "),
      "x-fal-queue-priority": "low",
      "x-mine": "1",
    },
  });
  expect(emulator.jobs[0]).toMatchObject({
    webhookUrl: "https://example.com/hook",
    priority: "low",
    account: "id",
    tags: { team: "later", job_id: "j 1", umlaut: "%C3%A4" },
    rawTags: expect.stringContaining("fal.mine=y"),
    headers: { "x-mine": "1", authorization: "Key id:secret" },
  });
});

test("fal_max_queue_length refuses what would wait behind more than that", async () => {
  const { send, submit } = stage({ models: [echo], auto: false });
  for (let i = 0; i < 3; i++) await submit("acme/echo/v1");
  expect((await send("POST", "/queue/acme/echo/v1?fal_max_queue_length=3", { body: {} })).status).toBe(200);
  const refused = await send("POST", "/queue/acme/echo/v1?fal_max_queue_length=3", { body: {} });
  expect(refused.status).toBe(429);
  expect(await json(refused)).toEqual({ detail: expect.stringContaining("more than 3") });
});

test("a malformed start timeout is a bad request, in fal's own form", async () => {
  const { send } = stage({ models: [echo] });
  const response = await send("POST", "/queue/acme/echo/v1", {
    body: {},
    headers: { "x-fal-request-timeout": "soon" },
  });
  expect(response.status).toBe(400);
  expect(response.headers.get("x-fal-error-type")).toBe("bad_request");
  expect(await json(response)).toMatchObject({ error_type: "bad_request" });
});

test("ids, model seeds and durations repeat with the same seed and differ with another", async () => {
  const story = async (seed: number) => {
    const { submit, finish, emulator } = stage({ models: [echo], seed });
    const submitted = await submit("acme/echo/v1");
    const { body } = await finish(submitted);
    return [submitted.request_id, body, emulator.jobs[0]?.completedAt];
  };
  expect(await story(1)).toEqual(await story(1));
  expect((await story(2))[0]).not.toBe((await story(1))[0]);
});
