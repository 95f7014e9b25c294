import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFal, type Fal } from "fal-chain";
import { afterAll, expect, test } from "vitest";
import { ECHO, failureOf, KEY, setup } from "../support/setup.ts";

const dir = mkdtempSync(join(tmpdir(), "fal-chain-options-"));
afterAll(() => rmSync(dir, { recursive: true }));

test.each([
  [{ timeout: Number.NaN }, /timeout is NaN; it is a number of milliseconds/],
  [{ timeout: "90s" }, /timeout is "90s"/],
  [{ timeout: -5 }, /timeout is -5/],
  [{ pollInterval: -1 }, /pollInterval is -1/],
  [{ pollInterval: Number.NaN, mode: "polling" }, /pollInterval is NaN/],
  [{ idleTimeout: "1" }, /idleTimeout is "1"/],
  [{ startTimeout: "5" }, /startTimeout is "5"; it is in seconds/],
  [{ startTimeout: Number.POSITIVE_INFINITY }, /startTimeout is Infinity/],
  [{ pollIntervall: 500 }, /no option "pollIntervall". Did you mean "pollInterval"/],
  [{ webhookURL: "https://a.test" }, /no option "webhookURL". Did you mean "webhookUrl"/],
  [{ constructor: 1 }, /no option "constructor"/],
  [{ mode: "stream" }, /mode is "stream"; it is one of auto, streaming, polling./],
  [{ priority: "urgent" }, /priority is "urgent"; it is one of low, normal/],
  [{ tags: "acme" }, /tags is "acme"; it is an object of names/],
  [{ tags: ["acme"] }, /tags is an array/],
  [{ headers: new Headers({ a: "b" }) }, /headers is an object; it is an object of names/],
  [{ step: 5 }, /step is 5; it is a text/],
  [{ onChange: "repay" }, /onChange is "repay"; it is one of rerun, reuse/],
  [{ logs: "yes" }, /logs is "yes"; it is true or false/],
  [{ cancelOnAbort: "no" }, /cancelOnAbort is "no"/],
  [{ abortSignal: {} }, /abortSignal is an object; it is an AbortSignal/],
  [{ onQueueUpdate: "log" }, /onQueueUpdate is "log"; it is a function/],
  [{ output: {} }, /output is an object; it is a Standard Schema/],
  [{ webhookUrl: "ftp://a.test" }, /webhookUrl is a text of 12 characters; it is an http\(s\) URL/],
  [{ storageSettings: { expiresIn: "2h" } }, /expiresIn is "2h"; it is never, immediate, 1h/],
  [{ storageSettings: { expires: 5 } }, /no option "expires" of storageSettings. Did you mean "expiresIn"/],
  [{ ambiguousSubmit: "retry" }, /ambiguousSubmit is "retry"; it is one of look-up/],
])("an option that cannot be meant is refused before anything is sent: %o", async (options, message) => {
  const { fal, sent } = setup();
  const wrong = { input: {}, ...options } as never;
  await expect(fal.subscribe(ECHO, wrong)).rejects.toThrow(message);
  await expect(fal.queue.submit(ECHO, wrong)).rejects.toThrow(message);
  expect(sent).toEqual([]);
});

test.each([null, undefined, [], "fast"])("options that are none are refused: %o", async (options) => {
  const { fal, sent } = setup();
  await expect((async () => fal.subscribe(ECHO, options as never))()).rejects.toThrow(/they are an object/);
  await expect(fal.queue.submit(ECHO, options as never)).rejects.toThrow(/they are an object/);
  expect(sent).toEqual([]);
});

test.each([undefined, 5, "../cancel"])(
  "a request id that cannot be one is refused: %o",
  async (requestId) => {
    const { fal, sent } = setup();
    await expect(fal.queue.status(ECHO, { requestId } as never)).rejects.toThrow(/is not a request id/);
    expect(sent).toEqual([]);
  },
);

test.each<[name: string, use: (fal: Fal) => unknown, message: RegExp]>([
  [
    "step",
    (fal) => fal.step("s", Promise.resolve(1) as never),
    /is a promise, which has begun already; it is a func/,
  ],
  [
    "branch",
    (fal) => fal.branch("b", undefined as never),
    /What a branch does is undefined; it is a function/,
  ],
  ["map", (fal) => fal.map([1], 5 as never), /What map does with an item is 5/],
  ["fallback", (fal) => fal.fallback([5 as never]), /An attempt of fallback is 5/],
  ["an empty fallback", (fal) => fal.fallback([] as never), /at least one/],
  ["withTags", (fal) => fal.withTags("acme" as never, () => 1), /tags is "acme"; it is an object/],
  [
    "events",
    (fal) =>
      fal
        .chain("inner", () => 1)
        .start()
        .events({ from: -1 }),
    /from is -1; it is a whole number/,
  ],
])("what %s takes is checked", async (_, use, message) => {
  const { fal } = setup();
  const error = await failureOf(fal.chain("one", async () => void (await use(fal))).start());
  expect(error).toMatchObject({ code: "invalid_argument", message: expect.stringMatching(message) });
});

test("a wait for a status is held to the same", async () => {
  const { fal } = setup();
  const wrong = { requestId: "r1", timeout: "90s" } as never;
  await expect(fal.queue.subscribeToStatus(ECHO, wrong)).rejects.toThrow(/timeout is "90s"/);
});

test("no timeout can be said", async () => {
  const { fal } = setup();
  await expect(fal.subscribe(ECHO, { input: {}, timeout: Number.POSITIVE_INFINITY })).resolves.toBeDefined();
});

