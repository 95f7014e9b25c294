import type { CallEvent, FalOptions } from "fal-chain";
import { describe, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { collect, ECHO, setup } from "../support/setup.ts";
import {
  type Fault,
  faultyStreams,
  instead,
  json,
  kindOf,
  networkError,
  type Wire,
} from "../support/wire.ts";

// Law 6: the events of a call are in order and without repeats, whichever transport brought them.

// Equal lines on purpose: two of them are two, not one that was repeated.
const LINES = ["load", "step", "step", "step", "déjà vu 🦊", "save"];
const model = echo({ seconds: 120, lines: LINES });

/** What a call told, without when. */
async function story(
  options: FalOptions & { wire?: Wire } = {},
  mode: "auto" | "polling" | "streaming" = "auto",
) {
  const world = setup({ emulator: { models: [model] }, ...options });
  const call = world.fal.subscribe(ECHO, { input: { a: 1 }, logs: true, mode, idleTimeout: 20_000 });
  const { seen, error } = await collect(call);
  expect(error).toBeUndefined();
  expect(await call).toBe((seen.at(-1) as Extract<CallEvent, { type: "completed" }>).result);
  expect(seen.map(({ at }) => at)).toEqual(seen.map(({ at }) => at).toSorted((a, b) => a - b));
  return { world, told: seen.map(timeless) };
}

function timeless(event: CallEvent) {
  const { at, ...rest } = event;
  return rest.type === "completed" ? { type: rest.type, data: rest.result.data } : rest;
}

const { told: undisturbed } = await story();

test("a call tells submitted, queued, running, each log line once, completed", () => {
  expect(undisturbed).toMatchObject([
    { type: "submitted", endpoint: ECHO },
    { type: "queued", position: 0 },
    { type: "running" },
    ...["stand-in", ...LINES].map((message) => ({
      type: "log",
      log: { message, level: "INFO" },
      dropped: 0,
    })),
    { type: "completed", data: { echo: { a: 1 } } },
  ]);
});

test.each(["polling", "streaming"] as const)("mode %s tells the same story", async (mode) => {
  const { told, world } = await story({}, mode);
  expect(told).toEqual(undisturbed);
  expect(world.sent.some(({ kind }) => kind === "stream")).toBe(mode === "streaming");
});

describe.each<Fault>(["ends", "breaks", "stalls", "babbles"])("a status stream that %s", (fault) => {
  test.each([0, 1, 3, 6])("after %d chunks, each time, changes nothing", async (chunks) => {
    expect((await story({ wire: faultyStreams(fault, chunks) })).told).toEqual(undisturbed);
  });

  test("once, is opened again", async () => {
    const { told, world } = await story({ wire: faultyStreams(fault, 3, 1) });
    expect(told).toEqual(undisturbed);
    expect(world.sent.filter(({ kind }) => kind === "stream")).toHaveLength(2);
  });
});

const sse = (text: string) => () => new Response(text, { headers: { "content-type": "text/event-stream" } });

test.each<[string, Wire]>([
  ["a 404", instead("stream", () => json({ status: "NOT_FOUND" }, { status: 404 }))],
  ["a 405", instead("stream", () => json({ detail: "no" }, { status: 405 }))],
  ["a 500", instead("stream", () => json({ detail: "no" }, { status: 500 }))],
  ["a 429", instead("stream", () => json({ detail: "no" }, { status: 429 }))],
  ["HTML", instead("stream", () => new Response("<html>", { headers: { "content-type": "text/html" } }))],
  ["a status that is no stream", instead("stream", () => json({ status: "IN_QUEUE" }))],
  ["a broken connection", instead("stream", () => networkError("ECONNRESET"))],
  ["an unknown state", instead("stream", sse('data: {"status":"PAUSED"}\n\n'))],
  ["an event of another shape", instead("stream", sse("data: 42\n\n"))],
  ["a redirect elsewhere", instead("stream", () => Response.redirect("https://evil.test/", 302))],
  [
    "a stream that never answers",
    (r, forward) => (kindOf(r) === "stream" ? new Promise(() => {}) : forward()),
  ],
])("where the stream is answered with %s, polls tell the same story", async (_, wire) => {
  expect((await story({ wire })).told).toEqual(undisturbed);
});

test.each<[string, () => Response | Error]>([
  ["a broken connection", () => networkError("ECONNRESET")],
  ["a 500", () => json({ detail: "no" }, { status: 500 })],
  ["a 429", () => json({}, { status: 429 })],
  ["HTML", () => new Response("<html>")],
  ["an unknown state", () => json({ status: "PAUSED" })],
])("status polls that fail now and then with %s are repeated", async (_, answer) => {
  let nth = 0;
  const failing = instead("status", answer);
  const wire: Wire = (request, forward) =>
    kindOf(request) === "status" && nth++ % 3 > 0 ? failing(request, forward) : forward();
  expect((await story({ wire }, "polling")).told).toEqual(undisturbed);
});

test("a result that cannot be read at first is read again", async () => {
  const wire = instead("result", () => new Response('{"images":'), 2);
  expect((await story({ wire })).told).toEqual(undisturbed);
});

test("states never go back, even if statuses arrive out of order", async () => {
  const wire = instead(
    "stream",
    sse(
      ["IN_QUEUE", "IN_PROGRESS", "IN_QUEUE", "IN_PROGRESS"]
        .map((status) => `data: {"status":"${status}","queue_position":3}\n\n`)
        .join(""),
    ),
  );
  const { told } = await story({ wire });
  expect(told.filter(({ type }) => type === "running")).toHaveLength(1);
  expect(told.map(({ type }) => type).lastIndexOf("queued")).toBeLessThan(
    told.findIndex(({ type }) => type === "running"),
  );
});

test("equal lines are told as often as they were written, by a stream and then by polls", async () => {
  const tick = { message: "tick" };
  const event = `data: ${JSON.stringify({ status: "IN_PROGRESS", logs: [tick] })}\n\n`;
  const stream = instead("stream", sse(event + event));
  const status = instead("status", () => json({ status: "IN_PROGRESS", logs: [tick, tick, tick] }), 2);
  const { told } = await story({
    wire: (request, forward) => stream(request, async () => status(request, forward)),
  });
  expect(told.filter((event) => event.type === "log" && event.log.message === "tick")).toHaveLength(3);
});

test("equal lines of one stream are told each time, since a stream does not repeat itself", async () => {
  const tick = { message: "tick" };
  const events = ["IN_PROGRESS", "IN_PROGRESS", "COMPLETED"].map(
    (status) => `data: ${JSON.stringify({ status, logs: [tick] })}\n\n`,
  );
  const stream = instead("stream", sse(events.join("")));
  const result = instead("result", () => json({ echo: { a: 1 } }));
  const { told } = await story({
    wire: (request, forward) => stream(request, async () => result(request, forward)),
  });
  expect(told.filter(({ type }) => type === "log")).toHaveLength(3);
});

test("lines written between two streams are not lost, even if a new stream tells only what comes after", async () => {
  const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`);
  const forgetful = new TransformStream<Uint8Array, Uint8Array>({
    transform: (() => {
      let first = true;
      return (chunk: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>) => {
        const text = new TextDecoder().decode(chunk);
        controller.enqueue(
          first ? new TextEncoder().encode(text.replace(/"logs":\[.*\]/, '"logs":[]')) : chunk,
        );
        first = false;
      };
    })(),
  });
  const cut = faultyStreams("breaks", 6, 1);
  let streams = 0;
  const { fal } = setup({
    emulator: { models: [echo({ seconds: 4, lines })] },
    wire: async (request, forward) => {
      const reply = await cut(request, forward);
      if (kindOf(request) !== "stream" || streams++ === 0) return reply;
      return new Response(reply.body?.pipeThrough(forgetful), reply);
    },
  });
  const { seen } = await collect(fal.subscribe(ECHO, { input: {}, logs: true }));
  expect(streams).toBe(2);
  const told = seen.flatMap((event) => (event.type === "log" ? [event.log.message] : []));
  expect(told).toEqual(["stand-in", ...lines]);
});

test("a queue that moves is told position by position, never twice the same", async () => {
  const { fal } = setup({ emulator: { models: [echo({ seconds: 5 })], concurrency: 1 } });
  const calls = Array.from({ length: 4 }, () => fal.subscribe(ECHO, { input: {} }));
  const { seen } = await collect(calls[3] as (typeof calls)[number]);
  const positions = seen.flatMap((event) => (event.type === "queued" ? [event.position] : []));
  expect(positions).toEqual([...new Set(positions)].toSorted((a, b) => Number(b) - Number(a)));
  expect(positions[0]).toBeGreaterThan(1);
  expect(positions.at(-1)).toBe(0);
  await Promise.all(calls);
});
