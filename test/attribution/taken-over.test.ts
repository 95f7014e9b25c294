import type { Fal, Logger } from "fal-chain";
import { expect, test } from "vitest";
import { processes } from "../support/processes.ts";
import { ECHO, failureOf } from "../support/setup.ts";
import { world } from "./support.ts";

/** Whoever goes on with a run makes its calls for whom it was started, and for nobody else. */

const request = (id: string, more: Record<string, string> = {}) =>
  new Headers({ "x-fal-request-id": id, ...more });

/** Two calls, and between them what it dies of. */
const poster = (fal: Fal, dies: boolean, endpoint = ECHO) =>
  fal.chain("poster", async () => {
    await fal.subscribe(endpoint, { input: { n: 1 } });
    if (dies) throw new Error("a bug");
    await fal.subscribe(endpoint, { input: { n: 2 } });
  });

test("a run that somebody else resumes keeps its tags and its request", async () => {
  const { start, store } = processes();
  const [ours, theirs] = [start().fal, start().fal];
  await ours.withTags({ customer: "acme" }, () =>
    ours.withRequest(request("req-acme"), () => failureOf(poster(ours, true).start(undefined, { id: "1" }))),
  );
  await theirs.withTags({ customer: "zoo", team: "ops" }, () =>
    theirs.withRequest(request("req-zoo"), () => poster(theirs, false).resume("1")),
  );
  for (const call of await store.calls.list()) {
    expect(call).toMatchObject({
      for: { userTags: { customer: "acme" }, request: "req-acme", chain: "poster" },
    });
  }
  expect(await store.calls.list()).toHaveLength(2);
});

test("its customer's budget holds for whoever goes on with it", async () => {
  const { start, emulator } = processes();
  const budgets = [{ tag: "customer", usd: 0.015, per: "day" }] as const;
  const [ours, theirs] = [start({ budgets }).fal, start({ budgets }).fal];
  await ours.withTags({ customer: "acme" }, () =>
    failureOf(poster(ours, true).start(undefined, { id: "1" })),
  );
  expect(await failureOf(poster(theirs, false).resume("1"))).toMatchObject({ code: "budget_exceeded" });
  expect(emulator.jobs).toHaveLength(1);
});

test("a run that was noted, or an inner run by itself, is executed for whom it was noted", async () => {
  const { start, store } = processes();
  const { fal } = start();
  await fal.withTags({ customer: "acme" }, () =>
    fal.withRequest(request("req-acme"), () => fal.runs.add("poster", undefined, { id: "noted" })),
  );
  expect(await fal.runs.get("poster", "noted")).toMatchObject({ tags: { customer: "acme" } });
  await poster(start().fal, false).start(undefined, { id: "noted" });
  expect((await store.calls.list())[0]?.for).toMatchObject({
    userTags: { customer: "acme" },
    request: "req-acme",
  });

  // Both runs are left behind before the inner one made a call, and the inner one is resumed first.
  const asleep = Promise.withResolvers<void>();
  const within = (fal: Fal, sleeps: boolean) => {
    const inner = fal.chain("inner", async () => {
      await fal.step("think", async () => (sleeps ? asleep.promise : undefined));
      await fal.subscribe(ECHO, { input: {} });
    });
    return { inner, outer: fal.chain("outer", async () => void (await inner.start())) };
  };
  const dying = start();
  void within(dying.fal, true).outer.start(undefined, { id: "a", tags: { customer: "zoo" } });
  const inner = "outer/a#1";
  await expect.poll(() => store.runs.get("inner", inner)).toBeDefined();
  dying.kill();
  await within(start().fal, false).inner.resume(inner);
  expect((await store.calls.list({ chain: "inner" }))[0]?.for).toMatchObject({
    userTags: { customer: "zoo" },
    rootRun: "outer/a",
  });
});

test("what another caller lent or said goes on with no run but its own", async () => {
  const { client, emulator, store } = world();
  const env = { FAL_KEY: "acme:x", FAL_USER_NICKNAME: "acme", FAL_JOB_ID: "job-1" };
  const [ours, theirs] = [client("acme", { env }), client("acme", { env: { ...env, FAL_JOB_ID: "job-2" } })];
  const said = (root: string, trace: string, token: string) => ({
    "x-fal-caller-user-id": "acme",
    "x-fal-cdn-token": token,
    baggage: `fal-chain.root-run=${root}`,
    traceparent: `00-${trace.repeat(32)}-${"1".repeat(16)}-01`,
  });
  await ours.withRequest(request("r1", said("film%2F1", "a", "token-1")), () =>
    failureOf(poster(ours, true, "acme/own").start(undefined, { id: "1" })),
  );
  await theirs.withRequest(request("r2", said("film%2F2", "b", "token-2")), () =>
    poster(theirs, false, "acme/own").resume("1"),
  );
  const [first, second] = emulator.jobs.map(({ headers }) => headers);
  expect(first?.["x-fal-cdn-token"]).toBe("token-1");
  expect(second?.["x-fal-cdn-token"]).toBeUndefined();
  for (const headers of [first, second]) {
    expect(headers?.["traceparent"]).toContain("a".repeat(32));
    expect(headers?.["baggage"]).toContain("root-run=film%2F1");
  }
  expect((await store.calls.list()).map(({ for: { rootRun } }) => rootRun)).toEqual(["film/1", "film/1"]);
});

test("a request that fal sends to another runner has its token still", async () => {
  const { client, emulator } = world();
  const env = { FAL_KEY: "acme:x", FAL_USER_NICKNAME: "acme", FAL_APP_NAME: "acme/a" };
  const incoming = request("r1", { "x-fal-cdn-token": "t", "x-fal-caller-user-id": "customer" });
  let n = 0;
  for (const job of ["job-1", "job-2"]) {
    const fal = client("acme", { env: { ...env, FAL_JOB_ID: job } });
    const answer = fal.handle(incoming, async () => {
      await fal.subscribe("acme/own", { input: { n: 0 } });
      if (n++ === 0) throw new Error("the runner died");
      await fal.subscribe("acme/own", { input: { n: 1 } });
    });
    await Promise.resolve(answer).catch(() => {});
  }
  expect(emulator.jobs.map(({ headers }) => headers["x-fal-cdn-token"])).toEqual(["t", "t"]);
});

test("a run that has the id of a forgotten one is a part of what started it, not of what started that one", async () => {
  const { start, store } = processes();
  const { fal } = start();
  const inner = fal.chain("inner", async () => void (await fal.subscribe(ECHO, { input: {} })));
  const outer = fal.chain("outer", async () => void (await inner.start(undefined, { id: "x" })));
  await outer.start(undefined, { id: "first" });
  await fal.runs.forget("inner", "x");
  await outer.start(undefined, { id: "second" });
  expect((await store.calls.list()).map(({ for: { rootRun } }) => rootRun)).toEqual([
    "outer/second",
    "outer/first",
  ]);
});

test("a call that is settled by somebody in a request of their own is logged for whom it was made", async () => {
  const { start, emulator } = processes();
  const lines: object[] = [];
  const logger: Logger = { info: (line) => void lines.push(line), warn() {}, error() {} };
  const { fal } = start({ logger, ambiguousSubmit: "throw" });
  emulator.faults.next("submit", "lost-response");
  await fal.withRequest(request("in-1"), () => failureOf(fal.subscribe(ECHO, { input: {} })));
  const [call] = await fal.calls.list();
  lines.length = 0;
  await fal.withRequest(request("in-2"), async () => {
    const { call: again } = await fal.calls.settle(call?.id ?? "", "resubmit");
    await again;
  });
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toMatchObject({ request: "in-1" });
});
