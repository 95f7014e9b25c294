import { type AmbiguousSubmitError, memoryStore, type Store } from "fal-chain";
import { fluxSchnell } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { intentOf } from "../support/intents.ts";
import { ECHO, ENV, FLUX, failureOf, type Setup, SMALL, setup } from "../support/setup.ts";
import { instead, json, kindOf, losing, networkError, type Wire } from "../support/wire.ts";

const input = { prompt: "a fox" };
const FROM_ELSEWHERE = "https://queue.fal.run/acme/echo";

/** A request of the same account that this client knows nothing of. */
async function elsewhere({ emulator }: Setup, body: unknown): Promise<string> {
  const headers = { authorization: `Key ${ENV.FAL_KEY}`, "content-type": "application/json" };
  const request = new Request(FROM_ELSEWHERE, { method: "POST", headers, body: JSON.stringify(body) });
  const { request_id } = (await (await emulator.fetch(request)).json()) as { request_id: string };
  return request_id;
}

const posts = ({ sent }: Setup) => sent.filter(({ kind }) => kind === "submit").length;
const lookUps = ({ sent }: Setup) => sent.filter(({ url }) => url.includes("by-endpoint")).length;

test("a submit whose answer is lost is found in history and adopted: one POST, one job, one result", async () => {
  const made = setup({ wire: losing("submit") });
  const result = await made.fal.subscribe(ECHO, { input });
  expect(result.requestId).toBe(made.emulator.jobs[0]?.requestId);
  expect([posts(made), made.emulator.jobs.length]).toEqual([1, 1]);
});

test("history that lags is waited for", async () => {
  const made = setup({ wire: losing("submit"), emulator: { history: { lagMs: 20_000 } } });
  expect((await made.fal.subscribe(ECHO, { input })).requestId).toBe(made.emulator.jobs[0]?.requestId);
  expect(posts(made)).toBe(1);
});

test("where nothing in history matches, it is unseen, and not sent again", async () => {
  const made = setup({ wire: instead("submit", () => networkError("ECONNRESET")) });
  const error = await failureOf(made.fal.subscribe(ECHO, { input }));
  expect(error).toMatchObject({
    code: "ambiguous_submit",
    verdict: "unseen",
    why: "ECONNRESET",
    billed: "unknown",
  });
  expect([posts(made), made.emulator.jobs.length]).toEqual([1, 0]);
});

test("without permission to read history it is unknown, and asked for once only", async () => {
  const made = setup({ wire: losing("submit"), emulator: { history: { forbidden: true } } });
  expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ verdict: "unknown" });
  expect([posts(made), lookUps(made)]).toEqual([1, 1]);
});

test("history without payloads decides nothing", async () => {
  const made = setup({ wire: losing("submit"), emulator: { history: { payloads: false } } });
  const error = await failureOf(made.fal.subscribe(ECHO, { input }));
  expect(error).toMatchObject({
    verdict: "unknown",
    evidence: "history holds 1 requests without their input",
  });
});

test("more matches than calls that could have made them are several, and named", async () => {
  const made = setup({ wire: losing("submit") });
  const theirs = await elsewhere(made, input);
  const error = await failureOf(made.fal.subscribe(ECHO, { input }));
  const [, ours] = made.emulator.jobs;
  expect(error).toMatchObject({ verdict: "several", candidates: [ours?.requestId, theirs] });
  expect(String(error)).toContain(theirs);
});

test("another input is no match", async () => {
  const made = setup({ wire: losing("submit") });
  for (const other of [{ prompt: "a cat" }, {}, { prompt: ["a fox"] }]) await elsewhere(made, other);
  const { requestId } = await made.fal.subscribe(ECHO, { input });
  expect(made.emulator.jobsWith(input)).toMatchObject([{ requestId }]);
});

