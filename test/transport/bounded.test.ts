import { expect, test } from "vitest";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { instead, json, kindOf } from "../support/wire.ts";

// Waiting is bounded by what is known: no server's word makes anybody wait in silence.

const HOUR = 3_600_000;
const DAY = String(24 * 3_600);

test("a server that asks to wait a day is not waited for: the call stays open, and is collected", async () => {
  const wire = instead("status", () =>
    json({ detail: "busy" }, { status: 503, headers: { "retry-after": DAY } }),
  );
  const { fal, clock, emulator } = setup({ wire });
  const before = clock.now();
  const error = await failureOf(fal.subscribe(ECHO, { input: {}, mode: "polling" }));
  expect(error).toMatchObject({ status: 503, billed: "unknown" });
  expect(clock.now() - before).toBeLessThan(HOUR);
  expect((await fal.calls.list())[0]).toMatchObject({ givenUp: "unread" });
  expect(emulator.jobs).toHaveLength(1);
});

test("a refused submit that is to wait a day is refused at once", async () => {
  const busy = () => json({ detail: "busy" }, { status: 429, headers: { "retry-after": DAY } });
  const { fal, clock, emulator } = setup({ wire: instead("submit", busy) });
  const before = clock.now();
  expect(await failureOf(fal.subscribe(ECHO, { input: {} }))).toMatchObject({ status: 429, billed: false });
  expect(clock.now() - before).toBeLessThan(60_000);
  expect(emulator.jobs).toEqual([]);
});

test("a wait of more than a minute is said", async () => {
  const said: string[] = [];
  const busy = () => json({ detail: "busy" }, { status: 429, headers: { "retry-after": "90" } });
  const { fal } = setup({
    wire: instead("submit", busy, 1),
    logger: { warn: (details, message) => said.push(`${message}: ${JSON.stringify(details)}`) },
  });
  await fal.subscribe(ECHO, { input: {} });
  expect(said).toHaveLength(1);
  expect(said[0]).toContain(`The submit of ${ECHO} waits`);
  expect(said[0]).toContain("is sent again in 90 s");
});

test("a deadline of the caller's own that has passed is not asked for again", async () => {
  const passed = () =>
    json(
      { detail: "too late", error_type: "request_timeout" },
      { status: 504, headers: { "x-fal-request-timeout-type": "user" } },
    );
  const { fal, sent } = setup({ wire: instead("result", passed) });
  const error = await failureOf(fal.subscribe(ECHO, { input: {} }));
  expect(error).toMatchObject({ status: 504, isUserTimeout: true });
  expect(sent.filter((request) => kindOf(request) === "result")).toHaveLength(1);
});
