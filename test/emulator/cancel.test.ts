import { expect, test } from "vitest";
import { echo, json, stage } from "../support/stage.ts";

test("a queued request is gone from the queue at once", async () => {
  const { submit, send, clock, emulator } = stage({ models: [echo], auto: false, concurrency: 1 });
  await submit("acme/echo/v1");
  const second = await submit("acme/echo/v1");
  const third = await submit("acme/echo/v1");
  const response = await send("PUT", second.cancel_url);
  expect([response.status, await json(response)]).toEqual([202, { status: "CANCELLATION_REQUESTED" }]);
  expect(await json(await send("GET", third.status_url))).toMatchObject({ queue_position: 1 });
  expect(await json(await send("GET", second.status_url))).toMatchObject({
    status: "COMPLETED",
    error: "Request cancelled by the client.",
    error_type: "client_cancelled",
  });
  await clock.advance(60_000);
  expect(emulator.jobs[1]).toMatchObject({ cancelled: true, startedAt: undefined, billableUnits: 0 });
  expect(emulator.jobs[2]?.state).toBe("COMPLETED");
});

test("a running request stops at once and frees its slot", async () => {
  const { submit, send, clock, emulator } = stage({ models: [echo], auto: false, concurrency: 1 });
  const first = await submit("acme/echo/v1");
  await submit("acme/echo/v1");
  await clock.advance(2_000);
  expect((await send("PUT", first.cancel_url)).status).toBe(202);
  const result = await send("GET", first.response_url);
  expect(result.status).toBe(499);
  expect(await json(result)).toEqual({
    detail: "Request cancelled by the client.",
    error_type: "client_cancelled",
  });
  await clock.advance(500);
  expect(emulator.jobs.map(({ state }) => state)).toEqual(["COMPLETED", "IN_PROGRESS"]);
  await clock.advance(20_000);
  expect(clock.sleepers).toBe(0);
});

test("a completed request cannot be cancelled, an unknown one is not found", async () => {
  const { submit, finish, send } = stage({ models: [echo] });
  const done = await submit("acme/echo/v1");
  await finish(done);
  const late = await send("PUT", done.cancel_url);
  expect([late.status, await json(late)]).toEqual([400, { status: "ALREADY_COMPLETED" }]);
  const unknown = await send("PUT", "/queue/acme/echo/requests/nothing/cancel");
  expect([unknown.status, await json(unknown)]).toEqual([404, { status: "NOT_FOUND" }]);
});

test("a stand-in in the middle of its work stops when it is cancelled", async () => {
  let breaths = 0;
  const busy = {
    ...echo,
    async run(_input: unknown, context: { breathe(): Promise<void> }): Promise<never> {
      for (;;) {
        breaths += 1;
        await context.breathe();
      }
    },
  };
  const { submit, send, clock, emulator } = stage({ models: [busy], auto: false });
  const { cancel_url } = await submit("acme/echo/v1");
  await clock.advance(1_000);
  expect(breaths).toBeGreaterThan(1);
  await send("PUT", cancel_url);
  await clock.advance(1_000);
  const stoppedAt = breaths;
  await clock.advance(1_000);
  expect(breaths).toBe(stoppedAt);
  expect(emulator.jobs[0]).toMatchObject({ cancelled: true, errorType: "client_cancelled" });
});
