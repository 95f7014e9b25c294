import { expect, test } from "vitest";
import type { Fault, FaultText } from "../../src/emulator/index.ts";
import { echo, json, stage } from "../support/stage.ts";

const ECHO = "acme/echo/v1";
const setUp = () => stage({ models: [echo, { ...echo, id: "acme/other" }], concurrency: 100 });

test("the next exchange that matches goes wrong, the one after goes well", async () => {
  const { emulator, send, submit } = setUp();
  emulator.faults.next("submit", "429");
  expect((await send("GET", "/health")).status).toBe(200);
  const submitOnce = async () => (await send("POST", `/queue/${ECHO}`, { body: {} })).status;
  expect([await submitOnce(), await submitOnce()]).toEqual([429, 200]);
  expect(emulator.received.map(({ fault }) => fault?.name)).toEqual([undefined, "429", undefined]);
  expect((await submit(ECHO)).status).toBe("IN_QUEUE");
});

test("a script names endpoint, request, the how-manieth and how often, and is followed in order", async () => {
  const { emulator, send, submit } = setUp();
  const { faults } = emulator;
  faults.next({ operation: "submit", endpoint: "acme/other" }, "502");
  faults.next({ operation: "submit", endpoint: ECHO, nth: 2 }, "503", 2);
  faults.next("submit", "504");
  const statuses: number[] = [];
  for (const endpoint of [ECHO, ECHO, ECHO, "acme/other", ECHO]) {
    statuses.push((await send("POST", `/queue/${endpoint}`, { body: {} })).status);
  }
  expect(statuses).toEqual([504, 503, 503, 502, 200]);
  expect(faults.pending).toBe(0);
  const [one, other] = [await submit(ECHO), await submit(ECHO)];
  faults.next({ requestId: other.request_id }, "502");
  expect((await send("GET", one.status_url)).status).toBe(202);
  expect((await send("GET", other.status_url)).status).toBe(502);
});

test("a fault that fits no operation by itself waits for one to which it can happen", async () => {
  const { emulator, send, submit, finish } = setUp();
  emulator.faults.next({}, "result-expired");
  const submitted = await submit(ECHO);
  expect((await finish(submitted)).status).toBe(404);
  expect((await send("GET", submitted.response_url)).status).toBe(200);
});

test("a request asks for its own fault by a header, a submit also for one that comes later", async () => {
  const { emulator, send, submit, finish } = setUp();
  const ask = (fault: string) => ({ "x-emulator-fault": fault });
  const refused = await send("POST", `/queue/${ECHO}`, { body: {}, headers: ask("429; retryAfterMs=2000") });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "2"]);
  const submitted = await submit(ECHO, {}, ask("400-early-result"));
  expect(emulator.received.at(-1)?.fault).toBeUndefined();
  expect(await finish(submitted)).toMatchObject({
    status: 400,
    body: { detail: "Request is still in progress" },
  });
  expect(emulator.received.at(-1)?.fault).toEqual({ name: "400-early-result" });
  expect((await finish(submitted)).status).toBe(200);
  const misspelt = await send("POST", `/queue/${ECHO}`, { body: {}, headers: ask("lost-reponse") });
  expect(misspelt.status).toBe(400);
  expect((await json(misspelt))["detail"]).toMatch(
    /no fault named "lost-reponse".*lost-response, reset-before/,
  );
  expect(emulator.jobs).toHaveLength(1);
});

test("by chance, the n-th exchange of an operation meets the same in every emulator with the same seed", async () => {
  const outcomes = async (seed: number) => {
    const { emulator, send } = setUp();
    emulator.faults.random({ seed, rates: { submit: { "429": 0.2, "503; page=true": 0.1 } } });
    const statuses: number[] = [];
    for (let i = 0; i < 200; i++) {
      // Other operations take no chance from submits.
      if (i % 3 === 0) await send("GET", "/health");
      statuses.push((await send("POST", `/queue/${ECHO}`, { body: {} })).status);
    }
    return statuses;
  };
  const first = await outcomes(1);
  const count = (status: number) => first.filter((one) => one === status).length;
  expect(count(429)).toBeGreaterThan(25);
  expect(count(429)).toBeLessThan(60);
  expect(count(503)).toBeGreaterThan(8);
  expect(await outcomes(1)).toEqual(first);
  expect(await outcomes(2)).not.toEqual(first);
});

test("cleared, everything goes well again", async () => {
  const { emulator, send } = setUp();
  emulator.faults.next("submit", "429", Number.POSITIVE_INFINITY);
  emulator.faults.random({ rates: { submit: { "502": 1 } } });
  const status = async () => (await send("POST", `/queue/${ECHO}`, { body: {} })).status;
  expect([await status(), await status(), await status()]).toEqual([429, 429, 429]);
  emulator.faults.clear();
  expect(await status()).toBe(200);
});

test.each<[string, () => void]>([
  [
    'There is no fault named "toString"',
    () => setUp().emulator.faults.next("submit", "toString" as FaultText),
  ],
  [
    'There is no fault named "x"',
    () => setUp().emulator.faults.next("submit", { name: "x" } as unknown as Fault),
  ],
  ["Its settings are: ms, bytes", () => setUp().emulator.faults.next("result", "slow-body; mss=5")],
  ["Its settings are: none", () => setUp().emulator.faults.next("result", "empty; really=true")],
  ["It can happen to: stream", () => setUp().emulator.faults.next("submit", "stream-cut")],
  ["count must be a whole number", () => setUp().emulator.faults.next("submit", "429", 0)],
  ["nth must be a whole number", () => setUp().emulator.faults.next({ nth: 1.5 }, "429")],
  ["from 0 to 1", () => setUp().emulator.faults.random({ rates: { submit: { "429": 2 } } })],
  ["more than 1", () => setUp().emulator.faults.random({ rates: { submit: { "429": 0.6, "502": 0.6 } } })],
])("a script that cannot mean anything is an error: %s", (message, write) => {
  expect(write).toThrow(RangeError);
  expect(write).toThrow(message);
});
