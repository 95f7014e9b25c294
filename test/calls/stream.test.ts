import { getEventListeners } from "node:events";
import {
  AmbiguousSubmitError,
  BudgetExceededError,
  type FalOptions,
  type FalStream,
  InvalidArgumentError,
  memoryStore,
  NetworkError,
  ReplyTooLargeError,
} from "fal-chain";
import type { Model } from "fal-chain/emulator";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { EVENTS, STREAMS, streaming } from "../support/models.ts";
import { collect, failureOf, KEY, setup } from "../support/setup.ts";
import { instead, json, kindOf, networkError, type Wire } from "../support/wire.ts";

const input = { prompt: "a fox" };
const world = (options: Omit<Parameters<typeof setup>[0] & object, "emulator"> & { model?: Model } = {}) => {
  const { model = streaming(), ...rest } = options;
  return setup({ emulator: { models: [model] }, store: memoryStore(), ...rest });
};

const posts = (sent: readonly { readonly method: string; readonly url: string }[]) =>
  sent.filter(({ method, url }) => method === "POST" && url.includes(STREAMS));

const sse = (...chunks: readonly string[]) =>
  new Response(new Blob([...chunks]), {
    headers: { "content-type": "text/event-stream", "x-fal-request-id": "r-1" },
  });

test("what it gave is noted with whom it is for; what it cost is known from the bill", async () => {
  const { fal, emulator, sent } = world();
  const stream = await fal.stream(STREAMS, { input, tags: { customer: "acme" } });
  expect(await collect(stream)).toEqual({ seen: EVENTS });
  expect(await stream.done()).toEqual(EVENTS.at(-1));
  const [job] = emulator.jobs;
  expect(stream.requestId).toBe(job?.requestId);
  expect(job?.tags).toMatchObject({ customer: "acme" });
  expect(posts(sent).map(({ url }) => url)).toEqual([`https://fal.run/${STREAMS}/stream`]);
  await fal.close();
  expect(await fal.calls.list()).toMatchObject([
    {
      ...{ state: "completed", endpoint: STREAMS, ticket: { requestId: job?.requestId } },
      ...{ for: { userTags: { customer: "acme" } }, cost: { source: "unknown", reason: "no_units" } },
    },
  ]);
  await fal.reconcile();
  expect((await fal.costs()).total).toMatchObject({ nanoUsd: 30_000_000, unknown: 0 });
});

test("units that the head of its answer names are charged", async () => {
  const wire = instead("submit", () => {
    const answer = sse("data: {}\n\n");
    answer.headers.set("x-fal-billable-units", "2");
    return answer;
  });
  const { fal } = world({ wire });
  await (await fal.stream(STREAMS, { input })).done();
  await fal.close();
  expect((await fal.costs()).total).toMatchObject({ nanoUsd: 20_000_000 });
});

test("a budget is heeded before it is sent, and what cannot be meant is refused", async () => {
  const { fal, sent } = world({ budget: { usd: 0.005, per: "day" } });
  const stream = await fal.stream(STREAMS, { input });
  expect(await failureOf(stream.done())).toBeInstanceOf(BudgetExceededError);
  expect(await failureOf(fal.stream(STREAMS, { input, acept: "x" } as never))).toBeInstanceOf(
    InvalidArgumentError,
  );
  const elsewhere = await fal.stream(STREAMS, { input, url: "https://evilfal.run/x" });
  expect(await failureOf(elsewhere.done())).toBeInstanceOf(InvalidArgumentError);
  expect(posts(sent)).toEqual([]);
});

