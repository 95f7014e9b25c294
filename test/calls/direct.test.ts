import {
  AmbiguousSubmitError,
  ApiError,
  BudgetExceededError,
  InvalidArgumentError,
  ValidationError,
} from "fal-chain";
import { describe, expect, test } from "vitest";
import { echo, failing } from "../support/models.ts";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { instead, json, networkError } from "../support/wire.ts";

const input = { prompt: "a fox" };
const posts = (sent: readonly { readonly method: string; readonly url: string }[]) =>
  sent.filter(({ method }) => method === "POST");

test("a direct call gives its result in one request, and is noted with what it cost and whom it is for", async () => {
  const { fal, sent, emulator } = setup();
  const result = await fal.run(ECHO, { input, tags: { customer: "acme" } });
  const [job] = emulator.jobs;
  expect(result).toEqual({
    data: { echo: input },
    requestId: job?.requestId,
    billing: { units: 1 },
    metrics: { waitSeconds: undefined, runSeconds: undefined },
  });
  expect(posts(sent).map(({ url }) => url)).toEqual([`https://fal.run/${ECHO}`]);
  expect(sent.filter(({ url }) => url.includes("/requests/") && !url.includes("/v1/"))).toEqual([]);
  expect(job?.tags).toMatchObject({ customer: "acme" });
  await fal.close();
  expect(await fal.calls.list()).toMatchObject([
    { state: "completed", ticket: { requestId: job?.requestId }, for: { userTags: { customer: "acme" } } },
  ]);
  expect((await fal.costs()).total).toMatchObject({ nanoUsd: 10_000_000, calls: 1 });
});

test("within a run it goes through the queue, and is not paid for twice", async () => {
  const { fal, sent, emulator } = setup();
  let falls = true;
  const chain = fal.chain("twice", async () => {
    const { data } = await fal.run(ECHO, { input });
    if (falls) throw new Error("it falls over");
    return data;
  });
  await failureOf(chain.start(undefined, { id: "a" }));
  falls = false;
  expect(await chain.resume("a")).toEqual({ echo: input });
  expect(emulator.jobs).toHaveLength(1);
  expect(posts(sent).map(({ url }) => url)).toEqual([`https://queue.fal.run/${ECHO}`]);
});

test("the caller's schema types and checks what it gives", async () => {
  const { fal } = setup();
  const output = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) => ({ value: { was: value as { echo: object } } }),
    },
  } as const;
  expect((await fal.run(ECHO, { input, output })).data).toEqual({ was: { echo: input } });
});

