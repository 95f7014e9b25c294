import { AccountLockedError, type Fal } from "fal-chain";
import { expect, test } from "vitest";
import { echo, failing } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { ECHO, failureOf } from "../support/setup.ts";
import { instead, json, kindOf, type Wire } from "../support/wire.ts";

// A failure is a request's own end only where fal's queue says that it failed, or the model answered for it. Whatever else
// says no leaves the call open, and a resumed run collects it.

const SAYS_NO = [401, 402, 403, 404, 405, 408, 409, 413, 418, 423, 429, 451, 500, 501, 502, 503, 504];
const BODIES = [
  { detail: "Internal Server Error" },
  { detail: "Runner disconnected", error_type: "runner_disconnected" },
  { error: { message: "gateway" } },
  { detail: [] },
];

const one = (fal: Fal, endpoint = ECHO) =>
  fal.chain("one", async () => (await fal.subscribe(endpoint, { input: { n: 1 }, mode: "polling" })).data);

const reads = ["status", "result"] as const;

test.each(reads.flatMap((kind) => SAYS_NO.map((status) => [kind, status] as const)))(
  "a %s read that is answered %i is no end: the call is collected, and paid for once",
  async (kind, status) => {
    // What one of them does not know, the other or history does.
    if (status === 404) return;
    for (const body of BODIES) {
      const { emulator, start } = processes();
      const away = start({ wire: instead(kind, () => json(body, { status })), retry: { maxRetries: 2 } });
      const run = one(away.fal).start(undefined, { id: "a" });
      expect(await failureOf(run)).toMatchObject({ billed: "unknown" });
      expect((await away.fal.calls.list())[0]).toMatchObject({ state: "given-up", givenUp: "unread" });
      expect(await one(start().fal).resume("a")).toEqual({ echo: { n: 1 } });
      expect(emulator.jobs).toHaveLength(1);
    }
  },
);

test("what the model answers, or the queue says, is the end, and a replay says so again", async () => {
  const { emulator, start } = processes({ models: [failing()] });
  const first = await failureOf(one(start().fal, "acme/failing").start(undefined, { id: "a" }));
  const later = start();
  expect((await later.fal.calls.list())[0]).toMatchObject({ state: "failed" });
  const again = await failureOf(one(later.fal, "acme/failing").start(undefined, { id: "a" }));
  expect([again, later.sent, emulator.jobs.length]).toEqual([first, [], 1]);
});

test("where the queue says that it failed, a gateway's answer to the result read changes nothing", async () => {
  const wire = instead("result", () => json({ detail: "Payment required" }, { status: 402 }));
  const { emulator, start } = processes({ models: [failing()] });
  const { fal } = start({ wire });
  expect(await failureOf(one(fal, "acme/failing").start(undefined, { id: "a" }))).toMatchObject({
    cause: { status: 402 },
  });
  expect((await fal.calls.list())[0]).toMatchObject({ state: "failed" });
  expect(emulator.jobs).toHaveLength(1);
});

const LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.";

test.each(["submit", "status", "stream", "result"] as const)(
  "a locked account is said by its reason (%s), and a run goes on once it is topped up",
  async (kind) => {
    const { emulator, start } = processes();
    let isLocked = true;
    const wire: Wire = (request, forward) =>
      isLocked && kindOf(request) === kind ? json({ detail: LOCKED }, { status: 403 }) : forward();
    const { fal } = start({ wire });
    const mode = kind === "status" ? "polling" : "auto";
    const chain = fal.chain("one", async () => (await fal.subscribe(ECHO, { input: { n: 1 }, mode })).data);
    const error = await failureOf(chain.start(undefined, { id: "a" }));
    expect(error).toBeInstanceOf(AccountLockedError);
    expect(error).toMatchObject({ code: "account_locked", reason: "Exhausted balance", status: 403 });
    isLocked = false;
    expect(await chain.resume("a")).toEqual({ echo: { n: 1 } });
    expect(emulator.jobs).toHaveLength(1);
  },
);

test.each([
  [403, { message: LOCKED }],
  [403, { error: { message: LOCKED } }],
  [403, { detail: { message: LOCKED } }],
  [403, { error: LOCKED }],
  [403, LOCKED],
  [402, { detail: LOCKED }],
])("wherever the answer has it: %i %o", async (status, body) => {
  const { start } = processes();
  const wire = instead("submit", () => json(body, { status }));
  const error = await failureOf(start({ wire }).fal.subscribe(ECHO, { input: { n: 1 } }));
  expect(error).toMatchObject({ code: "account_locked", reason: "Exhausted balance", billed: false });
});

const NOT_FOUND = () => json({ detail: "Request not found" }, { status: 404 });
const nothingKnown =
  (during: () => boolean): Wire =>
  (request, forward) => {
    if (kindOf(request) === "other") return json({ detail: "Forbidden" }, { status: 403 });
    return during() && kindOf(request) !== "submit" ? NOT_FOUND() : forward();
  };

test("a request that was just accepted cannot be gone: who does not know it yet is asked again", async () => {
  const { emulator, clock, start } = processes();
  const from = clock.now();
  const { fal } = start({ wire: nothingKnown(() => clock.now() < from + 20_000) });
  expect(await one(fal).start(undefined, { id: "a" })).toEqual({ echo: { n: 1 } });
  expect(emulator.jobs).toHaveLength(1);
});

test("one that was seen lately cannot be gone, and one that is old can", async () => {
  const { emulator, clock, start } = processes({ models: [echo({ seconds: 600 })] });
  const from = clock.now();
  const isAway = () => clock.now() > from + 500_000 && clock.now() < from + 505_000;
  const { fal } = start({ wire: nothingKnown(isAway) });
  expect(await one(fal).start(undefined, { id: "a" })).toEqual({ echo: { n: 1 } });

  const away = start({ wire: nothingKnown(() => true) });
  const chain = one(away.fal);
  expect(await failureOf(chain.start(undefined, { id: "b" }))).toMatchObject({ billed: "unknown" });
  expect((await away.fal.calls.list())[0]).toMatchObject({ state: "given-up", givenUp: "unread" });
  await clock.sleep(7 * 60_000);
  expect(await failureOf(chain.resume("b"))).toMatchObject({ status: 404 });
  expect((await away.fal.calls.list())[0]).toMatchObject({ state: "failed" });
  expect(emulator.jobs).toHaveLength(2);
});
