import { createFalClient } from "@fal-ai/client";
import { afterEach, expect, test, vi } from "vitest";
import {
  type EmulatorServer,
  type ServeOptions,
  serveEmulator,
  virtualClock,
} from "../../src/emulator/index.ts";
import { echo, KEY, readEvents, type Submitted } from "../support/stage.ts";

const open: EmulatorServer[] = [];
const serve = async (options: ServeOptions = {}) => {
  const server = await serveEmulator({ clock: virtualClock(), ...options });
  open.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

const submitTo = async (url: string, endpoint = "acme/echo/v1", input: unknown = {}) => {
  const response = await fetch(`${url}/queue/${endpoint}`, {
    method: "POST",
    body: JSON.stringify(input),
    headers: { ...KEY, "content-type": "application/json" },
  });
  return (await response.json()) as Submitted;
};

test("over a socket: submit, events as they happen, result, and a file at a link that works", async () => {
  const { url } = await serve();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const input = { prompt: "a fox", seed: 1, image_size: { width: 64, height: 48 } };
  const submitted = await submitTo(url, "fal-ai/flux/schnell", input);
  expect(submitted.status_url.startsWith(`${url}/queue/fal-ai/flux/requests/`)).toBe(true);
  const { events } = await readEvents(await fetch(`${submitted.status_url}/stream?logs=1`, { headers: KEY }));
  expect(events.at(-1)).toMatchObject({ status: "COMPLETED" });
  const result = (await (await fetch(submitted.response_url, { headers: KEY })).json()) as {
    images: { url: string }[];
  };
  const file = await fetch(result.images[0]?.url ?? "");
  expect([file.status, file.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
});

test("a reader that hangs up leaves nothing behind in the emulator", async () => {
  const clock = virtualClock({ auto: false });
  const { url } = await serve({ clock, models: [echo] });
  const { status_url } = await submitTo(url);
  const before = clock.sleepers;
  const reader = new AbortController();
  const response = await fetch(`${status_url}/stream`, { headers: KEY, signal: reader.signal });
  await response.body?.getReader().read();
  expect(clock.sleepers).toBe(before + 1);
  reader.abort();
  await vi.waitFor(() => expect(clock.sleepers).toBe(before));
});

test("close ends open streams, frees the port and takes no time", async () => {
  const { url, close } = await serve({ clock: virtualClock({ auto: false }), models: [echo] });
  const { status_url } = await submitTo(url);
  const stream = readEvents(await fetch(`${status_url}/stream`, { headers: KEY }));
  const startedAt = performance.now();
  await close();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect((await stream).events).toHaveLength(1);
  await expect(fetch(url)).rejects.toThrow();
  await serve({ port: Number(new URL(url).port) });
});

test("a port in use is an error that names cause and cure", async () => {
  const { url } = await serve();
  const port = Number(new URL(url).port);
  await expect(serveEmulator({ port })).rejects.toMatchObject({
    name: "ListenError",
    code: "cannot_listen",
    message: `The emulator could not start: port ${port} on 127.0.0.1 is in use. Stop what listens there, or choose another port (0 takes a free one).`,
    cause: { code: "EADDRINUSE" },
  });
});

test.each(["polling", "streaming"] as const)(
  "the official client completes a subscribe by %s",
  async (mode) => {
    const { url, emulator } = await serve();
    const fal = createFalClient({
      credentials: "id:secret",
      proxyUrl: { url: `${url}/api/fal/proxy`, when: "always" },
    });
    const seen: string[] = [];
    const result = await fal.subscribe("fal-ai/flux/schnell", {
      input: { prompt: "a fox", image_size: { width: 64, height: 48 } },
      logs: true,
      onQueueUpdate: (update) => seen.push(update.status),
      ...(mode === "polling" ? { mode, pollInterval: 5 } : { mode }),
    });
    expect(result.requestId).toBe(emulator.jobs[0]?.requestId);
    expect(result.data.images[0]).toMatchObject({ width: 64, height: 48 });
    expect((await fetch(result.data.images[0]?.url ?? "")).status).toBe(200);
    expect(seen.at(-1)).toBe("COMPLETED");
    if (mode === "streaming") expect(seen).toContain("IN_PROGRESS");
  },
);

test("the official client uploads a file and gets a model's refusal as its own error", async () => {
  const { url } = await serve();
  const fal = createFalClient({
    credentials: "id:secret",
    proxyUrl: { url: `${url}/api/fal/proxy`, when: "always" },
  });
  const file = new Blob(["not a picture"], { type: "image/png" });
  await expect(
    fal.subscribe("fal-ai/esrgan", { input: { image_url: file }, pollInterval: 5 }),
  ).rejects.toMatchObject({ status: 422, body: { detail: [{ type: "image_load_error" }] } });
});
