import { AmbiguousSubmitError, type CallEvent, type Fal, memoryStore } from "fal-chain";
import { expect, test } from "vitest";
import { processes } from "../support/processes.ts";
import { collect, ECHO, failureOf, setup } from "../support/setup.ts";
import { instead, json, kindOf } from "../support/wire.ts";

const FREE = "completed-with-error";
const BILLED = "completed-with-error; status=422; billableUnits=1";

test("a failure that cost nothing is tried again: each attempt is a call of its own, with a reservation of its own", async () => {
  const store = memoryStore();
  // There is room for one call at a time.
  const { fal, emulator } = setup({ store, budget: { usd: 0.01 } });
  emulator.faults.next("submit", FREE);
  emulator.faults.next({ operation: "submit", nth: 2 }, FREE);
  const call = fal.subscribe(ECHO, { input: { n: 1 }, retry: { attempts: 3 }, tags: { customer: "acme" } });
  const { seen } = await collect(call);
  expect((await call).data).toEqual({ echo: { n: 1 } });

  const states = (await store.calls.list()).map(({ state, unused }) => [state, unused]);
  expect(states).toEqual([
    ["completed", undefined],
    ["failed", "superseded"],
    ["failed", "superseded"],
  ]);
  expect(emulator.jobs.map(({ tags }) => tags["customer"])).toEqual(["acme", "acme", "acme"]);
  const kinds = seen.map(({ type }) => type).filter((type) => type !== "queued" && type !== "running");
  expect(kinds).toEqual(["submitted", "retrying", "submitted", "retrying", "submitted", "completed"]);
  const retrying = seen.filter(
    (event): event is CallEvent & { type: "retrying" } => event.type === "retrying",
  );
  // Chance is a half here, so that the pause is half of 500 ms and then of twice as much.
  expect(retrying).toMatchObject([
    { attempt: 2, pauseMs: 250, error: { status: 500 } },
    { attempt: 3, pauseMs: 500, error: { status: 500 } },
  ]);
  const next = seen[seen.findIndex(({ type }) => type === "retrying") + 1];
  expect((next?.at ?? 0) - (retrying[0]?.at ?? 0)).toBe(250);
  expect((await fal.costs()).total).toMatchObject({ nanoUsd: 10_000_000, calls: 3, unknown: 0 });
});

test("the last attempt's failure is the call's, and without retry there is one attempt", async () => {
  const { fal, emulator } = setup();
  emulator.faults.next("submit", FREE, Infinity);
  expect(await failureOf(fal.subscribe(ECHO, { input: {}, retry: { attempts: 2 } }))).toMatchObject({
    status: 500,
  });
  expect(emulator.jobs).toHaveLength(2);
  await failureOf(fal.subscribe(ECHO, { input: {} }));
  expect(emulator.jobs).toHaveLength(3);
});

test("a call that was refused before it was accepted is tried again where `when` says so", async () => {
  let answers = 0;
  const refuse = () => json({ detail: "No such runner." }, { status: 400 });
  const { fal, emulator } = setup({
    wire: (request, forward) => (kindOf(request) === "submit" && answers++ < 2 ? refuse() : forward()),
  });
  const input = { n: 1 };
  expect(await failureOf(fal.subscribe(ECHO, { input, retry: { attempts: 3 } }))).toMatchObject({
    status: 400,
  });
  const when = (error: { code: string }) => error.code === "api";
  await fal.subscribe(ECHO, { input, retry: { attempts: 2, when } });
  expect([answers, emulator.jobs.length]).toEqual([3, 1]);
});

test("what was, or may have been, billed is never tried again, whatever `when` says", async () => {
  const retry = { attempts: 5, when: () => true };
  for (const fault of [BILLED, "lost-response", "reset-before"] as const) {
    const { fal, emulator } = setup({ ambiguousSubmit: "throw" });
    emulator.faults.next("submit", fault, Infinity);
    const error = await failureOf(fal.subscribe(ECHO, { input: {}, retry }));
    if (fault === BILLED) expect(error).toMatchObject({ billed: true });
    else expect(error).toBeInstanceOf(AmbiguousSubmitError);
    expect(emulator.received.filter(({ method }) => method === "POST")).toHaveLength(1);
  }
  const detail = [{ msg: "No.", loc: ["body", "n"], type: "value_error" }];
  const { fal, emulator } = setup({ wire: instead("result", () => json({ detail }, { status: 422 })) });
  const unknown = await failureOf(fal.subscribe(ECHO, { input: {}, retry }));
  expect(unknown).toMatchObject({ code: "validation", billed: "unknown" });
  expect(emulator.jobs).toHaveLength(1);
});

