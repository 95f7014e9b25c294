import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createEmulator, inProcess, virtualClock } from "../../src/emulator/index.ts";
import { openPast } from "../../src/emulator/past.ts";
import { json, KEY, ORIGIN } from "../support/stage.ts";
import { tempDir } from "../support/temp.ts";
import { APP, appStage } from "./app-stage.ts";

test("a direct call reaches the app with its method, path, query and bytes, and gets its answer", async () => {
  const { send, given } = appStage((request) =>
    Response.json({ method: request.method }, { headers: { "x-own": "1" } }),
  );
  const answer = await send("PUT", `/run/${APP}/a/b?c=d`, { body: "no JSON", headers: { "x-trace": "t" } });
  expect(await json(answer)).toEqual({ method: "PUT" });
  expect(answer.headers.get("x-own")).toBe("1");
  expect(answer.headers.get("x-fal-request-id")).toBe(given[0]?.headers.get("x-fal-request-id"));
  expect(given).toMatchObject([{ method: "PUT", path: "/a/b?c=d", body: "no JSON" }]);
  expect((await send("GET", `/run/${APP}/health`)).status).toBe(200);
  expect(given[1]).toMatchObject({ method: "GET", path: "/health", body: "" });
});

test("what was sent is not held once it is answered", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const emulator = createEmulator({ apps: [{ id: APP, start: inProcess(() => Response.json({})) }] });
  const body = `no JSON ${"x".repeat(2 ** 20)}`;
  const held = async (calls: number) => {
    for (let n = 0; n < calls; n++) {
      const init = { method: "PUT", headers: KEY, body };
      await json(await emulator.fetch(new Request(`${ORIGIN}/run/${APP}`, init)));
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = await held(1);
  expect((await held(20)) - before).toBeLessThan(5 * 2 ** 20);
  await emulator.close();
});

test("it needs a key, as everything does", async () => {
  const { send, given } = appStage(() => Response.json({}));
  expect((await send("POST", `/run/${APP}`, { anonymous: true, body: {} })).status).toBe(401);
  expect(given).toEqual([]);
});

test("an answer is passed on while it is made", async () => {
  const parts = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
  const headers = { "content-type": "text/event-stream" };
  const { send, emulator } = appStage(
    () => new Response(new ReadableStream({ start: parts.resolve }), { headers }),
  );
  const answer = await send("POST", `/run/${APP}/stream`, { body: {} });
  const source = await parts.promise;
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  source.enqueue(new TextEncoder().encode("data: 1\n\n"));
  expect(await reader?.read()).toEqual({ done: false, value: "data: 1\n\n" });
  expect(emulator.jobs[0]?.state).toBe("IN_PROGRESS");
  source.enqueue(new TextEncoder().encode("data: 2\n\n"));
  source.close();
  expect(await reader?.read()).toEqual({ done: false, value: "data: 2\n\n" });
  expect(await reader?.read()).toMatchObject({ done: true });
  await new Promise((resolve) => setImmediate(resolve));
  expect(emulator.jobs[0]).toMatchObject({ state: "COMPLETED", billableUnits: 1 });
  expect(emulator.jobs[0]?.result?.body).toBe("data: 1\n\ndata: 2\n\n");
});

test("nothing repeats it: what broke is told, and that another try may help", async () => {
  const { send, emulator, given } = appStage(
    async (request, runner) => {
      if (new URL(request.url).pathname === "/slow") return new Promise(() => {});
      if (runner === 1) emulator.fleets.get(APP)?.kill(1);
      return runner === 1 ? new Promise(() => {}) : new Response("{}", { status: 503 });
    },
    { requestTimeoutMs: 1_000 },
  );
  const broken = await send("POST", `/run/${APP}`, { body: {} });
  expect([
    broken.status,
    (await json(broken))["error_type"],
    broken.headers.get("x-fal-needs-retry"),
  ]).toEqual([...[503, "runner_disconnected", "1"]]);
  expect((await send("POST", `/run/${APP}`, { body: {} })).status).toBe(503);
  const late = await send("POST", `/run/${APP}/slow`, { body: {} });
  expect([late.status, (await json(late))["error_type"]]).toEqual([504, "request_timeout"]);
  expect(given.map(({ runner }) => runner)).toEqual([1, 2, 3]);
});

test("a request that is cancelled while it runs is cancelled at its runner, by the same id", async () => {
  const stop = Promise.withResolvers<void>();
  const { submit, send, finish, given, until, emulator } = appStage(async (request) => {
    if (!request.url.endsWith("/cancel")) await stop.promise;
    else stop.resolve();
    return Response.json({ detail: "stopped" }, { status: request.url.endsWith("/cancel") ? 200 : 499 });
  });
  const submitted = await submit(`${APP}/generate`);
  await until(() => given.length === 1);
  const answer = await send("PUT", submitted.cancel_url);
  expect([answer.status, await json(answer)]).toEqual([202, { status: "CANCELLATION_REQUESTED" }]);
  const result = await finish(submitted);
  expect([result.status, given[1]]).toMatchObject([499, { method: "POST", path: "/generate/cancel" }]);
  expect(given[1]?.headers.get("x-fal-request-id")).toBe(submitted.request_id);
  expect(emulator.jobs[0]).toMatchObject({ cancelled: true });
  expect(emulator.fleets.get(APP)?.runners[0]?.requests).toEqual([]);
});

test("without such a route it runs on, and its result is there; its slot is taken until then", async () => {
  const { submit, send, finish, given, until, emulator } = appStage(async (request, _runner, { clock }) => {
    if (request.url.endsWith("/cancel")) return new Response("{}", { status: 404 });
    await clock.sleep(10_000);
    return Response.json({ done: true });
  });
  const submitted = await submit(APP);
  await until(() => given.length === 1);
  await send("PUT", submitted.cancel_url);
  const second = await submit(APP);
  await until(() => given.length === 2);
  expect(emulator.job(second.request_id)?.state).toBe("IN_QUEUE");
  expect((await finish(submitted)).body).toEqual({ done: true });
  expect((await finish(second)).status).toBe(200);
});

test("a request that was cancelled is not tried again, and one that waits for another try ends at once", async () => {
  const { submit, send, finish, given, until, emulator } = appStage(
    () => new Response("{}", { status: 503 }),
  );
  const waiting = await submit(APP);
  await until(() => emulator.jobs[0]?.attempts.length === 1);
  await send("PUT", waiting.cancel_url);
  expect(await finish(waiting)).toMatchObject({ status: 499, body: { error_type: "client_cancelled" } });
  expect(given).toHaveLength(1);
});

test("one that was cancelled while it ran is not tried again either, whatever its end", async () => {
  const cancelled = Promise.withResolvers<void>();
  const { submit, send, finish, given, until, emulator } = appStage(async (request) => {
    if (request.url.endsWith("/cancel")) cancelled.resolve();
    else await cancelled.promise;
    return new Response("{}", { status: request.url.endsWith("/cancel") ? 200 : 503 });
  });
  const submitted = await submit(APP);
  await until(() => given.length === 1);
  await send("PUT", submitted.cancel_url);
  expect((await finish(submitted)).status).toBe(503);
  expect(emulator.jobs[0]?.attempts.map(({ ending, retry }) => [ending, retry])).toEqual([[503, undefined]]);
});

test("a caller who leaves cancels what was made for it, and frees the runner", async () => {
  const started = Promise.withResolvers<void>();
  let aborted = false;
  const { send, given, until, emulator } = appStage((request) => {
    if (request.url.endsWith("/cancel")) return Response.json({});
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
        started.resolve();
      },
      cancel() {
        aborted = true;
      },
    });
    return new Response(body);
  });
  const leaving = new AbortController();
  const answer = await send("POST", `/run/${APP}/stream`, { body: {}, signal: leaving.signal });
  const reader = answer.body?.getReader();
  await reader?.read();
  leaving.abort();
  await reader?.cancel();
  await until(() => emulator.jobs[0]?.state === "COMPLETED");
  expect(given.map(({ path }) => path)).toEqual(["/stream", "/stream/cancel"]);
  expect(given[1]?.headers.get("x-fal-request-id")).toBe(emulator.jobs[0]?.requestId);
  expect([aborted, emulator.jobs[0]?.cancelled]).toEqual([true, true]);
  expect(emulator.fleets.get(APP)?.runners[0]).toMatchObject({ state: "IDLE", requests: [] });
});

