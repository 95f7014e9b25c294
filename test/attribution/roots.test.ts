import { type CallRecord, type Fal, memoryStore } from "fal-chain";
import { expect, test } from "vitest";
import { type Handler, world } from "./support.ts";

/** `acme/a` calls `acme/b`, which calls a model of somebody else's twice. */
const A: Handler = async (fal, request) => {
  await fal.handle(request, () => fal.subscribe("acme/b", { input: {} }));
  return undefined;
};
const B: Handler = async (fal, request) => {
  await fal.handle(request, () =>
    Promise.all([1, 2].map((n) => fal.subscribe("other/model", { input: { n } }))),
  );
  return undefined;
};

async function bill(fal: Fal, requestIds?: readonly string[]): Promise<number> {
  let nanoUsd = 0;
  for await (const event of fal.billingEvents(requestIds && { requestIds })) nanoUsd += event.nanoUsd;
  return nanoUsd;
}

const costOf = (calls: readonly CallRecord[]): number =>
  calls.reduce((sum, { cost }) => sum + (cost && "nanoUsd" in cost ? cost.nanoUsd : Number.NaN), 0);

test("a chain through several apps adds up to what fal bills for it", async () => {
  const { client, store } = world({ "acme/a": A, "acme/b": B });
  const customer = client("customer", { store: memoryStore() });
  const ids = await Promise.all(
    [1, 2, 3].map(async () => (await customer.subscribe("acme/a", { input: {} })).requestId),
  );
  const acme = client("acme");
  for (const id of ids) {
    const calls = await acme.calls.list({ rootRun: `acme/a/${id}` });
    expect(calls.map(({ endpoint, for: { app, rootJob } }) => [endpoint, app, rootJob]).sort()).toEqual([
      ["acme/b", "acme/a", "job-a"],
      ["other/model", "acme/b", "job-a"],
      ["other/model", "acme/b", "job-a"],
    ]);
    const requests = calls.flatMap(({ ticket }) => (ticket ? [ticket.requestId] : []));
    expect(costOf(calls)).toBe(120_000_000);
    expect(costOf(calls)).toBe(await bill(acme, requests));
  }
  const all = await store.calls.list({ rootJob: "job-a" });
  expect(costOf(all)).toBe(await bill(acme));
});

test("what runs within a run is a part of it, in the apps that it calls too", async () => {
  const { client, store } = world({ "acme/b": B });
  const fal = client("acme");
  const inner = fal.chain("inner", async () => {
    await fal.subscribe("acme/b", { input: {} });
  });
  const outer = fal.chain("outer", async () => inner.start());
  await outer.start(undefined, { id: "order, 7 ü" });
  await fal.close();
  const calls = await store.calls.list();
  expect(
    calls.map(({ for: { rootRun, rootJob, claimedRoot } }) => ({ rootRun, rootJob, claimedRoot })),
  ).toEqual(
    Array.from({ length: 3 }, () => ({
      rootRun: "outer/order, 7 ü",
      rootJob: undefined,
      claimedRoot: undefined,
    })),
  );
});

test("a name that is too long for a header is the same in every app, and is found by itself", async () => {
  const { client, store } = world({ "acme/b": B });
  const fal = client("acme");
  const long = fal.chain("long", async () => {
    await fal.subscribe("acme/b", { input: {} });
  });
  const idOf = (end: string) => `${"\u{1f98a}\n".repeat(300)}${end}`;
  for (const end of ["a", "b"]) await long.start(undefined, { id: idOf(end) });
  await fal.close();
  const roots = (await store.calls.list()).map(({ for: { rootRun } }) => rootRun);
  expect(roots).toHaveLength(6);
  expect(new Set(roots).size).toBe(2);
  const rootRun = `long/${idOf("a")}`;
  expect(await fal.calls.list({ rootRun })).toHaveLength(3);
  expect((await fal.costs({ rootRun })).total).toMatchObject({ calls: 3 });
});

const TRACE = "0af7651916cd43dd8448eb211c80319c";
/** What a caller of `acme/b` may send to be taken for a part of somebody else's run. */
const FORGED = {
  baggage: "fal-chain.root-run=poster%2Forder-1,fal-chain.root-job=job-9",
  traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
  "x-fal-caller-user-id": "acme",
  "x-fal-request-id": "in-1",
};

