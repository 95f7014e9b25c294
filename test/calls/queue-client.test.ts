import { MalformedReplyError } from "fal-chain";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { collect, ECHO, ENV, FLUX, failureOf, SMALL, setup } from "../support/setup.ts";
import { faultyStreams, instead, json, networkError } from "../support/wire.ts";

// The names of options and results are those of @fal-ai/client 1.10.1.

test("submit gives the queue's answer with its links", async () => {
  const { fal, emulator } = setup();
  const submitted = await fal.queue.submit(FLUX, { input: SMALL });
  const id = emulator.jobs[0]?.requestId;
  expect(submitted).toMatchObject({
    status: "IN_QUEUE",
    request_id: id,
    queue_position: 0,
    response_url: `https://queue.fal.run/fal-ai/flux/requests/${id}`,
    status_url: `https://queue.fal.run/fal-ai/flux/requests/${id}/status`,
    cancel_url: `https://queue.fal.run/fal-ai/flux/requests/${id}/cancel`,
  });
  expect(emulator.jobs[0]).toMatchObject({ endpoint: FLUX, input: SMALL });
});

test("what fal knows by headers goes along as headers", async () => {
  const { fal, emulator } = setup();
  await fal.queue.submit(ECHO, {
    input: {},
    priority: "low",
    hint: "warm-1",
    startTimeout: 30,
    webhookUrl: "https://app.test/hook?x=1",
    storageSettings: { expiresIn: "1d", initialAcl: { default: "hide" } },
    headers: { "X-Custom": "yes" },
  });
  expect(emulator.jobs[0]).toMatchObject({ priority: "low", webhookUrl: "https://app.test/hook?x=1" });
  expect(emulator.jobs[0]?.headers).toMatchObject({
    "x-fal-queue-priority": "low",
    "x-fal-runner-hint": "warm-1",
    "x-fal-request-start-timeout": "30",
    "x-fal-request-timeout": "30",
    "x-fal-object-lifecycle-preference":
      '{"expiration_duration_seconds":86400,"initial_acl":{"default":"hide"}}',
    "x-custom": "yes",
    "user-agent": expect.stringMatching(/^fal-chain\/\d/),
  });
});

test.each([
  [{ priority: "nomal" }, /priority is "nomal".*Did you mean "normal"/],
  [{ startTimeout: 1 }, /in seconds, and more than 1/],
  [{ startTimeout: Number.NaN }, /startTimeout/],
  [{ webhookUrl: "app.test/hook" }, /webhookUrl/],
  [{ webhookUrl: "ftp://app.test" }, /webhookUrl/],
  [{ input: "a fox" }, /not an object of fields/],
  [{ input: [1] }, /not an object of fields/],
  [{ input: { seed: Number.NaN } }, /input\.seed is NaN/],
  [{ input: { when: new Map() } }, /input\.when is a Map/],
  [{ input: { image: new Uint8Array(2), when: new Map() } }, /input\.when is a Map/],
])("options such as %o are refused before anything is sent", async (options, message) => {
  const { fal, sent } = setup();
  const wrong = { input: {}, ...options } as never;
  await expect(fal.queue.submit(ECHO, wrong)).rejects.toThrow(message);
  await expect(fal.subscribe(ECHO, wrong)).rejects.toThrow(message);
  expect(sent).toEqual([]);
});

test("status, subscribeToStatus and result follow a request to its end", async () => {
  const { fal } = setup({ emulator: { models: [echo({ lines: ["one"] })] } });
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { a: 1 } });
  expect(await fal.queue.status(ECHO, { requestId })).toMatchObject({
    status: "IN_QUEUE",
    queue_position: 0,
  });
  const seen: string[] = [];
  const onQueueUpdate = ({ status }: { status: string }) => seen.push(status);
  const done = await fal.queue.subscribeToStatus(ECHO, { requestId, logs: true, onQueueUpdate });
  expect(done).toMatchObject({ status: "COMPLETED", metrics: { inference_time: 2 } });
  expect(done.logs.map(({ message }) => message)).toEqual(["stand-in", "one"]);
  expect([...new Set(seen)]).toEqual(["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]);
  expect(await fal.queue.result(ECHO, { requestId })).toEqual({
    data: { echo: { a: 1 } },
    requestId,
    billing: { units: 1 },
  });
});

