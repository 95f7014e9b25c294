import { memoryStore } from "fal-chain";
import { virtualClock } from "fal-chain/emulator";
import { describe, expect, test } from "vitest";
import { isThorough } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { ECHO, ENV, failureOf, setup } from "../support/setup.ts";
import { kindOf, networkError, type Wire } from "../support/wire.ts";

// While fal cannot be reached no submit is sent, and an outage leaves in doubt only what was under way when it began.

const MINUTE = 60_000;

/** A network that resets everything from one time to another, and what was tried meanwhile. */
function outage(clock: { now(): number }, from: number, until: number) {
  const begun = clock.now();
  const tried: string[] = [];
  const wire: Wire = (request, forward) => {
    const at = clock.now() - begun;
    if (at < from || at >= until) return forward();
    tried.push(kindOf(request));
    throw networkError("ECONNRESET");
  };
  return { wire, tried };
}

const RUNS = isThorough ? 60 : 20;

test(`an outage of five minutes amid ${RUNS} runs blocks those that were submitting, and none that submits later`, {
  timeout: 60_000,
}, async () => {
  const { emulator, start, clock } = processes({ models: [echo({ seconds: 5 })], concurrency: RUNS });
  const { wire, tried } = outage(clock, 40_000, 40_000 + 5 * MINUTE);
  const said: string[] = [];
  const { fal } = start({
    wire,
    logger: { warn: (details, message) => said.push(`${message} ${JSON.stringify(details)}`) },
  });
  const chain = fal.chain("three", async (n: number) => {
    for (const step of [1, 2, 3]) {
      await fal.subscribe(ECHO, { input: { n, step } });
      await clock.sleep(10_000 + (n % 50) * 500);
    }
    return n;
  });
  const runs = Array.from({ length: RUNS }, (_, n) => chain.start(n, { id: `${n}` }));
  const ends = await Promise.allSettled(runs);
  const blocked = ends.filter(({ status }) => status === "rejected");
  expect(tried.filter((kind) => kind === "submit").length).toBeLessThanOrEqual(3);
  expect(tried.length).toBeGreaterThan(RUNS / 2);
  expect(blocked.length).toBeLessThanOrEqual(3);
  expect(emulator.jobs).toHaveLength(new Set(emulator.jobs.map(({ input }) => JSON.stringify(input))).size);
  expect(said.filter((line) => line.includes("does not answer"))).toHaveLength(1);
});