describe("what comes over the wire", () => {
  const streamOf = async (answer: () => Response | Error, options: object = {}, more: FalOptions = {}) => {
    const { fal } = world({ wire: instead("submit", answer), ambiguousSubmit: "throw", ...more });
    return fal.stream(STREAMS, { input, ...options });
  };

  test("is cut anywhere, and is the same events", async () => {
    const text = 'data: {"a":"ä€"}\r\n\r\n: ping\n\ndata: false\n\nevent: x\ndata: "no\n\ndata: [DONE]\n\n';
    const bytes = new TextEncoder().encode(text);
    const single = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    for (const body of [single, new Blob([text])]) {
      const stream = await streamOf(
        () => new Response(body, { headers: { "content-type": "text/event-stream" } }),
      );
      expect(await collect(stream)).toEqual({ seen: [{ a: "ä€" }, false, '"no'] });
    }
  });

  test("without its last blank line it is an event, or half of one, which is no end", async () => {
    const whole = await streamOf(() => sse('data: {"n":1}\n\ndata: {"n":2}'));
    expect(await whole.done()).toEqual({ n: 2 });
    const half = await streamOf(() => sse('data: {"n":1}\n\ndata: {"n"'));
    expect(await collect(half)).toMatchObject({ seen: [{ n: 1 }], error: { name: "MalformedReplyError" } });
  });

  test("is bounded", async () => {
    const stream = await streamOf(
      () => sse(`data: "${"x".repeat(2_000)}"\n\n`),
      {},
      { maxReplyBytes: 1_000 },
    );
    expect(await failureOf(stream.done())).toBeInstanceOf(ReplyTooLargeError);
  });

  test("does not show the key", async () => {
    const stream = await streamOf(() => sse(`data: "${KEY}"\n\n`));
    expect(JSON.stringify(await collect(stream))).not.toContain("s3cr3t");
  });

  test("does not show the token that it was asked with", async () => {
    const answer = (request: Request) => new Error(`no way to ${request.url}`);
    const { fal } = world({ wire: instead("submit", (request) => answer(request)) });
    const tokenProvider = async () => "t0ken-0123456789";
    const stream = await fal.stream(STREAMS, { input, connectionMode: "client", tokenProvider });
    const error = (await failureOf(stream.done())) as Error;
    expect(error.message).toContain("no way to");
    expect(`${error.message} ${JSON.stringify(error)} ${error.cause}`).not.toContain("t0ken");
  });

  test("and what breaks off is thrown after what came, which may be billed", async () => {
    const { fal, emulator, sent } = world();
    emulator.faults.next("run-stream", "stream-cut; afterEvents=2", 1);
    const stream = await fal.stream(STREAMS, { input, ambiguousSubmit: "throw" });
    const { seen, error } = await collect(stream);
    expect(seen).toEqual(EVENTS.slice(0, 2));
    expect(error).toBeInstanceOf(NetworkError);
    expect(error).toMatchObject({ billed: "unknown", requestId: stream.requestId });
    expect(await failureOf(stream.done())).toBe(error);
    expect(posts(sent)).toHaveLength(1);
    expect(await fal.calls.list()).toMatchObject([{ state: "given-up", givenUp: "unread" }]);
  });
});

describe("never twice", () => {
  test("an answer that is lost is found in history, by its input, and given", async () => {
    const { fal, emulator, sent } = world();
    emulator.faults.next("run-stream", "slow-headers; ms=400000");
    const stream = await fal.stream(STREAMS, { input });
    expect(await collect(stream)).toEqual({ seen: [EVENTS.at(-1)] });
    expect(posts(sent)).toHaveLength(1);
    expect(emulator.jobs).toHaveLength(1);
  });

  test("so it is where history lists streams by their path", async () => {
    const { fal, emulator, sent } = world();
    emulator.history.streamPaths = true;
    emulator.faults.next("run-stream", "slow-headers; ms=400000");
    expect(await (await fal.stream(STREAMS, { input })).done()).toEqual(EVENTS.at(-1));
    expect(posts(sent)).toHaveLength(1);
  });

  test.each([
    ["the queue", true],
    ["history", false],
  ])("a stream that breaks off while its request goes on gives what %s has of it", async (_, isQueued) => {
    const wire: Wire = async (request, forward) => {
      const isAsked = request.url.includes("/requests/") && !request.url.includes("/v1/");
      if (isAsked && !isQueued) return json({ detail: "Not Found" }, { status: 404 });
      const answer = await forward();
      if (kindOf(request) !== "submit") return answer;
      await answer.text();
      let isTold = false;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (isTold) return controller.error(networkError("ECONNRESET"));
          isTold = true;
          controller.enqueue(new TextEncoder().encode('data: {"n":1}\n\n'));
        },
      });
      return new Response(body, answer);
    };
    const { fal, emulator, sent } = world({ wire });
    emulator.history.streamPaths = true;
    const stream = await fal.stream(STREAMS, { input });
    expect(await collect(stream)).toEqual({ seen: [{ n: 1 }, EVENTS.at(-1)] });
    expect(posts(sent)).toHaveLength(1);
    expect(await fal.calls.list()).toMatchObject([{ state: "completed", outcome: { data: EVENTS.at(-1) } }]);
  });

  test.each([
    ["a reset connection", () => networkError("ECONNRESET")],
    ["a page that says 200", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
  ])("%s leaves it in doubt, and it is sent once", async (_, answer) => {
    const { fal, sent } = world({ wire: instead("submit", answer), retry: { maxRetries: 9 } });
    const stream = await fal.stream(STREAMS, { input });
    expect(await failureOf(stream.done())).toBeInstanceOf(AmbiguousSubmitError);
    expect(posts(sent)).toHaveLength(1);
  });

  test("a refused connection is repeated", async () => {
    const { fal, sent } = world({ wire: instead("submit", () => networkError("ECONNREFUSED"), 2) });
    expect(await (await fal.stream(STREAMS, { input })).done()).toEqual(EVENTS.at(-1));
    expect(posts(sent)).toHaveLength(3);
  });
});

