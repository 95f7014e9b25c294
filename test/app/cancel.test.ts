import { defineApp } from "fal-chain/app";
import { expect, test, vi } from "vitest";
import { ECHO, ENV } from "../support/setup.ts";
import { post, read, stillSite } from "./support.ts";

/** An app whose requests wait for a call that takes ten minutes, and for what they then have to clear away. */
function slow({ clearing = Promise.resolve() }: { clearing?: Promise<void> } = {}) {
  const tools = stillSite();
  const { fal, logger } = tools;
  const reasons: unknown[] = [];
  const app = defineApp({
    name: "poster",
    ...{ fal, logger },
    endpoints: {
      "/": {
        async handler(_, { signal }) {
          try {
            return await fal.subscribe(ECHO, { input: {} });
          } finally {
            reasons.push(signal.reason);
            await clearing;
          }
        },
      },
      "/other": { handler: () => "other" },
    },
  });
  return { ...tools, app, reasons };
}
const from = (id: string) => ({ headers: { "x-fal-request-id": id } });

test("a request is cancelled at its path with its id, its calls upstream too, and answers when its handler is done", async () => {
  const clearing = Promise.withResolvers<void>();
  const { app, emulator, fal, reasons } = slow({ clearing: clearing.promise });
  const answers = [post(app, "/", {}, from("a")), post(app, "/", {}, from("b"))] as const;
  await vi.waitFor(() => expect(emulator.jobs).toHaveLength(2));

  expect(await read(await post(app, "/other/cancel", {}, from("a")))).toMatchObject({ status: 404 });
  expect(await read(await post(app, "/cancel", {}, from("c")))).toMatchObject({
    status: 404,
    body: { status: "NOT_FOUND" },
  });
  expect(await read(await post(app, "/cancel", {}, from("a")))).toMatchObject({
    status: 200,
    body: { status: "CANCELLATION_REQUESTED" },
  });
  await vi.waitFor(() => expect(reasons).toHaveLength(1));
  let isAnswered = false;
  void answers[0].then(() => {
    isAnswered = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isAnswered).toBe(false);
  clearing.resolve();
  expect(await read(await answers[0])).toMatchObject({
    status: 499,
    units: "0",
    body: { detail: "Request cancelled by the client." },
  });
  expect(reasons[0]).toMatchObject({ name: "AbortError", message: "The request was cancelled." });
  await post(app, "/cancel", {}, from("b"));
  await answers[1];
  await fal.close();
  expect(emulator.jobs.map(({ cancelled }) => cancelled)).toEqual([true, true]);
});

test("where no gateway says whose id it is, nobody cancels the request of another one", async () => {
  const tools = stillSite({ env: ENV });
  const app = defineApp({
    name: "poster",
    ...{ fal: tools.fal, logger: tools.logger },
    endpoints: { "/": { handler: () => tools.fal.subscribe(ECHO, { input: {} }) } },
  });
  const answer = post(app, "/", {}, from("a"));
  await vi.waitFor(() => expect(tools.emulator.jobs).toHaveLength(1));
  expect(await read(await post(app, "/cancel", {}, from("a")))).toMatchObject({ status: 404 });
  await tools.clock.advance(600_000);
  expect((await answer).status).toBe(200);
});

test("a caller that leaves cancels its request, and one that has its answer cancels nothing", async () => {
  const { app, emulator, fal, reasons } = slow();
  const leaving = new AbortController();
  const answer = post(app, "/", {}, { ...from("a"), signal: leaving.signal });
  await vi.waitFor(() => expect(emulator.jobs).toHaveLength(1));
  leaving.abort();
  expect((await answer).status).toBe(499);
  expect(reasons[0]).toMatchObject({ message: "The caller has left." });
  await fal.close();
  expect(emulator.jobs[0]?.cancelled).toBe(true);

  const later = new AbortController();
  const { status } = await post(app, "/other", {}, { signal: later.signal });
  later.abort();
  expect(status).toBe(200);
});

test("a request that is cancelled, and comes again all the same, goes on", async () => {
  const { app, emulator, clock } = slow();
  const first = post(app, "/", {}, from("a"));
  await vi.waitFor(() => expect(emulator.jobs).toHaveLength(1));
  await post(app, "/cancel", {}, from("a"));
  expect((await first).status).toBe(499);
  const second = post(app, "/", {}, from("a"));
  await vi.waitFor(() => expect(emulator.jobs).toHaveLength(2));
  await clock.advance(600_000);
  expect((await second).status).toBe(200);
});
