import { type FalOptions, memoryStore } from "fal-chain";
import { virtualClock } from "fal-chain/emulator";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

/** Calls cost a cent each. */
const CENT = 10_000_000;
const HOUR = 3_600_000;
const client = (options: FalOptions = {}) =>
  setup({ emulator: { models: [echo(), echo({ id: "acme/slow", seconds: 60 })] }, ...options });

const stores = [
  ["memory", () => memoryStore()],
  ["sqlite", () => sqliteStore(`${tempDir()}/calls.db`)],
] as const;

test.each(stores)("every budget says what it has left (%s)", async (_, open) => {
  const store = open();
  onTestFinished(() => store.close());
  const { fal } = client({
    store,
    budget: { usd: 1 },
    budgets: [{ tag: "customer", usd: 0.05, per: "day" }],
  });
  const free = { chargedNanoUsd: 0, reservedNanoUsd: 0 };
  const whole = {
    budget: "client",
    limitNanoUsd: 100 * CENT,
    per: undefined,
    since: undefined,
    until: undefined,
  };
  expect(await fal.budgets()).toEqual([{ ...whole, ...free, leftNanoUsd: 100 * CENT }]);
  // What it loads with its first use takes no time that calls would end in.
  await fal.costs();

  await fal.subscribe(ECHO, { input: {}, tags: { customer: "acme" } });
  const slow = fal.subscribe("acme/slow", { input: {}, tags: { customer: "zoo" } });
  await slow.submitted;
  const chain = fal.chain("one", async () => fal.subscribe("acme/slow", { input: {} }));
  const run = chain.start(undefined, { id: "a/b", budget: { usd: 0.03 } });
  for await (const event of run) if (event.type === "call") break;
  await fal.costs();

  const ofDay = { limitNanoUsd: 5 * CENT, per: "day", leftNanoUsd: 4 * CENT };
  const ofRun = { budget: "run:one/a/b", limitNanoUsd: 3 * CENT, ...free, reservedNanoUsd: CENT };
  expect(await fal.budgets()).toMatchObject([
    { budget: "client", chargedNanoUsd: CENT, reservedNanoUsd: 2 * CENT, leftNanoUsd: 97 * CENT },
    { budget: "tag:customer=acme", ...ofDay, chargedNanoUsd: CENT, reservedNanoUsd: 0 },
    { budget: "tag:customer=zoo", ...ofDay, chargedNanoUsd: 0, reservedNanoUsd: CENT },
    { ...ofRun, leftNanoUsd: 2 * CENT },
  ]);
  const names = async (query: Parameters<typeof fal.budgets>[0]) =>
    (await fal.budgets(query)).map(({ budget }) => budget);
  expect(await names({ tags: { customer: "new" } })).toEqual(["client", "tag:customer=new"]);
  expect(await names({ run: "one/a/b" })).toEqual(["run:one/a/b", "client"]);
  expect(await fal.withTags({ customer: "acme" }, () => names({ tags: {} }))).toEqual([
    "client",
    "tag:customer=acme",
  ]);
  await Promise.all([slow, run]);
  // A run that has ended pays for nothing more.
  expect(await names({})).not.toContain("run:one/a/b");
  await expect(fal.budgets({ run: "one/none" })).rejects.toThrow(/no run "one\/none"/);
});

test("a budget of a day begins anew with the next one", async () => {
  const clock = virtualClock({ start: 23 * HOUR });
  const store = memoryStore({ clock });
  const { fal } = client({ clock, store, budgets: [{ tag: "customer", usd: 1, per: "day" }] });
  const reserve = { budget: "tag:customer=acme", window: 0, limitNanoUsd: 100 * CENT, nanoUsd: CENT };
  const intent = { endpoint: ECHO, body: "{}", queue: "", key: undefined, at: clock.now() };
  const whose = { chain: undefined, run: undefined, step: undefined, jobId: undefined, app: undefined };
  const rest = {
    request: undefined,
    caller: undefined,
    rootRun: undefined,
    rootJob: undefined,
    keyId: undefined,
    account: undefined,
    claimedRoot: undefined,
    markup: undefined,
  };
  const of = { ...whose, ...rest, tags: {}, userTags: {} };
  await store.calls.intend({ id: "1", ...intent, for: of }, { reserve: [reserve] });
  const ask = () => fal.budgets({ tags: { customer: "acme" } });
  expect(await ask()).toMatchObject([{ until: 24 * HOUR, reservedNanoUsd: CENT }]);
  await clock.advance(HOUR);
  expect(await ask()).toMatchObject([{ until: 48 * HOUR, reservedNanoUsd: 0 }]);
  expect(await fal.budgets()).toEqual([]);
});

test("a check says before anything is started whether it will be refused, and with what", async () => {
  const { fal, emulator } = client({ budgets: [{ tag: "customer", usd: 0.025 }] });
  const tags = { customer: "acme" };
  const call = { tags, endpoint: ECHO, input: { n: 1 } };
  expect(await fal.budgets.check(call)).toMatchObject({
    ...{ fits: true, refusal: undefined, expected: { high: CENT } },
    budgets: [{ budget: "tag:customer=acme", leftNanoUsd: 2.5 * CENT }],
  });
  expect(emulator.jobs).toEqual([]);
  expect(await fal.budgets.check({ tags, usd: 0.025 })).toMatchObject({ fits: true });
  const over = await fal.budgets.check({ tags, usd: 0.026 });
  expect(over).toMatchObject({
    ...{ fits: false, refusal: { code: "budget_exceeded", budget: "tag:customer=acme" } },
  });
  // It sets nothing aside, and the calls themselves are held to what is left.
  for (const left of [1.5, 0.5]) {
    await fal.subscribe(ECHO, { input: { n: 1 }, tags });
    await fal.costs();
    expect((await fal.budgets.check(call)).budgets).toMatchObject([{ leftNanoUsd: left * CENT }]);
  }
  const { refusal } = await fal.budgets.check(call);
  const refused = (await failureOf(fal.subscribe(ECHO, { input: { n: 1 }, tags }))) as Error;
  expect(refusal?.message).toBe(refused.message);
  expect(await fal.budgets.check({ ...call, tags: {} })).toMatchObject({ fits: true, budgets: [] });
});