test("a request that cannot be read is not one that has failed", async () => {
  for (const kind of ["status", "result"] as const) {
    const { fal, emulator } = setup({
      wire: instead(kind, () => json({ detail: "Away." }, { status: 503 })),
      retry: { read: { maxRetries: 2 } },
    });
    const retry = { attempts: 5, when: () => true };
    const call = fal.subscribe(ECHO, { input: {}, mode: "polling", retry });
    expect(await failureOf(call)).toMatchObject({ status: 503, retryable: true });
    expect(emulator.jobs).toHaveLength(1);
  }
});

test("a result that the caller's own schema refuses is paid for, and not tried again", async () => {
  const { fal, emulator } = setup();
  const never = {
    "~standard": { version: 1, vendor: "mine", validate: () => ({ issues: [{ message: "No." }] }) },
  } as const;
  const call = fal.subscribe(ECHO, { input: {}, output: never, retry: { attempts: 3, when: () => true } });
  expect(await failureOf(call)).toMatchObject({ code: "output_mismatch" });
  expect(emulator.jobs).toHaveLength(1);
});

test("a budget, a bad key and who has given up are never tried again", async () => {
  const retry = { attempts: 5, when: () => true };
  const poor = setup({ budget: { usd: 0.001 } });
  expect(await failureOf(poor.fal.subscribe(ECHO, { input: {}, retry }))).toMatchObject({
    code: "budget_exceeded",
  });
  const strange = setup({ wire: instead("submit", () => json({ detail: "Who?" }, { status: 401 })) });
  await failureOf(strange.fal.subscribe(ECHO, { input: {}, retry }));
  expect(strange.sent).toHaveLength(1);
});

test("an abort in the pause ends it at once, and so does the call's timeout", async () => {
  for (const end of ["abort", "cancel", "timeout"] as const) {
    const { fal, emulator, clock, sent } = setup({ retry: { baseDelay: 1_000_000, maxDelay: 1_000_000 } });
    emulator.faults.next("submit", FREE, Infinity);
    const controller = new AbortController();
    const { signal: abortSignal } = controller;
    const timeout = end === "timeout" ? { timeout: 60_000 } : {};
    const call = fal.subscribe(ECHO, { input: {}, retry: { attempts: 3 }, abortSignal, ...timeout });
    const failure = failureOf(call);
    let at = 0;
    for await (const event of call) {
      if (event.type !== "retrying") continue;
      at = clock.now();
      if (end === "abort") controller.abort();
      if (end === "cancel") expect(await call.cancel()).toBe("not-sent");
      break;
    }
    const name = end === "timeout" ? "TimeoutError" : "AbortError";
    expect(await failure).toMatchObject({ name, cancel: expect.any(Promise) });
    if (end !== "timeout") expect(clock.now()).toBe(at);
    await fal.close();
    expect(emulator.jobs).toHaveLength(1);
    expect(sent.filter(({ kind }) => kind === "cancel")).toEqual([]);
    // Nobody waits for a pause that is over.
    expect(clock.sleepers).toBe(0);
  }
});

test("a `when` that throws is told, and the failure is the call's", async () => {
  const warned: string[] = [];
  const { fal, emulator } = setup({ logger: { warn: (_, message) => warned.push(message ?? "") } });
  emulator.faults.next("submit", FREE, Infinity);
  const when = () => {
    throw new Error("a bug");
  };
  expect(await failureOf(fal.subscribe(ECHO, { input: {}, retry: { attempts: 3, when } }))).toMatchObject({
    status: 500,
  });
  expect(warned.join()).toContain("retry.when threw");
  expect(emulator.jobs).toHaveLength(1);
});

test("a file is uploaded once for all attempts", async () => {
  const { fal, emulator } = setup();
  emulator.faults.next("submit", FREE);
  const input = { image_url: new Blob(["a fox"], { type: "image/png" }) };
  await fal.subscribe(ECHO, { input, retry: { attempts: 2 } });
  expect(emulator.received.filter(({ method }) => method === "PUT")).toHaveLength(1);
  expect(emulator.jobs).toHaveLength(2);
});

test("with maxInFlight each attempt waits for its turn, and none keeps a slot", async () => {
  const { fal, emulator } = setup({ maxInFlight: 1 });
  emulator.faults.next("submit", FREE);
  await fal.subscribe(ECHO, { input: {}, retry: { attempts: 2 } });
  await fal.subscribe(ECHO, { input: {} });
  expect(emulator.jobs).toHaveLength(3);
});

test.each([
  [{}, /retry is an object; it is { attempts, when }/],
  [3, /retry is 3; it is/],
  [{ attempts: 0 }, /attempts is 0; it is a whole number from 1 up/],
  [{ attempts: Number.NaN }, /attempts is NaN/],
  [{ attempts: "3" }, /attempts is "3"/],
  [{ attempts: 2, wenn: () => true }, /no option "wenn" of retry. Did you mean "when"/],
  [{ attempts: 2, when: "always" }, /when is "always"; it is a function/],
])("retry: %o is refused before anything is sent", async (retry, message) => {
  const { fal, sent } = setup();
  await expect(fal.subscribe(ECHO, { input: {}, retry } as never)).rejects.toThrow(message);
  expect(sent).toEqual([]);
});

