import type { CallEvent } from "fal-chain";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { collect, ECHO, FLUX, SMALL, setup } from "../support/setup.ts";
import { instead, json } from "../support/wire.ts";

const chatty = (lines: number) =>
  setup({ emulator: { models: [echo({ lines: Array.from({ length: lines }, (_, i) => `line ${i}`) })] } });
const types = (events: readonly CallEvent[]) => events.map(({ type }) => type);

test("a call is a promise of data, request id, units and times", async () => {
  const { fal, emulator } = setup();
  const { data, requestId, billing, metrics } = await fal.subscribe(FLUX, { input: SMALL });
  expect(data).toMatchObject({ seed: 7, prompt: "a fox", images: [{ width: 64, height: 64 }] });
  expect(requestId).toBe(emulator.jobs[0]?.requestId);
  expect(billing).toEqual({ units: 1 });
  expect(metrics.waitSeconds).toBeGreaterThan(0);
  expect(metrics.runSeconds).toBeCloseTo(
    ((emulator.jobs[0]?.completedAt ?? 0) - (emulator.jobs[0]?.startedAt ?? 0)) / 1000,
  );
});

test("submitted settles as soon as fal has accepted, and withResponse gives the reply as it came", async () => {
  const { fal, emulator } = setup();
  const call = fal.subscribe(ECHO, { input: { a: 1 } });
  const { requestId, endpoint } = await call.submitted;
  expect({ requestId, endpoint }).toEqual({ requestId: emulator.jobs[0]?.requestId, endpoint: ECHO });
  expect(emulator.jobs[0]?.state).not.toBe("COMPLETED");
  const { result, response } = await call.withResponse();
  expect(result).toBe(await call);
  expect(response.headers.get("x-fal-request-id")).toBe(requestId);
  expect(await response.json()).toEqual(result.data);
});

test("a call runs whether or not anybody listens, and is made once however often it is awaited", async () => {
  const { fal, emulator } = setup();
  const call = fal.subscribe(ECHO, { input: {} });
  const all = await Promise.all([
    call,
    call,
    call.then((r) => r),
    call.finally(() => {}),
    call.catch(() => 0),
  ]);
  expect(new Set(all).size).toBe(1);
  expect(emulator.jobs).toHaveLength(1);
});

test("every loop starts from the first event and has its own pace", async () => {
  const { fal } = chatty(20);
  const call = fal.subscribe(ECHO, { input: {}, logs: true });
  const [one, two] = await Promise.all([collect(call), collect(call)]);
  await call;
  const late = await collect(call);
  expect(types(one.seen)).toEqual(["submitted", "queued", "running", ...Array(21).fill("log"), "completed"]);
  expect(two.seen).toEqual(one.seen);
  expect(late.seen).toEqual(one.seen);
});

test("break detaches and does not cancel; another loop goes on", async () => {
  const { fal, emulator } = setup();
  const call = fal.subscribe(ECHO, { input: {} });
  const whole = collect(call);
  for await (const event of call) if (event.type === "queued") break;
  expect(types((await whole).seen).at(-1)).toBe("completed");
  expect(emulator.jobs[0]?.cancelled).toBe(false);
});

test("a slow reader does not hold the call back; it misses only old log lines, and is told how many", async () => {
  const { fal } = chatty(1_500);
  const call = fal.subscribe(ECHO, { input: {}, logs: true });
  const reader = call[Symbol.asyncIterator]();
  const first = await reader.next();
  await call;
  const { seen } = await collect({ [Symbol.asyncIterator]: () => reader });
  const logs = seen.flatMap((event) => (event.type === "log" ? [event] : []));
  expect(first.value).toMatchObject({ type: "submitted" });
  expect(types(seen).filter((type) => type !== "log")).toEqual(["queued", "running", "completed"]);
  expect(logs).toHaveLength(1_000);
  expect(logs[0]).toMatchObject({ dropped: 501, log: { message: "line 500" } });
  expect(logs.slice(1).every(({ dropped }) => dropped === 0)).toBe(true);
});

