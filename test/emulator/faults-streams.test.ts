import { expect, test } from "vitest";
import type { FaultText } from "../../src/emulator/index.ts";
import { echo, readEvents, stage } from "../support/stage.ts";

const setUp = (fault: FaultText) => {
  const s = stage({ models: [echo] });
  s.emulator.faults.next("stream", fault);
  const streamOf = async (input = {}) => {
    const { status_url } = await s.submit("acme/echo/v1", input);
    return s.send("GET", `${status_url}/stream?logs=1`);
  };
  return { ...s, streamOf };
};

/** The chunks up to the end, and what ended them. */
async function chunksOf({ body }: Response): Promise<{ chunks: Uint8Array[]; error?: unknown }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of body ?? []) chunks.push(chunk);
    return { chunks };
  } catch (error) {
    return { chunks, error };
  }
}

test("a stream breaks after so many events, and gives all of them", async () => {
  const { streamOf } = setUp("stream-cut; afterEvents=3");
  const { chunks, error } = await chunksOf(await streamOf());
  expect(chunks).toHaveLength(3);
  expect(error).toMatchObject({
    name: "TypeError",
    message: "terminated",
    cause: { code: "UND_ERR_SOCKET" },
  });
});

test("it breaks after so many bytes, within an event", async () => {
  const { streamOf } = setUp("stream-cut; afterBytes=20");
  const { chunks, error } = await chunksOf(await streamOf());
  expect(Buffer.concat(chunks)).toHaveLength(20);
  expect(error).toBeInstanceOf(TypeError);
});

test("it ends as if nothing were missing", async () => {
  const { streamOf } = setUp("stream-cut; how=ends; afterEvents=2");
  const { chunks, error } = await chunksOf(await streamOf());
  expect([chunks.length, error]).toEqual([2, undefined]);
});

test("a stalled stream says nothing more, not even a ping, until the reader leaves", async () => {
  const { streamOf, clock, emulator } = setUp("stream-stall");
  const reader = (await streamOf()).body?.getReader();
  expect((await reader?.read())?.done).toBe(false);
  let silent = true;
  void reader?.read().then(
    ({ done }) => {
      silent = done;
    },
    () => {},
  );
  await clock.sleep(120_000);
  expect(silent).toBe(true);
  expect(emulator.jobs[0]?.state).toBe("COMPLETED");
  await reader?.cancel();
  expect(clock.sleepers).toBe(0);
});

test("a stalled stream is watched by nobody in the emulator", async () => {
  const { send, submit, clock, emulator } = stage({ models: [echo], auto: false });
  emulator.faults.next("stream", "stream-stall");
  const { status_url } = await submit("acme/echo/v1");
  const before = clock.sleepers;
  const reader = (await send("GET", `${status_url}/stream`)).body?.getReader();
  await reader?.read();
  expect(clock.sleepers).toBe(before + 1);
  void reader?.read();
  await clock.advance(0);
  expect(clock.sleepers).toBe(before);
  await emulator.close();
});

test("a stalled stream ends when the emulator closes", async () => {
  const { streamOf, emulator } = setUp("stream-stall; afterEvents=0");
  const reading = chunksOf(await streamOf());
  await emulator.close();
  expect((await reading).chunks).toHaveLength(0);
});

test("a stream comes byte by byte, and is the same when put together", async () => {
  const { streamOf } = setUp("stream-split");
  const { chunks } = await chunksOf(await streamOf());
  expect(chunks.every(({ length }) => length === 1)).toBe(true);
  const { events } = await readEvents(new Response(Buffer.concat(chunks)));
  expect(events.at(-1)).toMatchObject({ status: "COMPLETED" });
});

test("an older status comes after each newer one, without its log lines", async () => {
  const { streamOf, clock, submit, send, emulator } = setUp("wrong-order");
  const { events } = await readEvents(await streamOf());
  const states = events.map(({ status }) => status);
  expect(states.slice(0, 4)).toEqual(["IN_QUEUE", "IN_PROGRESS", "IN_QUEUE", "IN_PROGRESS"]);
  expect(states.at(-1)).toBe("COMPLETED");
  const lines = events.flatMap(({ logs }) => (logs as unknown[] | null | undefined) ?? []);
  expect(lines).toHaveLength(3);

  emulator.faults.next("stream", "wrong-order");
  const { status_url } = await submit("acme/echo/v1");
  await clock.sleep(1_000);
  const late = await readEvents(await send("GET", `${status_url}/stream?logs=1`));
  expect(late.events.map(({ logs }) => (logs as unknown[]).length)).toEqual([1, 1, 0, 1, 0, 0]);
});
