import { expect, test } from "vitest";
import { echo, json, KEY, ORIGIN, type Submitted, stage } from "../support/stage.ts";

const tiny = { prompt: "a fox", image_size: { width: 32, height: 32 }, sync_mode: false };
const fileOf = (body: Record<string, unknown>) => (body["images"] as { url: string }[])[0]?.url ?? "";

test("by host: links and files are on fal's hosts and can be followed", async () => {
  const { send, finish } = stage();
  const response = await send("POST", "https://queue.fal.run/fal-ai/flux/schnell", { body: tiny });
  const submitted = (await response.json()) as Submitted;
  expect(submitted.status_url).toMatch(/^https:\/\/queue\.fal\.run\/fal-ai\/flux\/requests\/[^/]+\/status$/);
  const { body } = await finish(submitted);
  expect(fileOf(body)).toMatch(/^https:\/\/v3\.fal\.media\/files\//);
  expect((await send("GET", fileOf(body), { anonymous: true })).status).toBe(200);
  const prices = await send("GET", "https://api.fal.ai/v1/models/pricing?endpoint_id=fal-ai/esrgan");
  expect(prices.status).toBe(200);
});

test("through x-fal-target-url: no key is needed, links are fal's, files are where they can be fetched", async () => {
  const { send, emulator, clock } = stage();
  const viaProxy = (method: string, target: string, body?: unknown) =>
    send(method, "/api/fal/proxy", {
      anonymous: true,
      headers: { "x-fal-target-url": target },
      ...(body === undefined ? {} : { body }),
    });
  const response = await viaProxy("POST", "https://queue.fal.run/fal-ai/flux/schnell", tiny);
  const submitted = (await response.json()) as Submitted;
  expect(submitted.response_url).toMatch(/^https:\/\/queue\.fal\.run\//);
  while ((await viaProxy("GET", submitted.status_url)).status === 202) await clock.sleep(500);
  const result = await json(await viaProxy("GET", submitted.response_url));
  expect(fileOf(result)).toMatch(new RegExp(`^${ORIGIN}/files/`));
  expect((await send("GET", fileOf(result), { anonymous: true })).status).toBe(200);
  expect(emulator.received[0]).toMatchObject({ target: "https://queue.fal.run/fal-ai/flux/schnell" });
});

test("a target that is not the platform is an invalid request", async () => {
  const { send } = stage();
  for (const target of ["https://example.com/x", "https://evilfal.run/x", "nonsense"]) {
    const response = await send("POST", "/", { body: {}, headers: { "x-fal-target-url": target } });
    expect([response.status, await json(response)]).toEqual([400, { detail: "Invalid request" }]);
  }
});

test("a stated origin is where links point", async () => {
  const { submit, send } = stage({ models: [echo], auto: false, origin: "https://emulator.test/" });
  expect((await submit("acme/echo/v1")).cancel_url).toMatch(/^https:\/\/emulator\.test\/queue\/acme\/echo\//);
  const byHost = await send("POST", "https://queue.fal.run/acme/echo/v1", { body: {} });
  expect(((await byHost.json()) as Submitted).status_url).toMatch(/^https:\/\/queue\.fal\.run\//);
});

test("browsers may call it from anywhere, and read fal's headers", async () => {
  const { send } = stage({ models: [echo] });
  const preflight = await send("OPTIONS", "/queue/acme/echo/v1", {
    anonymous: true,
    headers: {
      origin: "https://app.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,x-fal-queue-priority",
    },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
  expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
  const answer = await send("POST", "/queue/acme/echo/v1", {
    body: {},
    headers: { origin: "https://app.example" },
  });
  expect(answer.headers.get("access-control-expose-headers")).toBe("*");
});

test("every request is on record, JSON bodies included, and the oldest are forgotten", async () => {
  const { send, emulator } = stage({ models: [echo], auto: false });
  await send("POST", "/queue/acme/echo/v1?fal_webhook=x", { body: { text: "hi" } });
  expect(emulator.received).toEqual([
    {
      at: Date.UTC(2026, 0, 1),
      method: "POST",
      url: `${ORIGIN}/queue/acme/echo/v1?fal_webhook=x`,
      target: undefined,
      headers: expect.objectContaining(KEY),
      body: '{"text":"hi"}',
    },
  ]);
  for (let i = 0; i < 2_001; i++) await send("GET", "/health");
  expect(emulator.received).toHaveLength(2_000);
  expect(emulator.received[0]?.method).toBe("GET");
});

test("it can be told apart from the real platform", async () => {
  const { send } = stage();
  const health = await json(await send("GET", "/health", { anonymous: true }));
  expect(health).toMatchObject({ emulator: "fal-chain", version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});
