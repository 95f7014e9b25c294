import { expect, test } from "vitest";
import { echo, type Json, readEvents, stage } from "../support/stage.ts";

const logsOf = (event: Json) =>
  ((event["logs"] ?? []) as { message: string }[]).map(({ message }) => message);

test("the stream tells every change once, each log line once, and closes after COMPLETED", async () => {
  const { submit, send, clock } = stage({ models: [echo], concurrency: 1 });
  await submit("acme/echo/v1");
  const second = await submit("acme/echo/v1");
  const response = await send("GET", `${second.status_url}/stream?logs=1`);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const { events } = await readEvents(response);
  expect(events.map(({ status, queue_position }) => queue_position ?? status)).toEqual([
    1,
    0,
    "IN_PROGRESS",
    "IN_PROGRESS",
    "IN_PROGRESS",
    "IN_PROGRESS",
    "COMPLETED",
  ]);
  expect(events.flatMap(logsOf)).toEqual([echo.notice, "listening", "speaking"]);
  expect(events.at(-1)).toMatchObject({ metrics: { inference_time: 10 }, logs: [] });
  expect(clock.sleepers).toBe(0);
});

test("without logs there are only changes of state and position", async () => {
  const { submit, send } = stage({ models: [echo] });
  const { status_url } = await submit("acme/echo/v1");
  const { events } = await readEvents(await send("GET", `${status_url}/stream`));
  expect(events.map(({ status }) => status)).toEqual(["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]);
  expect(events.map(({ logs }) => logs)).toEqual([undefined, null, null]);
});

test("a stream opened after the end tells the end, with all logs", async () => {
  const { submit, finish, send } = stage({ models: [echo] });
  const submitted = await submit("acme/echo/v1");
  await finish(submitted);
  const { events } = await readEvents(await send("GET", `${submitted.status_url}/stream?logs=1`));
  expect(events).toHaveLength(1);
  expect(logsOf(events[0] ?? {})).toHaveLength(3);
});

test("a comment keeps a quiet stream alive every fifteen seconds", async () => {
  const slow = { ...echo, takes: [100, 100] as const, stages: () => [] };
  const { submit, send } = stage({ models: [slow] });
  const { status_url } = await submit("acme/echo/v1");
  const { pings } = await readEvents(await send("GET", `${status_url}/stream?logs=1`));
  expect(pings).toBe(6);
});

test("a reader that leaves takes its timer along", async () => {
  const { submit, send, clock } = stage({ models: [echo], auto: false });
  const { status_url } = await submit("acme/echo/v1");
  const before = clock.sleepers;
  const reader = (await send("GET", `${status_url}/stream?logs=1`)).body?.getReader();
  await reader?.read();
  expect(clock.sleepers).toBe(before + 1);
  await reader?.cancel();
  await clock.advance(0);
  expect(clock.sleepers).toBe(before);
  await clock.advance(20_000); // the job goes on, and nobody trips over the closed stream
  expect(clock.sleepers).toBe(0);
});

test("closing the emulator ends open streams and stops its jobs", async () => {
  const { submit, send, clock, emulator } = stage({ models: [echo], auto: false });
  const { status_url } = await submit("acme/echo/v1");
  await clock.advance(1_000);
  const stream = readEvents(await send("GET", `${status_url}/stream`));
  await emulator.close();
  expect((await stream).events.at(-1)).toMatchObject({ status: "IN_PROGRESS" });
  expect(clock.sleepers).toBe(0);
  expect((await send("GET", status_url)).status).toBe(503);
});