test("defaults that history fills in are no difference", async () => {
  const made = setup({
    wire: losing("submit"),
    emulator: { models: [fluxSchnell], history: { defaultsFilled: true } },
  });
  const { requestId } = await made.fal.subscribe(FLUX, { input: SMALL });
  expect(made.emulator.jobs).toMatchObject([{ requestId }]);
});

test("history that comes round again decides nothing", async () => {
  const lost = losing("submit");
  const wire: Wire = (request, forward) =>
    request.url.includes("/by-endpoint") ? json({ items: [], next_cursor: "next" }) : lost(request, forward);
  const { fal, emulator } = setup({ wire });
  const error = await failureOf(fal.subscribe(ECHO, { input: {}, ambiguousSubmit: "resubmit-if-unseen" }));
  expect(error).toMatchObject({ verdict: "unknown" });
  expect(emulator.jobs).toHaveLength(1);
});

test("a request in history that does not tell when it was sent may be the one", async () => {
  const lost = losing("submit");
  const wire: Wire = async (request, forward) => {
    const reply = await lost(request, forward);
    if (!request.url.includes("/by-endpoint")) return reply;
    return new Response((await reply.text()).replace(/"sent_at":"[^"]*"/g, '"sent_at":"some day"'), reply);
  };
  const { fal, emulator } = setup({ wire });
  const { requestId } = await fal.subscribe(ECHO, { input: { n: 1 }, ambiguousSubmit: "resubmit-if-unseen" });
  expect(emulator.jobs.map((job) => job.requestId)).toEqual([requestId]);
});

test("every page of history is read", async () => {
  const made = setup({ wire: losing("submit") });
  const call = made.fal.subscribe(ECHO, { input });
  while (made.emulator.jobs.length === 0) await new Promise((resolve) => setImmediate(resolve));
  for (let n = 0; n < 230; n++) await elsewhere(made, { n });
  expect((await call).requestId).toBe(made.emulator.jobs[0]?.requestId);
  expect(lookUps(made)).toBe(3);
});

test("equal calls that were all lost get one request each", async () => {
  const made = setup({ wire: losing("submit") });
  const results = await Promise.all(Array.from({ length: 4 }, () => made.fal.subscribe(ECHO, { input })));
  expect(new Set(results.map(({ requestId }) => requestId)).size).toBe(4);
  expect([posts(made), made.emulator.jobs.length]).toEqual([4, 4]);
});

test("a request that an equal call may still hear of is not taken from it, though its caller has gone", async () => {
  const release = Promise.withResolvers<void>();
  let posted = 0;
  const made = setup({
    wire: async (request, forward) => {
      if (request.method !== "POST") return forward();
      posted += 1;
      // The first is accepted and hears of it late; the second never arrives.
      if (posted > 1) throw networkError("ECONNRESET");
      const reply = await forward();
      await release.promise;
      return reply;
    },
  });
  const first = made.fal.subscribe(ECHO, { input, cancelOnAbort: false, timeout: 1_000 });
  const gaveUp = (await failureOf(first)) as { cancel: Promise<string> };
  const second = await failureOf(made.fal.subscribe(ECHO, { input }));
  expect(second).toMatchObject({ code: "ambiguous_submit", verdict: "several" });
  release.resolve();
  await gaveUp.cancel;
  expect(made.emulator.jobs).toHaveLength(1);
});

test("an equal call that may have made the request counts, however many calls were made since", async () => {
  const store = memoryStore();
  const made = setup({ wire: losing("submit"), store });
  const body = JSON.stringify(input);
  const at = made.clock.now() - 60_000;
  await store.calls.intend(intentOf("under-way", { endpoint: ECHO, body, at }));
  for (let n = 0; n < 10_000; n++) {
    await store.calls.intend(intentOf(`other-${n}`, { endpoint: ECHO, at: at + 1 + (n % 50_000) }));
  }
  expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ verdict: "several" });
});

