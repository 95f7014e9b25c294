import { expect, test } from "vitest";
import { collect, ECHO, setup } from "../support/setup.ts";
import { instead, json } from "../support/wire.ts";

// A model writes its log itself: that must fill neither the memory nor the store.

const line = (message: string) => ({ message, timestamp: "2026-11-24T12:00:00Z" });

/** One status stream, with this many statuses of log before the end. */
function stream(statuses: number, logs: (at: number) => readonly unknown[]) {
  const encoder = new TextEncoder();
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const isOver = at === statuses;
      const status = isOver ? { status: "COMPLETED" } : { status: "IN_PROGRESS", logs: logs(at++) };
      controller.enqueue(encoder.encode(`data: ${JSON.stringify(status)}\n\n`));
      if (isOver) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function chatty(statuses: number, logs: (at: number) => readonly unknown[]) {
  const warned: string[] = [];
  const made = setup({
    wire: instead("stream", () => stream(statuses, logs)),
    logger: { warn: (_, message) => warned.push(message) },
  });
  return { ...made, warned };
}

const of = (lines: number) => (at: number) => Array.from({ length: lines }, (_, n) => line(`${at}.${n}`));

test("of a log without end the beginning is told, and once that there is more", async () => {
  const { fal, warned } = chatty(5, of(5_000));
  let most = 0;
  const onQueueUpdate = ({ logs = [] }: { logs?: readonly unknown[] }) => {
    most = Math.max(most, logs.length);
  };
  const { data } = await fal.subscribe(ECHO, { input: {}, logs: true, onQueueUpdate });
  expect(data).toEqual({ echo: {} });
  expect(most).toBe(20_000);
  expect(warned).toEqual([`The log of ${ECHO} is not told to its end`]);
});

test("so it is of one of few lines that are long, each of which is cut", async () => {
  const { fal } = chatty(140, (at) => [line(`${at}${"y".repeat(200_000)}`)]);
  const { seen } = await collect(fal.subscribe(ECHO, { input: {}, logs: true }));
  const told = seen.flatMap((event) => (event.type === "log" ? [event.log.message] : []));
  expect(told.length).toBeGreaterThan(100);
  expect(told.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(9 * 2 ** 20);
  expect(Math.max(...told.map(({ length }) => length))).toBeLessThan(70_000);
});

test("what is sent though nobody asked for it is not taken", async () => {
  const { fal, warned } = chatty(3, of(100));
  const { seen } = await collect(fal.subscribe(ECHO, { input: {} }));
  expect(seen.map(({ type }) => type)).toEqual(["submitted", "queued", "running", "completed"]);
  expect(warned).toEqual([]);
});

test("a stream of statuses that is read slowly keeps the newest", async () => {
  const { fal } = chatty(1_200, of(1));
  const statuses = await fal.queue.streamStatus(ECHO, { requestId: "r1", logs: true });
  expect(await statuses.done()).toMatchObject({ status: "COMPLETED" });
  const { seen } = await collect(statuses);
  expect(seen.length).toBeLessThan(1_100);
  expect(seen.at(-1)).toMatchObject({ status: "COMPLETED" });
});

test.each([
  { queue_position: "NaN" },
  { queue_position: {} },
  { status_url: 5, response_url: [], cancel_url: null },
])("a submit is accepted that says %j beside its request", async (odd) => {
  const { fal, emulator, sent } = setup({
    wire: async (request, forward) => {
      const answer = await forward();
      return request.method === "POST" ? json({ ...((await answer.json()) as object), ...odd }) : answer;
    },
  });
  const { requestId } = await fal.subscribe(ECHO, { input: {} });
  expect(requestId).toBe(emulator.jobs[0]?.requestId);
  // Nobody had to look for it in history.
  expect(sent.filter(({ url }) => url.includes("by-endpoint"))).toEqual([]);
});
