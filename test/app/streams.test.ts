import { AppError, defineApp } from "fal-chain/app";
import { expect, test, vi } from "vitest";
import * as z from "zod";
import { ECHO } from "../support/setup.ts";
import { post, read, site, stillSite } from "./support.ts";

const streaming = (
  handler: (tools: ReturnType<typeof site>, signal: AbortSignal) => AsyncGenerator,
  tools = site(),
) => {
  const { fal, logger } = tools;
  const app = defineApp({
    name: "poster",
    ...{ fal, logger },
    endpoints: {
      "/": {
        output: z.object({ n: z.number() }),
        async *handler(_, { signal }) {
          return yield* handler(tools, signal) as AsyncGenerator<{ n: number }, { n: number } | undefined>;
        },
      },
    },
  });
  return { ...tools, app };
};

test("a generator's values are events, what it returns is the last, and its calls are of the request", async () => {
  const { app, emulator } = streaming(async function* ({ fal }) {
    yield { n: 1, private: "stays" };
    await fal.subscribe(ECHO, { input: {} });
    yield { n: 2 };
    return { n: 3 };
  });
  const answer = await post(app, "/", {}, { headers: { "x-fal-request-id": "request-1" } });
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  expect(await answer.text()).toBe('data: {"n":1}\n\ndata: {"n":2}\n\ndata: {"n":3}\n\n');
  expect(emulator.jobs[0]?.tags).toMatchObject({ request: "request-1" });
});

test("a stream that fails before its first event has a status of its own", async () => {
  const { app } = streaming(async function* () {
    yield* [];
    throw new AppError(403, "Not you.");
  });
  expect(await read(await post(app, "/", {}))).toMatchObject({ status: 403, body: { detail: "Not you." } });
});

test("one that fails later says so, and breaks, so that nobody takes what came for the whole", async () => {
  const { app, log } = streaming(async function* () {
    yield { n: 1 };
    throw new AppError(503, "The model is gone.");
  });
  const answer = await post(app, "/", {});
  const seen: string[] = [];
  const reading = (async () => {
    for await (const bytes of answer.body ?? []) seen.push(new TextDecoder().decode(bytes));
  })();
  await expect(reading).rejects.toThrow("The model is gone.");
  expect(seen.join("")).toBe(
    'data: {"n":1}\n\nevent: error\ndata: {"status":503,"detail":"The model is gone."}\n\n',
  );
  expect(log).toContainEqual(expect.objectContaining({ msg: "Request has failed", status: 503 }));
});

test("events are made as they are read, and whoever leaves ends the calls with them", async () => {
  let made = 0;
  let cleanedUp = false;
  const { app, emulator, fal } = streaming(async function* ({ fal }, signal) {
    try {
      for (; made < 3; made++) yield { n: made };
      await fal.subscribe(ECHO, { input: {} });
      throw new Error("it should have been cancelled");
    } finally {
      cleanedUp = signal.aborted;
    }
  }, stillSite());
  const answer = await post(app, "/", {});
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  expect(made).toBeLessThan(3);
  for (let n = 0; n < 2; n++) await reader.read();
  const pending = reader.read();
  await vi.waitFor(() => expect(emulator.jobs).toHaveLength(1));
  await reader.cancel();
  await pending.catch(() => {});
  await vi.waitFor(() => expect(cleanedUp).toBe(true));
  await fal.close();
  expect(emulator.jobs[0]?.cancelled).toBe(true);
});