test("throw does not ask history; resubmit-if-unseen sends again only where nothing was seen", async () => {
  const quiet = setup({ wire: losing("submit"), ambiguousSubmit: "throw" });
  expect(await failureOf(quiet.fal.subscribe(ECHO, { input }))).toMatchObject({ verdict: "not-looked-up" });
  expect(lookUps(quiet)).toBe(0);

  const again = setup({ wire: instead("submit", () => networkError("ECONNRESET"), 1) });
  await again.fal.subscribe(ECHO, { input, ambiguousSubmit: "resubmit-if-unseen" });
  expect([posts(again), again.emulator.jobs.length]).toEqual([2, 1]);

  const seen = setup({ wire: losing("submit", 1) });
  await seen.fal.subscribe(ECHO, { input, ambiguousSubmit: "resubmit-if-unseen" });
  expect([posts(seen), seen.emulator.jobs.length]).toEqual([1, 1]);
});

test("what is submitted again is sent until fal takes it, however often it refuses at first", async () => {
  const made = setup({ ambiguousSubmit: "resubmit" });
  for (const fault of ["lost-response", "429", "503"] as const) made.emulator.faults.next("submit", fault);
  const { requestId } = await made.fal.subscribe(ECHO, { input });
  expect(posts(made)).toBe(4);
  expect(made.emulator.jobs.map((job) => job.requestId).at(-1)).toBe(requestId);
});

test("what was submitted again is in the ledger twice, and each may be paid", async () => {
  const { fal, emulator } = setup({ ambiguousSubmit: "resubmit", budget: { usd: 0.03 } });
  emulator.faults.next("submit", "lost-response");
  const { requestId } = await fal.subscribe(ECHO, { input, tags: { customer: "acme" } });
  await fal.close();
  expect(emulator.jobs).toHaveLength(2);
  expect((await fal.costs()).total).toMatchObject({ nanoUsd: 10_000_000, calls: 2, unknown: 1 });
  expect(await fal.calls.list()).toMatchObject([
    { state: "ambiguous", key: undefined, for: { userTags: { customer: "acme" } } },
    { state: "completed", ticket: { requestId } },
  ]);
  // The one in doubt keeps its part of the budget.
  await fal.subscribe(ECHO, { input });
  expect(await failureOf(fal.subscribe(ECHO, { input }))).toMatchObject({
    chargedNanoUsd: 20_000_000,
    reservedNanoUsd: 10_000_000,
  });
  // A person who finds it can say so.
  const lost = emulator.jobs.find((job) => job.requestId !== requestId);
  const [open] = await fal.calls.list({ state: "ambiguous" });
  await fal.calls.settle(open?.id ?? "", { adopt: lost?.requestId ?? "" });
  await fal.calls.collect(open?.id ?? "");
});

test.each([
  ["fal refuses the second one", {}, 402],
  ["a budget has no room for the second one", { budget: { usd: 0.01 } }, 200],
])("a submit in doubt stays in doubt where %s", async (_, options, status) => {
  let posted = 0;
  const wire: Wire = async (request, forward) => {
    if (kindOf(request) !== "submit" || ++posted < 2) return forward();
    return status === 200 ? forward() : json({ detail: "locked" }, { status });
  };
  const { fal, emulator } = setup({ ambiguousSubmit: "resubmit", wire, ...options });
  emulator.faults.next("submit", "lost-response");
  const error = await failureOf(fal.subscribe(ECHO, { input }));
  expect(error).toMatchObject({ code: "ambiguous_submit", billed: "unknown" });
  expect(String(error)).not.toContain("It was not repeated");
  await fal.close();
  expect(emulator.jobs).toHaveLength(1);
  expect((await fal.costs()).total.unknown).toBe(1);
  expect(await fal.calls.list({ state: "ambiguous" })).toMatchObject([
    { id: (error as AmbiguousSubmitError).callId },
  ]);
});