describe("a submit in an outage", () => {
  const away = async (until: number) => {
    const clock = virtualClock();
    const { wire, tried } = outage(clock, 0, until);
    const made = setup({
      clock,
      wire,
      emulator: { clock, models: [echo()], concurrency: 50 },
      ambiguousSubmit: "throw",
    });
    for (let n = 0; n < 3; n++) await failureOf(made.fal.subscribe(ECHO, { input: { first: n } }));
    return { ...made, clock, tried };
  };

  test("waits, with nothing noted of it, and goes on when a read was answered", async () => {
    const { fal, clock, tried, emulator } = await away(2 * MINUTE);
    const before = clock.now();
    const calls = Array.from({ length: 20 }, (_, n) => fal.subscribe(ECHO, { input: { n } }));
    const ended = Promise.all(calls);
    await clock.sleep(MINUTE);
    expect((await fal.calls.list({ state: "intended" })).length).toBe(0);
    const results = await ended;
    expect(results.map(({ data }) => data)).toEqual(calls.map((_, n) => ({ echo: { n } })));
    expect(clock.now() - before).toBeGreaterThan(2 * MINUTE);
    expect(clock.now() - before).toBeLessThan(3 * MINUTE);
    expect(tried.filter((kind) => kind === "submit")).toHaveLength(3);
    expect(tried.length).toBeLessThan(20);
    expect(emulator.jobs).toHaveLength(20);
  });

  test("waits no longer than its timeout, its signal, or than submits are repeated", async () => {
    const { fal, clock, tried, emulator } = await away(Number.POSITIVE_INFINITY);
    const began = clock.now();
    expect(await failureOf(fal.subscribe(ECHO, { input: {}, timeout: 5_000 }))).toMatchObject({
      name: "TimeoutError",
    });
    expect(clock.now() - began).toBe(5_000);
    expect(
      await failureOf(fal.subscribe(ECHO, { input: {}, abortSignal: AbortSignal.abort("enough") })),
    ).toMatchObject({ name: "AbortError" });
    const error = await failureOf(fal.subscribe(ECHO, { input: {} }));
    expect(error).toMatchObject({ code: "network", retryable: true, billed: false });
    expect(String(error)).toContain("ECONNRESET, and no answer since");
    expect(clock.now() - began).toBeLessThanOrEqual(11 * MINUTE);
    expect(tried.filter((kind) => kind === "submit")).toHaveLength(3);
    await fal.close();
    expect([emulator.jobs.length, clock.sleepers]).toEqual([0, 0]);
  });

  test("comes back one at a time: a submit that fails again holds the others", async () => {
    const clock = virtualClock();
    let submits = 0;
    let isOver = false;
    const wire: Wire = (request, forward) => {
      if (isOver || kindOf(request) !== "submit") return forward();
      submits += 1;
      throw networkError("ECONNRESET");
    };
    const { fal, emulator } = setup({
      clock,
      wire,
      emulator: { clock, models: [echo()], concurrency: 50 },
      ambiguousSubmit: "throw",
    });
    for (let n = 0; n < 3; n++) await failureOf(fal.subscribe(ECHO, { input: { first: n } }));
    expect(submits).toBe(3);
    const calls = Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => fal.subscribe(ECHO, { input: { n } })),
    );
    await clock.sleep(20_000);
    expect(submits).toBeLessThan(10);
    isOver = true;
    const ends = await calls;
    expect(submits).toBeLessThan(10);
    expect(ends.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(40);
    expect(emulator.jobs.length).toBe(ends.filter(({ status }) => status === "fulfilled").length);
  });
});

test("what is only refused, or fails now and then, holds nobody up", async () => {
  let requests = 0;
  const wire: Wire = (_, forward) => {
    requests += 1;
    if (requests % 3 === 0) throw networkError("ECONNRESET");
    if (requests % 3 === 1) throw networkError("ECONNREFUSED");
    return forward();
  };
  const said: string[] = [];
  const logger = { warn: (_: unknown, message: string) => said.push(message) };
  const env = { ...ENV, FAL_HOST: "http://127.0.0.1:8787" };
  const { fal } = setup({ env, wire, logger, retry: { baseDelay: 0 } });
  for (let n = 0; n < 20; n++) await fal.subscribe(ECHO, { input: { n } }).catch(() => {});
  await fal.close();
  expect(requests).toBeGreaterThan(50);
  expect(said.filter((line) => line.includes("does not answer"))).toEqual([]);
});

test("a look-up's minute passes only while history answers: after a long outage it looks once more", async () => {
  const clock = virtualClock();
  const begun = clock.now();
  let isSent = false;
  const wire: Wire = async (request, forward) => {
    if (kindOf(request) === "submit") {
      const reply = await forward();
      await reply.body?.cancel();
      isSent = true;
      throw networkError("ECONNRESET");
    }
    if (isSent && clock.now() - begun < 20 * MINUTE) throw networkError("ECONNRESET");
    return forward();
  };
  const { fal, emulator } = setup({
    clock,
    wire,
    emulator: { clock, models: [echo()] },
    store: memoryStore(),
  });
  expect((await fal.subscribe(ECHO, { input: { n: 1 } })).data).toEqual({ echo: { n: 1 } });
  expect(emulator.jobs).toHaveLength(1);
});

test("history that answers, and with no use, is asked for its minute as ever", async () => {
  const clock = virtualClock();
  const wire: Wire = async (request, forward) => {
    if (kindOf(request) === "submit") throw networkError("ECONNRESET");
    return kindOf(request) === "other" ? new Response("{}", { status: 404 }) : forward();
  };
  const { fal } = setup({ clock, wire, emulator: { clock, models: [echo()] } });
  const before = clock.now();
  expect(await failureOf(fal.subscribe(ECHO, { input: {} }))).toMatchObject({ verdict: "unknown" });
  expect(clock.now() - before).toBeLessThan(2 * MINUTE);
});