test("what a stranger claims is kept as a claim, and counts for nothing", async () => {
  const { client, store, emulator } = world({ "acme/a": A, "acme/b": B });
  const stranger = client("stranger", { store: memoryStore(), env: { FAL_KEY: "stranger:x" } });
  await stranger.subscribe("acme/a", { input: {}, headers: FORGED });
  expect(await store.calls.list({ rootRun: "poster/order-1" })).toEqual([]);
  expect(await store.calls.list({ rootJob: "job-9" })).toEqual([]);
  const [own] = await store.calls.list({ endpoint: "acme/b" });
  expect(own?.for).toMatchObject({ claimedRoot: "poster/order-1", rootJob: "job-a" });
  expect(own?.for.rootRun).toBe(`acme/a/${emulator.jobs[0]?.requestId}`);
  expect(own?.for.request).not.toBe("in-1");
  expect(emulator.jobs.find(({ endpoint }) => endpoint === "acme/b")?.headers["traceparent"]).not.toContain(
    TRACE,
  );
});

test.each<[string, Record<string, string>, readonly string[], boolean]>([
  ["in a runner, a caller of our own account", { FAL_USER_NICKNAME: "acme", FAL_JOB_ID: "j" }, [], true],
  ["in a runner, a caller that is listed", { FAL_JOB_ID: "j" }, ["acme"], true],
  ["in a runner, anybody else", { FAL_USER_NICKNAME: "others", FAL_JOB_ID: "j" }, [], false],
  ["in a runner, where nothing says who we are", { FAL_JOB_ID: "j" }, [], false],
  ["outside of fal, where anybody can send that", { FAL_USER_NICKNAME: "acme" }, ["acme"], false],
])("%s", async (_, env, ownAccounts, believed) => {
  const { client, store } = world();
  const fal = client("acme", { env: { FAL_KEY: "acme:x", ...env }, ownAccounts });
  await fal.withRequest({ headers: FORGED }, () => fal.subscribe("other/model", { input: {} }));
  const [call] = await store.calls.list();
  expect(call?.for).toMatchObject(
    believed
      ? { rootRun: "poster/order-1", rootJob: "job-9", claimedRoot: undefined }
      : { rootRun: undefined, rootJob: env["FAL_JOB_ID"], claimedRoot: "poster/order-1" },
  );
});

test.each([
  ["fal-chain.root-run=%E0%A4%A,fal-chain.root-job="],
  [`fal-chain.root-run=${"x".repeat(257)}`],
  ["fal-chain.root-run=a%00b"],
  ["fal-chain.root-run=a%1B%5B31m"],
])("what can be no root is no claim either: %s", async (baggage) => {
  const { client, store } = world();
  const fal = client("acme");
  await fal.withRequest({ headers: { ...FORGED, baggage } }, () =>
    fal.subscribe("other/model", { input: {} }),
  );
  expect((await store.calls.list())[0]?.for.claimedRoot).toBeUndefined();
});

test("a call that is submitted again by hand is a part of what it was", async () => {
  const { client, store, emulator, clock } = world();
  const fal = client("acme", { env: { FAL_KEY: "acme:x", FAL_USER_NICKNAME: "acme", FAL_JOB_ID: "j" } });
  emulator.faults.next({ operation: "submit" }, "reset-before");
  const call = fal.withRequest({ headers: FORGED }, () =>
    fal.subscribe("acme/own", { input: {}, ambiguousSubmit: "throw" }),
  );
  await expect(call).rejects.toMatchObject({ code: "ambiguous_submit" });
  const [lost] = await store.calls.list();
  await clock.sleep(16 * 60_000);
  const { call: again } = await fal.calls.settle(lost?.id ?? "", "resubmit");
  await again;
  expect((await store.calls.list())[0]?.for).toMatchObject({ rootRun: "poster/order-1", rootJob: "job-9" });
  expect(emulator.jobs.at(-1)?.headers["baggage"]).toBe(`${FORGED.baggage},fal-chain.root-caller=acme`);
});

test("a run that is resumed elsewhere stays a part of what it was made for", async () => {
  const { client, store, emulator } = world();
  const env = { FAL_KEY: "acme:x", FAL_USER_NICKNAME: "acme", FAL_JOB_ID: "job-1" };
  const chainOf = (fal: Fal, fails: boolean) =>
    fal.chain("inner", async () => {
      await fal.subscribe("other/model", { input: { n: 1 } });
      if (fails) throw new Error("out of memory");
      await fal.subscribe("acme/own", { input: { n: 2 } });
    });
  const first = client("acme", { env });
  const run = first.withRequest({ headers: FORGED }, () =>
    chainOf(first, true).start(undefined, { id: "1" }),
  );
  await expect(run).rejects.toThrow("out of memory");
  await chainOf(client("acme", { env: { ...env, FAL_JOB_ID: "job-2" } }), false).resume("1");
  const calls = await store.calls.list({ rootRun: "poster/order-1", rootJob: "job-9" });
  expect(calls.map(({ endpoint, for: { jobId } }) => [endpoint, jobId])).toEqual([
    ["acme/own", "job-2"],
    ["other/model", "job-1"],
  ]);
  expect(emulator.jobs.at(-1)?.headers["baggage"]).toBe(`${FORGED.baggage},fal-chain.root-caller=acme`);
});