test("a check within a run is held to the run's budget", async () => {
  const { fal } = client();
  const chain = fal.chain("asks", async () => {
    const before = await fal.budgets.check({ usd: 0.02 });
    await fal.subscribe(ECHO, { input: {} });
    const after = await fal.budgets.check({ usd: 0.02 });
    return [before.fits, after.fits, after.budgets[0]?.budget ?? ""];
  });
  const run = chain.start(undefined, { id: "a", budget: { usd: 0.025 } });
  expect(await run).toEqual([true, false, "run:asks/a"]);
});

test("what nobody knows the price of is refused as the call would be", async () => {
  const strict = client({ budget: { usd: 1 } });
  const payment = { endpoint: "acme/unheard-of", input: {} };
  expect(await strict.fal.budgets.check(payment)).toMatchObject({
    ...{ fits: false, expected: { source: "unknown" }, refusal: { code: "unknown_price", budget: "client" } },
  });
  const lenient = client({ budget: { usd: 1, unknownPrice: { assumeUsd: 2 } } });
  expect(await lenient.fal.budgets.check(payment)).toMatchObject({
    refusal: { code: "budget_exceeded", limitNanoUsd: 100 * CENT },
  });
});

test.each([
  [{}, /usd, or the endpoint and the input of a call/],
  [{ usd: 1, endpoint: ECHO }, /one of the two/],
  [{ usd: "1" }, /usd is "1"; it is a number of dollars from 0 up/],
  [{ usd: Number.NaN }, /usd is NaN/],
  [{ usd: 1, tag: {} }, /no option "tag" of budgets.check. Did you mean "tags"/],
])("check(%o) is refused", async (payment, message) => {
  const { fal } = client({ budget: { usd: 1 } });
  await expect(fal.budgets.check(payment as never)).rejects.toThrow(message);
  await expect(fal.budgets({ tagz: {} } as never)).rejects.toThrow(/Did you mean "tags"/);
});

test.each(stores)(
  "what other programs and ended runs were held to is told by the store (%s)",
  async (_, open) => {
    const store = open();
    onTestFinished(() => store.close());
    const theirs = client({
      store,
      budget: { usd: 1, per: "day" },
      budgets: [{ tag: "customer", usd: 0.05 }],
    });
    await theirs.fal.subscribe(ECHO, { input: {}, tags: { customer: "acme" } });
    const id = "a".repeat(300);
    const slow = theirs.fal.chain("one", async () => theirs.fal.subscribe("acme/slow", { input: {} }));
    const open1 = slow.start(undefined, { id, budget: { usd: 0.03 } });
    for await (const event of open1) if (event.type === "call" && event.event.type === "submitted") break;
    const quick = theirs.fal.chain("two", async () => theirs.fal.subscribe(ECHO, { input: {} }));
    await quick.start(undefined, { id: "b", budget: { usd: 0.02 } });
    await theirs.fal.costs();

    const { fal } = client({ store });
    // A name that is too long for an index is the same budget.
    expect(await fal.budgets()).toMatchObject([{ limitNanoUsd: 3 * CENT, reservedNanoUsd: CENT }]);
    const noted = await fal.budgets({ noted: true });
    expect(noted).toHaveLength(4);
    expect(noted.find(({ budget }) => budget === "client")).toMatchObject({
      ...{ limitNanoUsd: 100 * CENT, since: Date.UTC(2026, 0, 1), chargedNanoUsd: 2 * CENT },
    });
    expect(noted.find(({ budget }) => budget === "tag:customer=acme")).toMatchObject({
      ...{ limitNanoUsd: 5 * CENT, since: undefined, chargedNanoUsd: CENT, leftNanoUsd: 4 * CENT },
    });
    expect(noted.find(({ budget }) => budget === "run:two/b")).toMatchObject({
      ...{ limitNanoUsd: 2 * CENT, chargedNanoUsd: CENT, leftNanoUsd: CENT },
    });
    await open1;
  },
);

test("a window that was overshot says by how much, and which call did it", async () => {
  const models = [echo({ id: "acme/dear", units: 5, price: 1 })];
  const { fal } = setup({ emulator: { models }, budget: { usd: 2 } });
  await fal.price("acme/dear");
  await fal.subscribe("acme/dear", { input: {} });
  const [state] = await fal.budgets();
  const [callId] = (await fal.calls.list()).map(({ id }) => id);
  expect(state).toMatchObject({ chargedNanoUsd: 500 * CENT, leftNanoUsd: 0 });
  expect(state?.overshot).toEqual({
    nanoUsd: 300 * CENT,
    calls: [{ callId, endpoint: "acme/dear", reservedNanoUsd: 100 * CENT, chargedNanoUsd: 500 * CENT }],
    why: `call ${callId} to acme/dear was charged $5.00 where $1.00 was set aside`,
  });
  expect(await failureOf(fal.subscribe("acme/dear", { input: {} }))).toMatchObject({
    message: expect.stringContaining("It is overshot by $3.00: fal.budgets(…) says by which calls."),
  });
});
