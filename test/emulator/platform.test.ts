import { expect, test } from "vitest";
import { createFileStore } from "../../src/emulator/files.ts";
import { echo, FLUX, json, KEY, stage } from "../support/stage.ts";

test("prices come for several ids, repeated or with commas", async () => {
  const { send } = stage();
  const expected = {
    prices: [
      { endpoint_id: FLUX, unit_price: 0.003, unit: "megapixels", currency: "USD" },
      { endpoint_id: "fal-ai/esrgan", unit_price: 0.00111, unit: "compute seconds", currency: "USD" },
    ],
    next_cursor: null,
    has_more: false,
  };
  const base = "/api/v1/models/pricing?endpoint_id=";
  expect(await json(await send("GET", `${base}${FLUX}&endpoint_id=fal-ai/esrgan`))).toEqual(expected);
  expect(await json(await send("GET", `${base}fal-ai%2Fesrgan,${FLUX}`))).toEqual(expected);
});

test("the platform API has error bodies of its own", async () => {
  const { send } = stage();
  const unknown = await send("GET", "/api/v1/models/pricing?endpoint_id=fal-ai/other");
  expect(unknown.status).toBe(404);
  expect(await json(unknown)).toEqual({
    error: { type: "not_found", message: expect.stringContaining("fal-ai/other") },
  });
  const none = await send("GET", "/api/v1/models/pricing");
  expect([none.status, await json(none)]).toMatchObject([400, { error: { type: "validation_error" } }]);
  const keyless = await send("GET", `/api/v1/models/pricing?endpoint_id=${FLUX}`, { anonymous: true });
  expect([keyless.status, await json(keyless)]).toMatchObject([
    401,
    { error: { type: "authorization_error" } },
  ]);
});

test("what it has not of the platform API is refused in the platform's own form", async () => {
  const { send } = stage();
  const answer = await send("GET", "https://api.fal.ai/v1/organization/usage");
  const message = "/v1/organization/usage is not emulated";
  expect([answer.status, await json(answer)]).toEqual([404, { error: { type: "not_found", message } }]);
});

test("an uploaded file can be fetched, with its type and length, by GET and HEAD", async () => {
  const { send, emulator } = stage();
  const announced = await json(
    await send("POST", "https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3", {
      body: { content_type: "text/plain", file_name: "a b.txt" },
    }),
  );
  const url = String(announced["file_url"]);
  expect(announced["upload_url"]).toBe(url);
  const put = (body: string) => emulator.fetch(new Request(url, { method: "PUT", body }));
  expect((await put("hello")).status).toBe(200);
  expect((await put("again")).status).toBe(403);
  const got = await send("GET", url, { anonymous: true, headers: { origin: "https://app.example" } });
  expect(await got.text()).toBe("hello");
  expect(got.headers.get("content-type")).toBe("text/plain");
  expect(got.headers.get("access-control-allow-origin")).toBe("*");
  const head = await send("HEAD", url, { anonymous: true });
  expect([head.headers.get("content-length"), await head.text()]).toEqual(["5", ""]);
  const gone = await send("GET", "/files/nothing/a.png");
  expect(gone.status).toBe(404);
  expect((await json(gone))["detail"]).toContain("drops the oldest");
});

test("files are bounded: the oldest go first", () => {
  const files = createFileStore(100);
  const put = (fill: number) => files.put(new Uint8Array(40).fill(fill), "a.bin", "x/y").split("/")[1] ?? "";
  const [first, second, third] = [put(1), put(2), put(3)];
  expect(files.get(first)).toBeUndefined();
  expect(files.get(second)?.bytes[0]).toBe(2);
  expect(files.get(third)?.bytes[0]).toBe(3);
});

test("a direct call answers with the result, and is refused when all slots are taken", async () => {
  const { send, submit, emulator, clock } = stage({ models: [echo], concurrency: 1 });
  const answer = await send("POST", "/run/acme/echo/v1", { body: { text: "now" } });
  expect([answer.status, await json(answer)]).toMatchObject([200, { text: "now" }]);
  expect(answer.headers.get("x-fal-billable-units")).toBe("2");
  await submit("acme/echo/v1");
  const refused = await send("POST", "/run/acme/echo/v1", { body: {} });
  expect(refused.status).toBe(429);
  expect(refused.headers.get("x-fal-needs-retry")).toBe("1");
  expect(await json(refused)).toMatchObject({ type: "concurrent_requests_limit", data: { limit: 1 } });
  await clock.sleep(20_000);
  const caller = new AbortController();
  const hanging = send("POST", "/run/acme/echo/v1", { body: {}, signal: caller.signal });
  await clock.sleep(1_000);
  caller.abort();
  await hanging;
  expect(emulator.jobs.at(-1)).toMatchObject({ cancelled: true });
});

test("the requests that it has received take a bounded room, whatever they hold", async () => {
  const { emulator } = stage({ models: [echo] });
  const body = JSON.stringify({ text: "x".repeat(200_000) });
  const headers = { ...KEY, "content-type": "application/json" };
  for (let n = 0; n < 400; n++) {
    await emulator.fetch(
      new Request("http://127.0.0.1:8787/queue/none/none", { method: "POST", headers, body }),
    );
  }
  const held = emulator.received.reduce((sum, { body = "" }) => sum + body.length, 0);
  expect(held).toBeLessThanOrEqual(64 * 2 ** 20);
  expect(emulator.received.length).toBeGreaterThan(300);
});