test("streamStatus is a loop over statuses, and done() is the last one", async () => {
  const { fal } = setup();
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: {} });
  const stream = await fal.queue.streamStatus(ECHO, { requestId });
  const { seen } = await collect(stream);
  expect(seen.map(({ status }) => status).filter((s, i, all) => s !== all[i - 1])).toEqual([
    "IN_QUEUE",
    "IN_PROGRESS",
    "COMPLETED",
  ]);
  expect(await stream.done()).toEqual(seen.at(-1));
});

test("a status stream that ends early says so, to the loop and to done()", async () => {
  const { fal } = setup({ wire: faultyStreams("ends", 1) });
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: {} });
  const stream = await fal.queue.streamStatus(ECHO, { requestId });
  const { error } = await collect(stream);
  expect(error).toBeInstanceOf(MalformedReplyError);
  expect(await failureOf(stream.done())).toBe(error);
});

test("a failed request is completed for the status, and an error for the result", async () => {
  const { fal } = setup();
  const { request_id: requestId } = await fal.queue.submit(FLUX, { input: { prompt: 1 } as never });
  const status = await fal.queue.subscribeToStatus(FLUX, { requestId });
  expect(status).toMatchObject({ status: "COMPLETED", error: expect.any(String) });
  const error = await failureOf(fal.queue.result(FLUX, { requestId }));
  expect(error).toMatchObject({ name: "ValidationError", status: 422, requestId, endpoint: FLUX });
  expect((error as { getFieldErrors(f: string): unknown[] }).getFieldErrors("prompt")).toHaveLength(1);
});

test("cancel throws where the official client's does, and call.cancel() has a word for it", async () => {
  const { fal, emulator } = setup();
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: {} });
  expect(await fal.queue.cancel(ECHO, { requestId })).toBe("requested");
  const late = await failureOf(fal.queue.cancel(ECHO, { requestId }));
  expect(late).toMatchObject({
    name: "ApiError",
    status: 400,
    body: { status: "ALREADY_COMPLETED" },
    requestId,
    billed: "unknown",
    retryable: false,
  });
  expect(String(late)).toContain("ALREADY_COMPLETED");
  expect(await failureOf(fal.queue.cancel(ECHO, { requestId: "nothing" }))).toMatchObject({ status: 404 });
  expect(emulator.jobs[0]?.cancelled).toBe(true);
  const asked = (answer: () => Response | Error) => setup({ wire: instead("cancel", answer) }).fal;
  const no = asked(() => json({ detail: "no" }, { status: 401 }));
  expect(await failureOf(no.queue.cancel(ECHO, { requestId }))).toMatchObject({
    name: "ApiError",
    status: 401,
  });
  const away = asked(() => networkError("ECONNRESET"));
  expect(await failureOf(away.queue.cancel(ECHO, { requestId }))).toMatchObject({ code: "network" });
  const enough = new Error("enough");
  const aborted = asked(() => networkError("ECONNRESET")).queue.cancel(ECHO, {
    requestId,
    abortSignal: AbortSignal.abort(enough),
  });
  expect(await failureOf(aborted)).toBe(enough);
  for (const [answer, word] of [
    [() => json({ status: "ALREADY_COMPLETED" }, { status: 400 }), "too-late"],
    [() => json({}, { status: 401 }), "unknown"],
    [() => networkError("ECONNRESET"), "unknown"],
  ] as const) {
    const call = asked(answer).subscribe(ECHO, { input: {} });
    const failed = failureOf(call);
    await call.submitted;
    expect(await call.cancel()).toBe(word);
    expect(await failed).toMatchObject({ code: "aborted" });
  }
});

test("an unknown request is fal's 404", async () => {
  const { fal } = setup();
  const error = await failureOf(fal.queue.status(ECHO, { requestId: "00000000" }));
  expect(error).toMatchObject({ name: "ApiError", status: 404, requestId: "00000000" });
});

test("a client that requires a run requires it of submit too", async () => {
  const { fal, emulator } = setup({ requireRun: true });
  expect(await failureOf(fal.queue.submit(ECHO, { input: {} }))).toMatchObject({ code: "run_required" });
  expect(emulator.jobs).toHaveLength(0);
});

