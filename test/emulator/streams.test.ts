import { decode, encode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import { serveEmulator } from "../../src/emulator/index.ts";
import { json, KEY, ORIGIN, readEvents, stage } from "../support/stage.ts";

const ROUTER = "/run/openrouter/router/stream";
const body = { prompt: "a red fox", model: "any/model" };
const TOKENS = { allowed_apps: ["router"], token_expiration: 10 };

test("a model that streams gives its events as they are made, and the last one is its result", async () => {
  const { send, emulator } = stage();
  const answer = await send("POST", ROUTER, { body });
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  expect(answer.headers.get("x-fal-request-id")).toBe(emulator.jobs[0]?.requestId);
  const { events } = await readEvents(answer);
  expect(events.map(({ output }) => output).slice(-2)).toEqual(["You said: a red", "You said: a red fox"]);
  expect(events.map(({ partial }) => partial)).toEqual([true, true, true, true, false]);
  expect(emulator.jobs[0]).toMatchObject({ state: "COMPLETED", result: { body: events.at(-1) } });
});

test("what it refuses is answered as by any direct call, and what does not stream is not there", async () => {
  const { send } = stage();
  expect((await send("POST", ROUTER, { body: {} })).status).toBe(422);
  expect((await send("POST", "/run/fal-ai/esrgan/stream", { body: {} })).status).toBe(404);
});

test("who hangs up ends it", async () => {
  const { send, emulator, clock } = stage();
  const answer = await send("POST", ROUTER, { body });
  await answer.body?.cancel();
  await clock.sleep(10);
  expect(emulator.jobs[0]).toMatchObject({ cancelled: true, errorType: "client_disconnected" });
});

test.each([
  ["/rest/tokens/", TOKENS, (answer: unknown) => answer],
  [
    "/rest/tokens/realtime",
    { allowed_apps: ["openrouter/router"], duration: 10 },
    (answer: unknown) => (answer as { token: string }).token,
  ],
])("a token of %s stands for the key, for its app and its time", async (path, wish, tokenIn) => {
  const { send, clock, emulator } = stage();
  const token = String(tokenIn(await json(await send("POST", path, { body: wish }))));
  const ask = (app: string, jwt: string) =>
    send("POST", `${ORIGIN}${app}?fal_jwt_token=${jwt}`, { body, anonymous: true });
  expect((await (await ask(ROUTER, token)).text()).length).toBeGreaterThan(10);
  expect(emulator.jobs[0]?.account).toBe("id");
  expect((await ask("/run/fal-ai/flux/schnell", token)).status).toBe(401);
  expect((await ask(ROUTER, `${token.slice(0, -2)}xx`)).status).toBe(401);
  expect((await ask(ROUTER, "nonsense")).status).toBe(401);
  expect((await send("POST", path, { body: wish, anonymous: true })).status).toBe(401);
  await clock.sleep(11_000);
  expect((await ask(ROUTER, token)).status).toBe(401);
});

test("over a socket: pictures over a realtime connection, and no connection without a token", async () => {
  const { url, close } = await serveEmulator({ timeScale: 0 });
  const address = `${url.replace("http", "ws")}/run/fal-ai/fast-lightning-sdxl/realtime`;
  const refused = new WebSocket(address);
  await new Promise((resolve) => refused.addEventListener("error", resolve, { once: true }));
  const asked = await fetch(`${url}/rest/tokens/`, {
    method: "POST",
    headers: KEY,
    body: JSON.stringify({ allowed_apps: ["fast-lightning-sdxl"], token_expiration: 10 }),
  });
  const socket = new WebSocket(`${address}?fal_jwt_token=${(await asked.json()) as string}`);
  socket.binaryType = "arraybuffer";
  const messages = new ReadableStream<unknown>({
    start: (controller) => socket.addEventListener("message", ({ data }) => controller.enqueue(data)),
  }).getReader();
  const message = async () => (await messages.read()).value;
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  socket.send(encode({ prompt: "a fox", seed: 1, request_id: "r-1" }));
  const result = decode((await message()) as ArrayBuffer) as { images: { content: Uint8Array }[] };
  expect(result).toMatchObject({ request_id: "r-1", seed: 1, images: [{ content_type: "image/jpeg" }] });
  expect([...(result.images[0]?.content.subarray(0, 2) ?? [])]).toEqual([0xff, 0xd8]);
  socket.send("no JSON");
  expect(JSON.parse(String(await message()))).toMatchObject({ type: "x-fal-message" });
  expect(JSON.parse(String(await message()))).toMatchObject({ type: "x-fal-error", error: "INTERNAL_ERROR" });
  const closed = new Promise((resolve) => socket.addEventListener("close", resolve, { once: true }));
  await close();
  await closed;
});
