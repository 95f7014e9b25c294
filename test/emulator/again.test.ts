import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { createFal } from "fal-chain";
import { emulatorEnv, type ServeOptions, serveEmulator } from "fal-chain/emulator";
import { expect, onTestFinished, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, failureOf, SMALL } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

/** One life of an emulator, and a client of it. */
async function life(directory: string, options: ServeOptions = {}) {
  const server = await serveEmulator({ directory, timeScale: 0, ...options });
  onTestFinished(() => server.close());
  const fal = createFal({ env: emulatorEnv(server.url), retry: { baseDelay: 1 } });
  return { ...server, fal };
}

const KEY = { authorization: "Key emulator:not-a-secret" };

test("the next emulator of a directory has the port, the requests and the files of the last one", async () => {
  const directory = tempDir();
  const first = await life(directory);
  const { data, requestId } = await first.fal.subscribe("fal-ai/flux/schnell", { input: SMALL });
  const upload = await first.fal.storage.upload(new Blob(["fox"], { type: "text/plain" }));
  await first.close();

  const second = await life(directory);
  expect(second.url).toBe(first.url);
  expect(second.emulator.job(requestId)).toEqual({
    ...first.emulator.job(requestId),
    // The key is not written down.
    headers: expect.not.objectContaining({ authorization: expect.anything() }),
  });
  const result = await second.fal.queue.result("fal-ai/flux/schnell", { requestId });
  expect(result.data).toEqual(data);
  const image = await fetch(data.images[0]!.url);
  expect([image.status, image.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
  expect(await (await fetch(upload)).text()).toBe("fox");
  const history = await fetch(
    `${second.url}/api/v1/models/requests/by-endpoint?endpoint_id=fal-ai/flux/schnell`,
    {
      headers: KEY,
    },
  );
  const bills = await fetch(`${second.url}/api/v1/models/billing-events`, { headers: KEY });
  expect(await bills.json()).toMatchObject({ billing_events: [{ request_id: requestId }] });
  expect(await history.json()).toMatchObject({ items: [{ request_id: requestId }] });

  expect(statSync(directory).mode & 0o077).toBe(0);
  expect(readFileSync(join(directory, "requests.jsonl"), "utf8")).not.toContain("not-a-secret");
});

test("a request that had not ended runs in the next life, and its webhook comes then", async () => {
  const directory = tempDir();
  const hooks: string[] = [];
  const fetch: typeof globalThis.fetch = async (url, init) => {
    hooks.push(JSON.parse(String(init?.body)).request_id);
    return new Response(String(url));
  };
  const models = [echo({ seconds: 600 })];
  const first = await life(directory, { models, timeScale: 1 });
  const { request_id } = await first.fal.queue.submit(ECHO, {
    input: { n: 1 },
    webhookUrl: "http://127.0.0.1:9/hook",
  });
  await first.close();

  const second = await life(directory, { models, fetch });
  const { data } = await second.fal.queue.result(ECHO, { requestId: request_id }).catch(async () => {
    await expect.poll(() => second.emulator.job(request_id)?.state).toBe("COMPLETED");
    return second.fal.queue.result(ECHO, { requestId: request_id });
  });
  expect(data).toEqual({ echo: { n: 1 } });
  expect(second.emulator.jobs).toHaveLength(1);
  await expect.poll(() => hooks).toEqual([request_id]);
});

test("what is half written or is no line of its own is left out, and forgetting leaves the port alone", async () => {
  const directory = tempDir();
  const first = await life(directory, { models: [echo()] });
  const { requestId } = await first.fal.subscribe(ECHO, { input: { n: 1 } });
  await first.close();
  appendFileSync(join(directory, "requests.jsonl"), 'null\n[]\n{"job":null}\n{"job":{"requestId":"half');
  writeFileSync(join(directory, "files", "left-over"), "");

  const second = await life(directory, { models: [echo()] });
  expect(second.emulator.jobs.map((job) => job.requestId)).toEqual([requestId]);
  expect(existsSync(join(directory, "files", "left-over"))).toBe(false);
  // What is appended now begins a line.
  const { requestId: next } = await second.fal.subscribe(ECHO, { input: { n: 2 } });
  await second.close();
  const third = await life(directory, { models: [echo()] });
  expect(third.emulator.jobs.map((job) => job.requestId)).toEqual([requestId, next]);
  await third.close();

  const fourth = await life(directory, { models: [echo()], forget: true });
  expect([fourth.emulator.jobs, fourth.url]).toEqual([[], first.url]);
  expect(readdirSync(join(directory, "files"))).toEqual([]);
});

test("a week later a request is forgotten", async () => {
  const directory = tempDir();
  const first = await life(directory, { models: [echo()] });
  await first.fal.subscribe(ECHO, { input: { n: 1 } });
  await first.close();
  const clock = { now: () => Date.now() + 7 * 24 * 60 * 60_000, sleep: async () => {} };
  expect((await life(directory, { models: [echo()], clock })).emulator.jobs).toEqual([]);
});

test("a directory that cannot be used, and a port that another one has, are errors that say so", async () => {
  const directory = tempDir();
  writeFileSync(join(directory, "file"), "");
  expect(await failureOf(serveEmulator({ directory: join(directory, "file") }))).toMatchObject({
    code: "cannot_listen",
    message: expect.stringContaining("its directory cannot be used"),
  });
  const other = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await new Promise((resolve) => other.once("listening", resolve));
  mkdirSync(join(directory, "own"));
  writeFileSync(join(directory, "own", "port"), String((other.address() as { port: number }).port));
  expect(await failureOf(serveEmulator({ directory: join(directory, "own") }))).toMatchObject({
    code: "cannot_listen",
    cause: { code: "EADDRINUSE" },
  });
});