test("an adopted request is not cancelled by an abort, but by cancel() it is", async () => {
  for (const asked of [false, true]) {
    const made = setup({ wire: losing("submit") });
    const controller = new AbortController();
    const call = made.fal.subscribe(ECHO, { input, abortSignal: controller.signal });
    await call.submitted;
    if (asked) void call.cancel();
    else controller.abort();
    const error = (await failureOf(call)) as { cancel: Promise<string> };
    expect(await error.cancel).toBe(asked ? "requested" : "not-sent");
  }
});

test("giving up in the middle of a look-up leaves it unknown, and nothing behind", async () => {
  const made = setup({ wire: losing("submit"), emulator: { history: { lagMs: 3_600_000 } } });
  const error = await failureOf(made.fal.subscribe(ECHO, { input, timeout: 5_000 }));
  expect(error).toMatchObject({ name: "TimeoutError" });
  expect(await (error as { cancel: Promise<string> }).cancel).toBe("unknown");
  expect(made.clock.sleepers).toBe(0);
});

test("a result that the queue has let go is had from history", async () => {
  const made = setup();
  const first = await made.fal.subscribe(ECHO, { input });
  await made.clock.sleep(2 * 3_600_000);
  await expect(made.fal.queue.result(ECHO, { requestId: first.requestId })).rejects.toMatchObject({
    status: 404,
  });
  const again = await made.fal.queue.attach(ECHO, { requestId: first.requestId });
  expect(again.data).toEqual(first.data);
});

test("the store has the intent before the POST, the request before the call says so, the result before the caller", async () => {
  const notes: string[] = [];
  const memory = memoryStore();
  const noting =
    (name: "intend" | "submitted" | "completed") =>
    async (...args: never[]) => {
      await (memory.calls[name] as (...all: never[]) => Promise<void>)(...args);
      notes.push(name);
    };
  const store: Store = {
    ...memory,
    calls: {
      ...memory.calls,
      intend: noting("intend"),
      submitted: noting("submitted"),
      completed: noting("completed"),
    },
  };
  const wire: Wire = (request, forward) => {
    notes.push(request.method);
    return forward();
  };
  const { fal } = setup({ store, wire });
  await fal.subscribe(ECHO, { input, mode: "polling", onEnqueue: () => notes.push("told") });
  notes.push("had");
  const told = notes.filter((note) => note !== "GET");
  expect(told).toEqual(["intend", "POST", "submitted", "told", "completed", "had"]);
});

test("where the intent cannot be noted, nothing is sent", async () => {
  const memory = memoryStore();
  const full = () => Promise.reject(new Error("the disk is full"));
  const store = { ...memory, calls: { ...memory.calls, intend: full } };
  const made = setup({ store });
  await expect(made.fal.subscribe(ECHO, { input })).rejects.toThrow("the disk is full");
  expect(made.sent).toEqual([]);
});

test("a store that fails after the payment is reported, and the result is delivered", async () => {
  const warned: string[] = [];
  const logger = { warn: (_: object, message: string) => warned.push(message) };
  const broken = () => Promise.reject(new Error("the disk is full"));
  const memory = memoryStore();
  const store = { ...memory, calls: { ...memory.calls, submitted: broken, completed: broken } };
  const { fal } = setup({ store, logger });
  expect((await fal.subscribe(ECHO, { input })).data).toBeDefined();
  expect(warned).toHaveLength(2);
});

test.each([
  ["half an hour", undefined, 30 * 60_000],
  ["what the client says", { maxElapsed: 60_000 }, 61_000],
] as const)(
  "history that cannot be reached is waited for as long as reads are repeated: %s",
  async (_, read, most) => {
    const down: Wire = (request, forward) => {
      if (request.url.includes("by-endpoint")) throw networkError("ECONNREFUSED");
      return losing("submit")(request, forward);
    };
    const made = setup({ wire: down, ...(read && { retry: { read } }) });
    const start = made.clock.now();
    expect(await failureOf(made.fal.subscribe(ECHO, { input }))).toMatchObject({ verdict: "unknown" });
    expect(made.clock.now() - start).toBeLessThanOrEqual(most);
    expect(posts(made)).toBe(1);
  },
);
