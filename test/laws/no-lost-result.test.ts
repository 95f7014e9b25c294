import { join } from "node:path";
import { type CallAbortedError, createFal, memoryStore, type OutputMismatchError } from "fal-chain";
import type { FaultText } from "fal-chain/emulator";
import { sqliteStore } from "fal-chain/sqlite";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { RATES } from "../support/rates.ts";
import { ECHO, ENV, failureOf, setup } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";
import { kindOf, networkError, type Wire } from "../support/wire.ts";

// Law 3: no paid result that fal still holds is lost.

const input = { prompt: "a fox" };
const data = { echo: input };

const READS = (["status", "stream", "result"] as const).flatMap((operation) =>
  (Object.keys(RATES[operation]) as FaultText[]).map((fault) => [operation, fault] as const),
);

test.each(READS)("a %s that meets %s, three times in a row, costs no result", async (operation, fault) => {
  const { fal, emulator } = setup();
  emulator.faults.next(operation, fault, 3);
  const mode = operation === "stream" ? "streaming" : "polling";
  const result = await fal.subscribe(ECHO, { input, mode, idleTimeout: 20_000, logs: true });
  expect(result).toMatchObject({ requestId: emulator.jobs[0]?.requestId, data });
  expect(emulator.faults.pending).toBeLessThan(3);
});

test.each(Object.keys(RATES.submit) as FaultText[])(
  "a submit that meets %s gives its result, or was not accepted, or failed upstream",
  async (fault) => {
    const { fal, emulator } = setup();
    emulator.faults.next("submit", fault);
    const call = fal.subscribe(ECHO, { input });
    const delivered = await call.then(
      (result) => result.requestId,
      () => undefined,
    );
    const accepted = emulator.jobs
      .filter(({ error }) => error === undefined)
      .map(({ requestId }) => requestId);
    expect([delivered].filter((id) => id !== undefined)).toEqual(accepted);
  },
);

test("a result that comes late, in the queue as in history, is waited for", async () => {
  const { fal, emulator } = setup({ emulator: { history: { lagMs: 40_000 } } });
  emulator.faults.next("result", "400-early-result", 4);
  expect((await fal.subscribe(ECHO, { input })).data).toEqual(data);
  emulator.faults.next("result", "result-expired", Number.POSITIVE_INFINITY);
  expect((await fal.subscribe(ECHO, { input })).data).toEqual(data);
});

const isHistory = ({ url }: Request) => url.includes("/v1/models/requests");

/** What is no answer of history's, whoever gives it. */
const AWAY: readonly (readonly [string, () => Response])[] = [
  ["a gateway that answers 502", () => new Response("<html>bad gateway", { status: 502 })],
  ["a limit", () => Response.json({ detail: "slow down" }, { status: 429, headers: { "retry-after": "1" } })],
  [
    "an account that is locked",
    () => Response.json({ detail: "User is locked. Reason: x." }, { status: 403 }),
  ],
  ["something that is not JSON", () => new Response("ok")],
  [
    "a broken connection",
    () => {
      throw networkError("ECONNRESET");
    },
  ],
];

describe.each(AWAY)("a result that only history has, behind %s,", (_, away) => {
  /** The queue has let go of every result; history cannot be read until it is said so. */
  function made() {
    const state = { isAway: true, reads: 0 };
    const wire: Wire = (request, forward) => {
      if (!isHistory(request)) return forward();
      state.reads++;
      return state.isAway ? away() : forward();
    };
    const world = setup({ wire, store: { ...memoryStore(), durable: true } });
    world.emulator.faults.next("result", "result-expired", Number.POSITIVE_INFINITY);
    return { ...world, state };
  }

  test("is left open, and had by whoever collects it once history can be read", async () => {
    const { fal, emulator, state } = made();
    const error = await failureOf(fal.subscribe(ECHO, { input }));
    expect(error).toMatchObject({
      ...{ name: "NetworkError", endpoint: ECHO, requestId: emulator.jobs[0]?.requestId },
      ...{ retryable: true, billed: "unknown" },
    });
    const [left] = await fal.calls.list();
    expect(left).toMatchObject({ state: "given-up", givenUp: "unread" });
    state.isAway = false;
    expect(await fal.calls.collect(left?.id ?? "")).toMatchObject({ data });
    expect((await fal.calls.list())[0]?.state).toBe("completed");
    expect(emulator.jobs).toHaveLength(1);
  });

  test("is what its run gets when it is resumed", async () => {
    const { fal, emulator, state } = made();
    const chain = fal.chain("one", async () => (await fal.subscribe(ECHO, { input })).data);
    await failureOf(chain.start(undefined, { id: "a" }));
    expect(state.reads).toBeGreaterThan(0);
    state.isAway = false;
    expect(await chain.resume("a")).toEqual(data);
    expect(emulator.jobs).toHaveLength(1);
  });
});