test.each([
  [{ maxInFlight: "2" }, /maxInFlight is "2"; it is a number from 1 up/],
  [{ stroe: "memory" }, /no option "stroe" of the client. Did you mean "store"/],
  [{ retry: "no" }, /retry is "no"/],
  [{ retry: { maxRetries: -1 } }, /maxRetries is -1; it is a whole number from 0 up/],
  [{ retry: { read: { retries: 5 } } }, /no option "retries" of retry.read/],
  [{ lease: { leaseMs: "30s" } }, /leaseMs is "30s"; it is a number of milliseconds/],
  [{ lease: { leaseMs: 1 } }, /leaseMs is 1; it is a number of milliseconds from 100 up/],
  [{ requireRun: "false" }, /requireRun is "false"; it is true or false/],
  [{ logger: () => {} }, /logger is a function; it is an object with a function warn/],
  [{ fetch: "undici" }, /fetch is "undici"; it is a function/],
  [{ webhooks: "https://a.test" }, /webhooks is a text/],
  [{ webhooks: { url: "a.test" } }, /url is "a.test"; it is an http\(s\) URL/],
  [{ budgets: { tag: "customer", usd: 5 } }, /budgets is an object; it is an array/],
  [{ clock: {} }, /clock is an object; it is an object with functions now and sleep/],
  [{ credentials: 5 }, /credentials is 5; it is a key, or a function/],
  [{ proxyUrl: "localhost:3000/fal" }, /proxyUrl is a text of 18 characters; it is the address of a proxy/],
  [
    { proxyUrl: { url: "/fal", when: "page" } },
    /when is "page"; it is one of browser, always, or a function/,
  ],
  [{ requestMiddleware: {} }, /requestMiddleware is an object; it is a function/],
  [{ responseHandler: "log" }, /responseHandler is "log"; it is a function/],
  [{ retry: { retryableStatusCodes: ["429"] } }, /retryableStatusCodes is an array; it is an array of HTTP/],
])("an option of the client that cannot be meant is refused at once: %o", (options, message) => {
  expect(() => createFal(options as never)).toThrow(message);
  expect(() => createFal().config(options as never)).toThrow(message);
});

test("what may be a key in the wrong place is not shown", () => {
  expect(() => createFal({ ambiguousSubmit: KEY } as never)).toThrow(/is a text of \d+ characters/);
  expect(() => createFal({ [KEY]: true } as never)).toThrow(/with a name of \d+ characters/);
});

test.each([
  [{ ID: "order-1" }, /no option "ID" of start. Did you mean "id"/],
  [{ abortSignal: 1 }, /abortSignal is 1/],
  [{ onDiverge: "ask" }, /onDiverge is "ask"; it is one of throw, pay/],
  [{ tags: ["acme"] }, /tags is an array/],
])("a run is not started with %o", (options, message) => {
  const { fal, sent } = setup();
  const chain = fal.chain("c", async (_: { n: number }) => 1);
  expect(() => chain.start({ n: 1 }, options as never)).toThrow(message);
  expect(sent).toEqual([]);
});

test("options in the place of an input that there is none of are refused: their id would be lost", async () => {
  const { fal } = setup();
  const noInput = fal.chain("nightly", async (_?: object) => fal.step("s", () => 1));
  const without = fal.chain("plain", async () => 1);
  expect(() => without.start({ id: "2026-11-26" } as never)).toThrow(/start\(undefined, \{ … \}\)/);
  expect(() => without.start({ id: "x", tags: { a: "b" } } as never)).toThrow(
    /\{ id, tags \} reads like options/,
  );
  await expect(without.start({ id: "x" } as never, {})).resolves.toBe(1);
  await expect(noInput.start({ id: "x" })).resolves.toBe(1);
});

test("a question that cannot be meant is refused, and times are as people write them", async () => {
  const { fal, clock } = setup();
  await fal.subscribe(ECHO, { input: {} });
  await expect(fal.calls.list({ stat: "failed" } as never)).rejects.toThrow(/Did you mean "state"/);
  await expect(fal.calls.list({ state: "done" as never })).rejects.toThrow(/state is "done"; it is one of/);
  await expect(fal.calls.list({ since: "yesterday" })).rejects.toThrow(/"yesterday" is not a time/);
  await expect(fal.runs.list({ state: "interrupted" as never })).rejects.toThrow(/state is "interrupted"/);
  await expect(fal.costs({ by: "endpoint" as never })).rejects.toThrow(/by is "endpoint"; it is an array/);
  await expect(fal.costs({ tag: "a" } as never)).rejects.toThrow(/no option "tag" of costs/);
  expect(await fal.calls.list({ since: "1h" })).toHaveLength(1);
  expect(await fal.calls.list({ until: new Date(clock.now() - 60_000) })).toHaveLength(0);
});

test("a store can be given by its name, and is closed with the client", async () => {
  const store = `sqlite:${join(dir, "calls.db")}`;
  const { fal } = setup({ store });
  const { requestId } = await fal.subscribe(ECHO, { input: {} });
  await fal.close();
  const later = createFal({ env: {}, store });
  expect(await later.calls.list()).toMatchObject([{ ticket: { requestId } }]);
  await later.close();
});

test("a text that names no store is refused with the names that there are", async () => {
  const { fal, sent } = setup({ store: "sqllite:calls" });
  expect(String(await failureOf(fal.subscribe(ECHO, { input: {} })))).toMatch(
    /store is not the name.*sqlite:PATH/,
  );
  expect(sent).toEqual([]);
});