test.each([
  ["hint", { hint: "kunde-日本" }],
  ["a value of two lines", { headers: { "x-custom": "a\nb" } }],
  ["a name with a space", { headers: { "x-fal-tags ": "run=mine" } }],
  ["a name of nothing", { headers: { "": "x" } }],
])("what HTTP cannot carry is refused before anything is sent: %s", async (_, options) => {
  const { fal, sent } = setup();
  const failures = [
    fal.queue.submit(ECHO, { input: {}, ...options }),
    fal.subscribe(ECHO, { input: {}, ...options }),
  ];
  for (const call of failures) {
    expect(await failureOf(call)).toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("cannot be sent"),
    });
  }
  expect(sent).toHaveLength(0);
  expect(await fal.calls.list()).toEqual([]);
});

test("a result that is read by its request's id is the result of its call, and charged", async () => {
  const { fal } = setup({ budget: { usd: 0.02 } });
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { n: 1 } });
  expect(await failureOf(fal.queue.result(ECHO, { requestId }))).toMatchObject({ status: 400 });
  expect((await fal.calls.list())[0]).toMatchObject({ state: "submitted" });
  await fal.queue.subscribeToStatus(ECHO, { requestId });
  await fal.queue.result(ECHO, { requestId });
  await fal.queue.result(ECHO, { requestId });
  await fal.close();
  expect((await fal.calls.list())[0]).toMatchObject({
    state: "completed",
    outcome: { data: { echo: { n: 1 } }, units: 1 },
    cost: { source: "measured", nanoUsd: 10_000_000 },
  });
});

test("a submit that is given up while fal refuses it costs nothing, and leaves its room in the budget", async () => {
  const busy = () => json({ detail: "busy" }, { status: 429, headers: { "retry-after": "20" } });
  const { fal, clock } = setup({ wire: instead("submit", busy, 1), budget: { usd: 0.01 } });
  const controller = new AbortController();
  const submitted = fal.queue.submit(ECHO, { input: {}, abortSignal: controller.signal });
  void clock.sleep(5_000).then(() => controller.abort());
  expect(await failureOf(submitted)).toMatchObject({ name: "AbortError" });
  expect(await fal.calls.list()).toMatchObject([{ state: "given-up", givenUp: "caller" }]);
  await fal.queue.submit(ECHO, { input: {} });
});

test("an environment that no call could be made with keeps no result from who asks for it by its id", async () => {
  const { fal } = setup();
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { n: 1 } });
  fal.config({ env: { ...ENV, FAL_JOB_ID: "a\nb" } });
  expect((await fal.queue.attach(ECHO, { requestId })).data).toEqual({ echo: { n: 1 } });
  expect((await fal.queue.result(ECHO, { requestId })).data).toEqual({ echo: { n: 1 } });
  expect(await failureOf(fal.subscribe(ECHO, { input: {} }))).toMatchObject({ code: "invalid_variable" });
});

test("a request that is cancelled in time by its id costs nothing, and leaves its room in the budget", async () => {
  const wire = instead("cancel", () => json({ status: "OK" }));
  const { fal } = setup({ wire, budget: { usd: 0.01 } });
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: {} });
  expect(await fal.queue.cancel(ECHO, { requestId })).toBe("in-time");
  await fal.close();
  expect((await fal.costs()).total).toMatchObject({ nanoUsd: 0, calls: 1, unknown: 0 });
  await fal.subscribe(ECHO, { input: {} });
});

test("a failure that is read by its request's id ends its call", async () => {
  const { fal, emulator } = setup();
  emulator.faults.next("submit", "completed-with-error; status=500");
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: {} });
  await fal.queue.subscribeToStatus(ECHO, { requestId });
  await failureOf(fal.queue.result(ECHO, { requestId }));
  await fal.close();
  expect((await fal.calls.list())[0]).toMatchObject({
    state: "failed",
    error: { status: 500, billed: false },
  });
  expect((await fal.costs()).total).toMatchObject({ calls: 1, unknown: 0 });
});

test.each([["why"], [7], [{ because: "enough" }]])(
  "a question that is given up ends with the reason, whatever that is: %o",
  async (reason) => {
    const { fal, clock } = setup({ wire: instead("status", () => new Response("{}", { status: 503 })) });
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input: {} });
    const controller = new AbortController();
    const asked = fal.queue.status(ECHO, { requestId, abortSignal: controller.signal });
    void clock.sleep(1_000).then(() => controller.abort(reason));
    expect(await failureOf(asked)).toBe(reason);
  },
);