describe("never twice", () => {
  test("an answer that is lost is found in history, by its input, and given", async () => {
    const { fal, emulator, sent } = setup();
    emulator.faults.next("run", "lost-response");
    const { data, requestId } = await fal.run(ECHO, { input });
    expect(data).toEqual({ echo: input });
    expect(requestId).toBe(emulator.jobs[0]?.requestId);
    expect(posts(sent)).toHaveLength(1);
    expect(await fal.calls.list()).toMatchObject([{ state: "completed", ticket: { requestId } }]);
  });

  test.each([
    ["a reset connection", () => networkError("ECONNRESET")],
    ["headers that never come", () => networkError("UND_ERR_HEADERS_TIMEOUT")],
    [
      "a gateway's page",
      () => new Response("<html>", { status: 502, headers: { "content-type": "text/html" } }),
    ],
    ["a 503 of no model's", () => json({ detail: "no" }, { status: 503 })],
    ["a redirect", () => json({}, { status: 307, headers: { location: "https://fal.run/elsewhere" } })],
    ["a web page that says 200", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
  ])("%s leaves it in doubt, and it is sent once", async (_, answer) => {
    const { fal, sent } = setup({ wire: instead("submit", answer), retry: { maxRetries: 9 } });
    const error = await failureOf(fal.run(ECHO, { input }));
    expect(error).toBeInstanceOf(AmbiguousSubmitError);
    expect(posts(sent)).toHaveLength(1);
    expect(await fal.calls.list()).toMatchObject([{ state: "ambiguous" }]);
  });

  test.each([
    ["a refused connection", () => networkError("ECONNREFUSED")],
    ["a 429", () => json({ detail: "slow down" }, { status: 429 })],
  ])("%s is repeated", async (_, answer) => {
    const { fal, sent, emulator } = setup({ wire: instead("submit", answer, 2) });
    expect((await fal.run(ECHO, { input })).data).toEqual({ echo: input });
    expect(posts(sent)).toHaveLength(3);
    expect(emulator.jobs).toHaveLength(1);
  });
});

describe("what a model says of it", () => {
  test("a 422 is a ValidationError, at once", async () => {
    const { fal, sent } = setup({ emulator: { models: [failing()] } });
    const error = await failureOf(fal.run("acme/failing", { input }));
    expect(error).toBeInstanceOf(ValidationError);
    expect(posts(sent)).toHaveLength(1);
    expect(await fal.calls.list()).toMatchObject([{ state: "failed" }]);
  });

  test("a 500 that names its request is the end of it: not billed, not looked up, not sent again", async () => {
    const broken = () =>
      json({ detail: "The model broke." }, { status: 500, headers: { "x-fal-request-id": "r-1" } });
    const { fal, sent } = setup({ wire: instead("submit", broken) });
    const error = await failureOf(fal.run(ECHO, { input }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 500, billed: false, requestId: "r-1" });
    expect(sent.filter(({ url }) => !url.includes("/pricing"))).toHaveLength(1);
  });
});

describe("giving up", () => {
  test("closes its connection, which ends it on fal", async () => {
    const { fal, emulator, clock } = setup({ emulator: { models: [echo({ seconds: 60 })] } });
    const controller = new AbortController();
    const call = failureOf(fal.run(ECHO, { input, abortSignal: controller.signal }));
    await clock.sleep(5_000);
    controller.abort();
    const error = await call;
    expect(error).toMatchObject({ name: "AbortError" });
    expect(await (error as { cancel: Promise<string> }).cancel).toBe("requested");
    await fal.close();
    expect(emulator.jobs).toMatchObject([{ cancelled: true }]);
    expect(await fal.calls.list()).toMatchObject([{ state: "ambiguous" }]);
  });

  test("with cancelOnAbort: false it goes on, and what it gave is kept", async () => {
    const { fal, emulator, clock } = setup();
    const call = failureOf(fal.run(ECHO, { input, timeout: 500, cancelOnAbort: false }));
    expect(await call).toMatchObject({ name: "TimeoutError" });
    await clock.sleep(10_000);
    await fal.close();
    expect(emulator.jobs).toMatchObject([{ state: "COMPLETED", cancelled: false }]);
    const { requestId } = emulator.jobs[0] ?? {};
    expect(await fal.calls.list()).toMatchObject([
      { state: "completed", ticket: { requestId }, outcome: { data: { echo: input } } },
    ]);
  });
});

test("a budget is heeded before it is sent", async () => {
  const { fal, sent } = setup({ budget: { usd: 0.005, per: "day" } });
  expect(await failureOf(fal.run(ECHO, { input }))).toBeInstanceOf(BudgetExceededError);
  expect(posts(sent).filter(({ url }) => !url.includes("/pricing/"))).toEqual([]);
});

test("an answer that does not name its request is a result all the same, told from others", async () => {
  const wire = instead("submit", () => json({ n: 1 }));
  const { fal } = setup({ wire });
  const [one, other] = [await fal.run(ECHO, { input }), await fal.run(ECHO, { input })];
  expect(one.data).toEqual({ n: 1 });
  expect(one.requestId).not.toBe(other.requestId);
  expect(await fal.calls.list()).toHaveLength(2);
});

test("a hook for a direct call is refused before it is sent", async () => {
  const { fal, sent } = setup();
  const options = { input, webhookUrl: "https://app.test/hook" };
  expect(await failureOf(fal.run(ECHO, options))).toBeInstanceOf(InvalidArgumentError);
  expect(posts(sent)).toEqual([]);
});