describe("in a run", () => {
  test.each<[string, Model, unknown]>([
    ["events", streaming(), EVENTS.at(-1)],
    ["bytes", streaming([new Uint8Array([1]), new Uint8Array([2])]), new Uint8Array([1, 2])],
  ])("of %s a replay gives the end, and pays nothing", async (_, model, last) => {
    const { fal, emulator } = world({ model });
    let falls = true;
    const chain = fal.chain("told", async () => {
      const stream = await fal.stream(STREAMS, { input });
      const { seen } = await collect(stream);
      expect(await stream.done()).toEqual(last);
      if (falls) throw new Error("it falls over");
      return seen.length;
    });
    await failureOf(chain.start(undefined, { id: "a" }));
    falls = false;
    expect(await chain.resume("a")).toBe(1);
    expect(emulator.jobs).toHaveLength(1);
  });

  test("it is no call of the queue, and a loop that is left does not end it", async () => {
    const { fal, emulator } = world();
    const chain = fal.chain("left", async () => {
      const stream = await fal.stream(STREAMS, { input });
      for await (const _ of stream) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
      const last = await stream.done();
      await fal.subscribe(STREAMS, { input });
      return last;
    });
    expect(await chain.start(undefined, { id: "a" })).toEqual(EVENTS.at(-1));
    expect(await chain.start(undefined, { id: "a" })).toEqual(EVENTS.at(-1));
    expect(emulator.jobs).toHaveLength(2);
  });

  test("a call of the queue that takes its place is not given what it gave", async () => {
    const { fal, emulator } = world();
    let falls = true;
    const chain = fal.chain("changed", async () => {
      if (!falls) return fal.subscribe(STREAMS, { input });
      await (await fal.stream(STREAMS, { input })).done();
      throw new Error("it falls over");
    });
    await failureOf(chain.start(undefined, { id: "a" }));
    falls = false;
    expect(await failureOf(chain.resume("a"))).toMatchObject({ code: "run_diverged" });
    expect(emulator.jobs).toHaveLength(1);
  });

  test("giving it up is a failure, now and in a replay", async () => {
    const { fal, emulator } = world();
    const chain = fal.chain("aborted", async () => {
      const stream = await fal.stream(STREAMS, { input });
      stream.on("data", () => stream.abort());
      return stream.done();
    });
    const error = await failureOf(chain.start(undefined, { id: "a" }));
    expect(error).toMatchObject({ name: "AbortError" });
    expect(await failureOf(chain.start(undefined, { id: "a" }))).toMatchObject({ name: "AbortError" });
    expect(emulator.jobs).toHaveLength(1);
  });
});

