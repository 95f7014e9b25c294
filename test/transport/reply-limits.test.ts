import { describe, expect, test } from "vitest";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { instead, json, kindOf, type Wire } from "../support/wire.ts";

// What an answer may cost is bounded in bytes and in time, and what is too large is not asked for again.

const input = { n: 1 };
const large = (size: number) => ({ echo: { n: 1 }, text: "x".repeat(size) });

test("a result that is too large is read once, and collected by a client that takes more", async () => {
  const wire = instead("result", () => json(large(10_000)));
  const { fal, sent, emulator } = setup({ wire, maxReplyBytes: 5_000 });
  const error = await failureOf(fal.subscribe(ECHO, { input }));
  expect(error).toMatchObject({
    code: "reply_too_large",
    maxBytes: 5_000,
    billed: "unknown",
    retryable: false,
  });
  expect(String(error)).toMatch(/more than 5000 bytes.*maxReplyBytes/);
  expect(sent.filter(({ kind }) => kind === "result")).toHaveLength(1);
  const [record] = await fal.calls.list();
  expect(record).toMatchObject({ state: "given-up", givenUp: "unread" });
  fal.config({ maxReplyBytes: 20_000 });
  expect((await fal.calls.collect(record?.id ?? "")).data).toEqual(large(10_000));
  expect(emulator.jobs).toHaveLength(1);
});

test("a run whose result was too large is resumed with more, and pays once", async () => {
  const wire = instead("result", () => json(large(10_000)));
  const { fal, emulator } = setup({ wire, maxReplyBytes: 5_000 });
  const chain = fal.chain("large", async () => (await fal.subscribe(ECHO, { input })).data);
  expect(await failureOf(chain.start(undefined, { id: "a" }))).toMatchObject({ code: "reply_too_large" });
  fal.config({ maxReplyBytes: 20_000 });
  expect(await chain.resume("a")).toEqual(large(10_000));
  expect(emulator.jobs).toHaveLength(1);
});

test("what says that it is too large is not read at all", async () => {
  let pulled = 0;
  const body = () =>
    new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1_000));
      },
    });
  const wire = instead("result", () => new Response(body(), { headers: { "content-length": "1000000000" } }));
  const { fal } = setup({ wire });
  expect(await failureOf(fal.subscribe(ECHO, { input }))).toMatchObject({ code: "reply_too_large" });
  expect(pulled).toBeLessThan(5);
});

test("an endless body is left once it is over the limit", async () => {
  let pulled = 0;
  let left = false;
  const endless = () =>
    new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(2 ** 20).fill(0x20));
      },
      cancel() {
        left = true;
      },
    });
  const wire = instead(
    "result",
    () => new Response(endless(), { headers: { "content-type": "application/json" } }),
  );
  const { fal } = setup({ wire });
  expect(await failureOf(fal.subscribe(ECHO, { input }))).toMatchObject({ maxBytes: 64 * 2 ** 20 });
  expect(pulled).toBeLessThan(70);
  expect(left).toBe(true);
});

test.each(["status", "other"] as const)("every answer has the limit: %s", async (kind) => {
  const wire = instead(kind, () => json(large(10_000)));
  const { fal, sent } = setup({ wire, maxReplyBytes: 5_000 });
  const act = {
    status: () => fal.queue.status(ECHO, { requestId: "r1" }),
    other: () => fal.price(ECHO),
  }[kind];
  expect(await failureOf(act())).toMatchObject({ code: "reply_too_large" });
  expect(sent).toHaveLength(1);
});

describe("a submit whose answer is too large or breaks off", () => {
  const accepting =
    (answer: (reply: Response) => Response): Wire =>
    async (request, forward) => {
      const reply = await forward();
      return kindOf(request) === "submit" ? answer(reply) : reply;
    };

  test.each<[string, (reply: Response) => Response]>([
    ["too large", ({ headers }) => json(large(10_000), { headers })],
    ["unreadable", ({ headers }) => new Response("<html>", { headers })],
    [
      "broken off",
      ({ headers }) => {
        const pull = (controller: ReadableStreamDefaultController) =>
          controller.error(new TypeError("terminated"));
        return new Response(new ReadableStream({ pull }), { headers });
      },
    ],
    [
      "in drops for ever",
      ({ headers }) => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }), { headers }),
    ],
  ])("%s: its request is found, and paid for once", async (_, answer) => {
    const { fal, emulator } = setup({ wire: accepting(answer), maxReplyBytes: 5_000 });
    expect((await fal.subscribe(ECHO, { input })).data).toEqual({ echo: input });
    expect(emulator.jobs).toHaveLength(1);
  });
});

describe("a read takes a minute, and longer only while it makes headway", () => {
  /** A body of so many parts of so many bytes, one each `ms`. */
  const dripping = (ms: number, bytes: number, parts: number, sleep: (ms: number) => Promise<void>) => () => {
    const text = JSON.stringify({ echo: input }).padEnd(bytes * parts, " ");
    let at = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await sleep(ms);
          controller.enqueue(new TextEncoder().encode(text.slice(at, at + bytes)));
          at += bytes;
          if (at >= text.length) controller.close();
        },
      }),
      { headers: { "content-type": "application/json" } },
    );
  };

  test("a body in drops is cut after it, and asked for again", async () => {
    let sleep = (_: number): Promise<void> => Promise.resolve();
    const wire = instead("result", () => dripping(1_000, 1, 1_000, sleep)(), 1);
    const { fal, clock, sent } = setup({ wire });
    sleep = (ms) => clock.sleep(ms);
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input });
    await clock.sleep(10_000);
    const before = clock.now();
    expect((await fal.queue.result(ECHO, { requestId })).data).toEqual({ echo: input });
    expect(clock.now() - before).toBeGreaterThanOrEqual(60_000);
    expect(clock.now() - before).toBeLessThan(65_000);
    expect(sent.filter(({ kind }) => kind === "result")).toHaveLength(2);
  });

  test("a large one that keeps coming is waited for", async () => {
    let sleep = (_: number): Promise<void> => Promise.resolve();
    const wire = instead("result", () => dripping(1_000, 100_000, 180, sleep)());
    const { fal, clock, sent } = setup({ wire });
    sleep = (ms) => clock.sleep(ms);
    expect((await fal.subscribe(ECHO, { input })).data).toEqual({ echo: input });
    expect(sent.filter(({ kind }) => kind === "result")).toHaveLength(1);
  });
});

test("a status stream that gives signs of life and says nothing is asked past after ten minutes", async () => {
  let sleep = (_: number, __: AbortSignal): Promise<void> => Promise.resolve();
  const wire = instead("stream", () => {
    const left = new AbortController();
    const body = new ReadableStream({
      async pull(controller) {
        await sleep(15_000, left.signal);
        controller.enqueue(new TextEncoder().encode(": ping\n\n"));
      },
      cancel: () => left.abort("left"),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const { fal, clock } = setup({ wire });
  sleep = (ms, signal) => clock.sleep(ms, signal);
  const before = clock.now();
  expect((await fal.subscribe(ECHO, { input })).data).toEqual({ echo: input });
  expect(clock.now() - before).toBeLessThan(11 * 60_000);
  await fal.close();
  expect(clock.sleepers).toBe(0);
});