test("a caller who is answered cancels nothing", async () => {
  const leaving = new AbortController();
  const { send, given } = appStage(() => Response.json({}));
  await (await send("POST", `/run/${APP}`, { body: {}, signal: leaving.signal })).text();
  leaving.abort();
  await new Promise((resolve) => setImmediate(resolve));
  expect(given).toHaveLength(1);
});

test("a queue outlives its emulator: the next one goes on with what had not ended", async () => {
  const directory = tempDir();
  const life = (answer: () => Response | Promise<Response>) => {
    const clock = virtualClock();
    const past = openPast(directory, clock.now);
    const emulator = createEmulator({
      clock,
      past,
      models: [],
      apps: [{ id: APP, start: inProcess(answer) }],
    });
    const send = (path: string, init: RequestInit) =>
      emulator.fetch(new Request(ORIGIN + path, { headers: KEY, ...init }));
    return { clock, emulator, send };
  };
  const first = life(() => new Promise(() => {}));
  // That it is tried again is not the queue's doing, but the end of the emulator's.
  const headers = { ...KEY, "x-fal-no-retry": "1" };
  const submitted = await first.send(`/queue/${APP}`, { method: "POST", body: '{"n":1}', headers });
  const { request_id } = (await submitted.json()) as { request_id: string };
  const leaving = first.send(`/run/${APP}`, { method: "POST", body: "{}" });
  await first.clock.sleep(100);
  await first.emulator.close();
  expect((await leaving).status).toBe(503);
  const second = life(() => Response.json({ from: "the second" }));
  while (second.emulator.job(request_id)?.state !== "COMPLETED") await second.clock.sleep(10);
  expect(second.emulator.job(request_id)?.result?.body).toEqual({ from: "the second" });
  expect(second.emulator.jobs.map(({ errorType }) => errorType)).toEqual([undefined, "client_disconnected"]);
});