describe("giving up", () => {
  test("a loop that is left closes the connection, and asks for nothing else", async () => {
    const { fal, emulator, sent } = world();
    const left = await fal.stream(STREAMS, { input });
    for await (const _ of left) break;
    const isCancelled = () => expect(emulator.jobs[0]).toMatchObject({ cancelled: true });
    await vi.waitFor(isCancelled, { timeout: 8_000, interval: 5 });
    expect(await left.done()).toEqual(EVENTS[0]);
    await fal.close();
    expect(sent.filter(({ kind }) => kind === "cancel")).toEqual([]);
  });

  test("a loop is left at once, though it waits for the next event", async () => {
    const { fal, emulator } = world();
    emulator.faults.next("run-stream", "stream-stall");
    const stream = await fal.stream(STREAMS, { input, timeout: Number.POSITIVE_INFINITY });
    const loop = stream[Symbol.asyncIterator]();
    expect(await loop.next()).toEqual({ done: false, value: EVENTS[0] });
    const next = loop.next();
    await loop.return();
    expect(await next).toEqual({ done: true, value: undefined });
    await vi.waitFor(() => expect(stream.signal.aborted).toBe(true), { timeout: 8_000, interval: 5 });
  });

  test.each<[string, (stream: FalStream<unknown, unknown>) => unknown]>([
    ["done(), asked for right then,", (stream) => stream.done()],
    ["a listener", (stream) => stream.on("data", () => {})],
  ])("%s keeps the connection of a loop that is left", async (_, want) => {
    const parts = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
    const body = new ReadableStream<Uint8Array>({ start: parts.resolve });
    const headers = { "content-type": "text/event-stream" };
    const { fal } = world({ wire: instead("submit", () => new Response(body, { headers })) });
    const stream = await fal.stream(STREAMS, { input, timeout: Number.POSITIVE_INFINITY });
    const controller = await parts.promise;
    const say = (text: string) => controller.enqueue(new TextEncoder().encode(`data: ${text}\n\n`));
    say("1");
    for await (const _ of stream) break;
    want(stream);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(stream.signal.aborted).toBe(false);
    say("2");
    controller.close();
    expect(await stream.done()).toBe(2);
  });

  test("a signal that has aborted sends nothing", async () => {
    const { fal, sent } = world();
    const stream = await fal.stream(STREAMS, { input, signal: AbortSignal.abort() });
    expect(await stream.done()).toEqual({});
    expect(stream.signal.aborted).toBe(true);
    expect(posts(sent)).toEqual([]);
  });

  test.each<[string, object, (stream: FalStream<unknown, unknown>, user: AbortController) => unknown]>([
    ["is read to its end", {}, (stream) => stream.done()],
    ["is aborted", {}, (stream) => stream.on("data", () => stream.abort())],
    ["is aborted by its signal", {}, (stream, user) => stream.on("data", () => user.abort())],
    ["falls silent", { timeout: 500 }, (stream) => stream.done().catch(() => {})],
  ])("one that %s leaves no timer and no listener", async (_, options, act) => {
    const { fal, clock, emulator } = world();
    const user = new AbortController();
    const stream = await fal.stream(STREAMS, { input, signal: user.signal, ...options });
    await act(stream, user);
    await stream.done().catch(() => {});
    await fal.close();
    await emulator.close();
    expect(getEventListeners(user.signal, "abort")).toEqual([]);
    expect(clock.sleepers).toBe(0);
  });

  test("silence is not waited out, but comments break it", async () => {
    const { fal, emulator, clock } = world({ model: streaming([1, 2]) });
    emulator.faults.next("run-stream", "stream-stall");
    const stream = await fal.stream(STREAMS, { input, timeout: 5_000 });
    const { seen, error } = await collect(stream);
    expect(seen).toEqual([1]);
    expect(error).toMatchObject({ name: "TimeoutError", requestId: stream.requestId });
    const before = clock.now();
    const talks = await fal.stream(STREAMS, { input, timeout: 1_500 });
    expect(await talks.done()).toBe(2);
    expect(clock.now() - before).toBeGreaterThan(1_500);
  });
});

test("a listener that throws is reported, and the stream goes on", async () => {
  const warnings: string[] = [];
  const quiet = () => {};
  const warn = (_: object, text: string) => warnings.push(text);
  const logger = { debug: quiet, info: quiet, error: quiet, warn } as never;
  const { fal } = world({ logger });
  const stream = await fal.stream(STREAMS, { input });
  stream.on("data", () => {
    throw new Error("oops");
  });
  expect(await stream.done()).toEqual(EVENTS.at(-1));
  expect(warnings.join()).toContain('The listener on "data" threw');
});

test("the caller's schema types and checks the last event", async () => {
  const { fal } = world({ model: streaming([{ n: 1 }]) });
  const output = z.object({ n: z.number() });
  const stream = await fal.stream(STREAMS, { input, output });
  const { n } = await stream.done();
  expect(n).toBe(1);
  const strict = await fal.stream(STREAMS, { input, output: z.object({ m: z.string() }) });
  expect(await failureOf(strict.done())).toMatchObject({ name: "OutputMismatchError" });
});