test("a loop throws the same error object as await, after the events that came before", async () => {
  const { fal } = setup();
  const call = fal.subscribe(FLUX, { input: { prompt: 1 } as never });
  const [{ seen, error }, again] = [await collect(call), await collect(call)];
  expect(types(seen)).toEqual(["submitted", "queued", "running"].slice(0, seen.length));
  expect(await call.catch((reason: unknown) => reason)).toBe(error);
  expect(again.error).toBe(error);
  expect(error).toMatchObject({ name: "ValidationError", status: 422, billed: false });
});

test("COMPLETED with an error is a failure, even if fal has an answer", async () => {
  const event = 'data: {"status":"COMPLETED","error":"it broke","error_type":"internal_error"}\n\n';
  const stream = instead(
    "stream",
    () => new Response(event, { headers: { "content-type": "text/event-stream" } }),
  );
  const result = instead("result", () => json({ images: [] }));
  const { fal } = setup({
    wire: (request, forward) => stream(request, async () => result(request, forward)),
  });
  await expect(fal.subscribe(ECHO, { input: {} })).rejects.toMatchObject({
    name: "ApiError",
    errorType: "internal_error",
    message: expect.stringContaining("it broke"),
  });
});

test("onEnqueue and onQueueUpdate are told as the official client tells them, logs cumulative", async () => {
  const { fal, emulator } = chatty(3);
  const ids: string[] = [];
  const updates: { status: string; lines: number }[] = [];
  await fal.subscribe(ECHO, {
    input: {},
    logs: true,
    onEnqueue: (id) => ids.push(id),
    onQueueUpdate: (update) => {
      updates.push({ status: update.status, lines: update.logs?.length ?? 0 });
      expect(update.request_id).toBe(emulator.jobs[0]?.requestId);
      expect(update.status_url).toMatch(/\/status$/);
    },
  });
  expect(ids).toEqual([emulator.jobs[0]?.requestId]);
  expect(updates.map(({ lines }) => lines)).toEqual(
    updates.map(({ lines }) => lines).toSorted((a, b) => a - b),
  );
  expect(updates.at(-1)).toEqual({ status: "COMPLETED", lines: 4 });
});

test("a callback that throws is reported and does not lose the result", async () => {
  const warned: unknown[] = [];
  const { fal } = setup({ logger: { warn: (...said) => warned.push(said) } });
  const broken = () => {
    throw new Error("mine");
  };
  await fal.subscribe(ECHO, { input: {}, onEnqueue: broken, onQueueUpdate: broken });
  const details = expect.objectContaining({
    endpoint: ECHO,
    err: expect.objectContaining({ name: "Error", message: "mine" }),
  });
  expect(warned).toContainEqual([details, "The callback onEnqueue threw"]);
  expect(warned).toContainEqual([details, "The callback onQueueUpdate threw"]);
});

test("units that fal does not say, or says strangely, are undefined and not a number", async () => {
  for (const [header, units] of [
    ["1.5", 1.5],
    ["0", 0],
    ["", undefined],
    ["many", undefined],
    ["-1", undefined],
  ] as const) {
    const wire = instead("result", () => json({}, { headers: { "x-fal-billable-units": header } }));
    expect((await setup({ wire }).fal.subscribe(ECHO, { input: {} })).billing).toEqual({ units });
  }
});

test("attach picks up a request that exists, as the same kind of call, and pays nothing", async () => {
  const { fal, emulator } = setup();
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { a: 1 } });
  const call = fal.queue.attach(ECHO, { requestId });
  const { seen } = await collect(call);
  expect(seen[0]).toMatchObject({ type: "submitted", requestId });
  expect((await call).data).toEqual({ echo: { a: 1 } });
  expect(await call.cancel()).toBe("too-late");
  expect(emulator.jobs).toHaveLength(1);
});