test.each(AWAY.filter(([name]) => !/locked|JSON/.test(name)))(
  "a result that only history has is waited for behind %s, beyond the repeats of one question",
  async (_, away) => {
    let left = 8;
    const wire: Wire = (request, forward) => (isHistory(request) && left-- > 0 ? away() : forward());
    const { fal, emulator } = setup({ wire, retry: { maxRetries: 2 } });
    emulator.faults.next("result", "result-expired", Number.POSITIVE_INFINITY);
    expect((await fal.subscribe(ECHO, { input })).data).toEqual(data);
    expect(left).toBeLessThan(0);
  },
);

test.each([{ forbidden: true }, { payloads: false }])(
  "one word that a result is gone costs none, where history (%j) cannot say otherwise",
  async (history) => {
    const { fal, emulator } = setup({ emulator: { history }, store: { ...memoryStore(), durable: true } });
    emulator.faults.next("result", "result-expired", 2);
    const one = fal.chain("one", async () => (await fal.subscribe(ECHO, { input })).data);
    expect(await one.start(undefined, { id: "a" })).toEqual(data);
    expect(emulator.jobs).toHaveLength(1);
  },
);

test("one that never comes is an error that names its request", async () => {
  const { fal, emulator, clock } = setup({ emulator: { history: { forbidden: true } } });
  emulator.faults.next("result", "400-early-result", Number.POSITIVE_INFINITY);
  const started = clock.now();
  const error = await failureOf(fal.subscribe(ECHO, { input }));
  expect(error).toMatchObject({ status: 400, requestId: emulator.jobs[0]?.requestId });
  expect(clock.now() - started).toBeLessThan(70_000);
});

test("what a request failed with is told, though the queue has let it go", async () => {
  const { fal, emulator } = setup();
  emulator.faults.next("submit", "completed-with-error; status=422; error=no foxes");
  emulator.faults.next("result", "result-expired");
  const error = await failureOf(fal.subscribe(ECHO, { input }));
  expect(error).toMatchObject({ name: "ValidationError", requestId: emulator.jobs[0]?.requestId });
  expect(String(error)).toContain("no foxes");
});

test.each(["aborted", "timed out"])(
  "a request that goes on after its call was %s can be picked up",
  async (how) => {
    const { fal, emulator } = setup();
    const user = new AbortController();
    const left = how === "aborted" ? { abortSignal: user.signal } : { timeout: 1_000 };
    const call = fal.subscribe(ECHO, { input, cancelOnAbort: false, ...left });
    await call.submitted;
    user.abort();
    const { requestId, cancel } = (await failureOf(call)) as CallAbortedError;
    expect([requestId, await cancel]).toEqual([emulator.jobs[0]?.requestId, "not-sent"]);
    expect((await fal.queue.attach(ECHO, { requestId: requestId ?? "" })).data).toEqual(data);
  },
);

test("a callback that throws costs no result, and a schema that does not match has it on the error", async () => {
  const warnings: string[] = [];
  const { fal } = setup({ logger: { warn: (_, message) => warnings.push(message) } });
  const onQueueUpdate = () => {
    throw new Error("a defect in the user's code");
  };
  expect((await fal.subscribe(ECHO, { input, onQueueUpdate, onEnqueue: onQueueUpdate })).data).toEqual(data);
  expect(new Set(warnings)).toEqual(
    new Set(["The callback onQueueUpdate threw", "The callback onEnqueue threw"]),
  );
  const error = await failureOf(fal.subscribe(ECHO, { input, output: z.object({ image: z.string() }) }));
  expect((error as OutputMismatchError).result).toMatchObject({ data });
});

test("a process that dies once its request is accepted leaves a ticket that the next one can use", async () => {
  const file = join(tempDir(), "store.db");
  const { emulator, clock, fal } = setup({ store: sqliteStore(file) });
  // As if it died: nothing that it asks after the submit is answered.
  fal.config({
    fetch: (input, init) => {
      const request = new Request(input, init);
      return kindOf(request) === "submit" ? emulator.fetch(request) : new Promise(() => {});
    },
  });
  const dying = fal.subscribe(ECHO, { input, cancelOnAbort: false, timeout: 60_000 });
  const death = failureOf(dying);
  await dying.submitted;

  const store = sqliteStore(file);
  const [left] = await store.calls.list({ state: "submitted" });
  const fetch = (...sent: Parameters<typeof globalThis.fetch>) => emulator.fetch(new Request(...sent));
  const next = createFal({ env: ENV, clock, store, fetch });
  const result = await next.queue.attach(ECHO, { requestId: left?.ticket?.requestId ?? "" });
  expect(result.data).toEqual(data);
  expect(await store.calls.get(left?.id ?? "")).toMatchObject({ state: "completed", outcome: { data } });
  expect(emulator.jobs).toHaveLength(1);
  await death;
  await store.close();
});

test("a caller that gives up while its submit is looked up leaves the call in doubt, not closed", async () => {
  const store = memoryStore();
  const { fal, emulator } = setup({ store, emulator: { history: { lagMs: 3_600_000 } } });
  emulator.faults.next("submit", "lost-response");
  const error = await failureOf(fal.subscribe(ECHO, { input, timeout: 5_000 }));
  expect(await (error as CallAbortedError).cancel).toBe("unknown");
  expect(await store.calls.list()).toMatchObject([
    { endpoint: ECHO, state: "ambiguous", doubt: "ECONNRESET" },
  ]);
});