test("a submit takes no retry, and says where it belongs", async () => {
  const { fal, sent } = setup();
  const options = { input: {}, retry: { attempts: 2 } } as never;
  await expect(fal.queue.submit(ECHO, options)).rejects.toThrow(/retry is an option of subscribe/);
  expect(sent).toEqual([]);
});

const retried = (fal: Fal, attempts = 3) =>
  fal.chain("retried", async () => {
    const first = await fal.subscribe(ECHO, { input: { n: 1 }, retry: { attempts } }).then(
      ({ data }) => data,
      (error: { status: number }) => error.status,
    );
    const { data } = await fal.subscribe(ECHO, { input: { n: 2 } });
    return [first, data];
  });

test("within a run a replay gives the last attempt's outcome, and tries nothing again", async () => {
  for (const [failures, outcome] of [
    [2, { echo: { n: 1 } }],
    [3, 500],
  ] as const) {
    const { emulator, start } = processes();
    for (let nth = 1; nth <= failures; nth++) emulator.faults.next({ operation: "submit", nth }, FREE);
    const first = start();
    const run = retried(first.fal).start(undefined, { id: "a" });
    for await (const event of run) {
      if (event.type === "call" && event.event.type === "running" && emulator.jobsWith({ n: 2 }).length > 0)
        break;
    }
    first.kill();
    const again = retried(start().fal).start(undefined, { id: "a" });
    expect(await again).toEqual([outcome, { echo: { n: 2 } }]);
    expect(emulator.jobs).toHaveLength(4);
    expect(await again.total).toMatchObject({ calls: 4, unknown: 0 });
    const failed = (await collect(again)).seen.filter(({ type }) => type === "call-failed");
    expect(failed.length).toBeGreaterThanOrEqual(failures);
  }
});

test("a process that dies between attempts, or within one, leaves those that are left to the next", async () => {
  for (const when of ["retrying", "running"] as const) {
    const { emulator, start } = processes();
    emulator.faults.next("submit", FREE, Infinity);
    const first = start();
    const run = retried(first.fal).start(undefined, { id: "a" });
    let attempts = 0;
    for await (const event of run) {
      if (event.type !== "call") continue;
      if (event.event.type === "submitted") attempts++;
      if (attempts === 2 && event.event.type === when) break;
    }
    first.kill();
    emulator.faults.clear();
    emulator.faults.next("submit", FREE);
    const again = retried(start().fal).start(undefined, { id: "a" });
    const [outcome] = (await again) as [unknown];
    expect(emulator.jobsWith({ n: 1 })).toHaveLength(3);
    expect(outcome).toEqual(500);
  }
});

test("a call that was given up in a pause is given up in a replay too, and not made again", async () => {
  const { emulator, start } = processes();
  emulator.faults.next("submit", FREE, Infinity);
  const chain = (fal: Fal) =>
    fal.chain("given-up", async () => {
      const outcome = await fal
        .subscribe(ECHO, { input: { n: 1 }, retry: { attempts: 3 }, timeout: 20_000 })
        .then(
          () => "done",
          (error: Error) => error.name,
        );
      emulator.faults.clear();
      const { data } = await fal.subscribe(ECHO, { input: { n: 2 } });
      return [outcome, data];
    });
  const long = { retry: { baseDelay: 1_000_000, maxDelay: 1_000_000 } };
  const first = start(long);
  const run = chain(first.fal).start(undefined, { id: "a" });
  for await (const event of run) {
    if (event.type === "call" && event.event.type === "running" && emulator.jobsWith({ n: 2 }).length > 0)
      break;
  }
  first.kill();
  const again = chain(start().fal).start(undefined, { id: "a" });
  expect(await again).toEqual(["TimeoutError", { echo: { n: 2 } }]);
  expect(emulator.jobsWith({ n: 1 })).toHaveLength(1);
  expect(await again.total).toMatchObject({ nanoUsd: 10_000_000, unknown: 0 });
});

test("a run that is let go in a pause goes on with the attempts that are left", async () => {
  const { emulator, start } = processes();
  emulator.faults.next("submit", FREE);
  const first = start();
  const run = retried(first.fal).start(undefined, { id: "a" });
  for await (const event of run) if (event.type === "call" && event.event.type === "retrying") break;
  await run.detach();
  expect(await retried(start().fal).start(undefined, { id: "a" })).toEqual([
    { echo: { n: 1 } },
    { echo: { n: 2 } },
  ]);
  expect(emulator.jobs).toHaveLength(3);
});
