import { type CallRecord, createFal, memoryStore, type SavedError, type Store } from "fal-chain";
import { describe, expect, test } from "vitest";
import { intentOf } from "../support/intents.ts";
import { billing, type LiveBill, liveBill, liveRow } from "../support/live-bill.ts";
import { echo } from "../support/models.ts";
import { collect, ECHO, KEY, setup } from "../support/setup.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const models = [echo({ units: 3, price: 0.007 })];

function account(bill: LiveBill, store: Store = memoryStore()) {
  const world = setup({ store, emulator: { models }, wire: billing(bill) });
  const call = async (tags = {}): Promise<string> =>
    (await world.fal.subscribe(ECHO, { input: {}, tags })).requestId;
  const ledger = async (): Promise<Map<string | undefined, CallRecord>> =>
    new Map((await store.calls.list({ limit: 1000 })).map((call) => [call.ticket?.requestId, call]));
  return { ...world, call, ledger, store };
}

const idsOf = (calls: readonly { readonly requestId: string | undefined }[]) =>
  calls.map(({ requestId }) => requestId).sort();

test("a row without units, price and discount is booked for its amount", async () => {
  const bill = liveBill();
  const { fal, call, clock, ledger } = account(bill);
  const requestId = await call();
  bill.rows = [liveRow(requestId, clock.now(), 0.5)];
  const { matched, unreadable } = await fal.reconcile();
  expect(matched).toMatchObject([{ requestId, invoicedNanoUsd: 500_000_000 }]);
  expect(unreadable).toEqual([]);
  const { cost } = (await ledger()).get(requestId) ?? {};
  expect(cost).toMatchObject({ source: "invoiced", nanoUsd: 500_000_000, subtotalNanoUsd: 500_000_000 });
  expect(cost).not.toHaveProperty("units");
});

test("rows that cannot be read are told one by one, and the others are booked", async () => {
  const bill = liveBill();
  const { fal, call, clock } = account(bill);
  const [good, noAmount, noTime] = [await call(), await call(), await call()] as const;
  const at = clock.now();
  bill.rows = [
    liveRow(good, at, 0.021),
    { ...liveRow(noAmount, at, 0), cost_total: null, cost_estimate_nano_usd: null },
    { ...liveRow(noTime, at, 1), timestamp: "soon" },
    null,
  ];
  await clock.sleep(2 * DAY_MS);
  const { matched, unreadable, missing } = await fal.reconcile();
  expect(idsOf(matched)).toEqual([good]);
  expect(unreadable).toEqual([
    { requestId: noAmount, problem: "has no amount" },
    { requestId: noTime, problem: "has no usable timestamp" },
    { requestId: undefined, problem: "has no usable fields" },
  ]);
  // They are on the bill, whatever it says of them.
  expect(missing).toEqual([]);
});

test("a request that comes to less than nothing is told, and its cost stays as it was", async () => {
  const bill = liveBill();
  const { fal, call, clock } = account(bill);
  const requestId = await call();
  bill.rows = [liveRow(requestId, clock.now(), 0.02), liveRow(requestId, clock.now(), -0.05)];
  const { unreadable } = await fal.reconcile();
  expect(unreadable).toEqual([{ requestId, problem: "comes to -$0.03, which no request costs" }]);
  expect((await fal.costs()).total).toMatchObject({
    nanoUsd: 21_000_000,
    bySource: { measured: 21_000_000 },
  });
});

test("an amount in nano-dollars alone is an amount", async () => {
  const bill = liveBill();
  const { fal, call, clock } = account(bill);
  const row = liveRow(await call(), clock.now(), 0);
  bill.rows = [{ ...row, cost_total: null, cost_estimate_nano_usd: 45_000_000 }];
  expect((await fal.reconcile()).matched).toMatchObject([{ invoicedNanoUsd: 45_000_000 }]);
});

describe("a bill of several pages that changes while it is read", () => {
  test("is read up to when it was asked for", async () => {
    const bill = liveBill();
    const { fal, clock, sent } = account(bill);
    await fal.reconcile();
    const asked = sent.filter(({ url }) => url.includes("billing-events"));
    expect(asked.map(({ url }) => new URL(url).searchParams.get("end"))).toEqual([
      new Date(clock.now() + 1).toISOString(),
    ]);
  });

  test("counts a row that moves to the next page once, and a charge in two parts twice", async () => {
    const bill = liveBill({ pageRows: 2 });
    const { fal, call, clock } = account(bill);
    const ids = [await call(), await call(), await call()] as const;
    const at = clock.now();
    bill.rows = [
      ...ids.map((id, n) => liveRow(id, at - n * 1000, 0.021)),
      liveRow(ids[0], at - 10_000, 0.004),
    ];
    bill.beforePage = (page) => {
      // One comes in late, before all others, and moves them on by one.
      if (page === 1) bill.rows.push(liveRow("somebody-else", at, 9));
    };
    const { matched } = await fal.reconcile();
    const invoiced = new Map(matched.map((call) => [call.requestId, call.invoicedNanoUsd]));
    expect(invoiced).toEqual(
      new Map([
        [ids[0], 25_000_000],
        [ids[1], 21_000_000],
        [ids[2], 21_000_000],
      ]),
    );
  });

  test("finds by its name what moved to a page that was read before", async () => {
    const bill = liveBill({ pageRows: 2 });
    const { fal, call, clock } = account(bill);
    const ids = [await call(), await call(), await call()];
    const at = clock.now();
    const rows = ids.map((id, n) => liveRow(id, at - n * 1000, 0.021));
    bill.rows = rows;
    bill.beforePage = (page) => {
      if (page === 1) bill.rows = rows.slice(1);
      if (page === 2) bill.rows = rows;
    };
    await clock.sleep(2 * DAY_MS);
    const { matched, missing } = await fal.reconcile();
    expect(idsOf(matched)).toEqual([...ids].sort());
    expect(missing).toEqual([]);
  });

  test("gives the rows one by one without repeating any", async () => {
    const bill = liveBill({ pageRows: 2 });
    const { fal, clock } = account(bill);
    const at = clock.now();
    bill.rows = ["a", "b", "c", "a"].map((id, n) => liveRow(id, at - n * 1000, 1));
    bill.beforePage = (page) => {
      if (page === 1) bill.rows.push(liveRow("late", at, 9));
    };
    const events = (await collect(fal.billingEvents())).seen;
    expect(idsOf(events)).toEqual(["a", "a", "b", "c"]);
  });
});

describe("a bill that says that there is more, and not where", () => {
  test("is said to be incomplete, and what is not on it is asked for by name", async () => {
    const bill = liveBill({ pageRows: 1, losesCursor: true });
    const { fal, call, clock } = account(bill);
    const ids = [await call(), await call(), await call()] as const;
    const at = clock.now();
    bill.rows = [liveRow(ids[0], at, 0.021), liveRow(ids[1], at - 1000, 0.021)];
    await clock.sleep(2 * DAY_MS);
    const { matched, missing, isIncomplete } = await fal.reconcile();
    expect(isIncomplete).toBe(true);
    expect([idsOf(matched), idsOf(missing)]).toEqual([[ids[0], ids[1]], [ids[2]]]);
  });

  test("has nothing missing, and no part of a price, where that cannot be read to its end either", async () => {
    const bill = liveBill({ pageRows: 1, losesCursor: true });
    const { fal, call, clock } = account(bill);
    const ids = [await call(), await call()] as const;
    bill.rows = [liveRow(ids[0], clock.now(), 0.02), liveRow(ids[0], clock.now() - 1, 0.001)];
    await clock.sleep(2 * DAY_MS);
    const { matched, missing, late, isIncomplete } = await fal.reconcile();
    expect(isIncomplete).toBe(true);
    expect([matched, missing, late]).toEqual([[], [], []]);
    expect((await fal.costs()).total.bySource.measured).toBe(42_000_000);
  });

  test("is an error in a loop, since a part of it is not all", async () => {
    const bill = liveBill({ pageRows: 1, losesCursor: true });
    const { fal, clock } = account(bill);
    bill.rows = [liveRow("a", clock.now(), 1), liveRow("b", clock.now(), 1)];
    expect(String((await collect(fal.billingEvents())).error)).toContain("incomplete");
  });
});

test("what changes on the bill later is revised: a late part, and what is given back", async () => {
  const bill = liveBill();
  const { fal, call, clock, ledger } = account(bill);
  const requestId = await call();
  const at = clock.now();
  const costs: unknown[] = [];
  for (const usd of [0.02, 0.03, -0.05]) {
    bill.rows.push(liveRow(requestId, clock.now(), usd));
    const { revised } = await fal.reconcile({ since: at - 1 });
    costs.push([revised[0]?.invoicedBeforeNanoUsd, (await ledger()).get(requestId)?.cost?.source]);
    expect((await fal.costs()).total.nanoUsd).toBe(
      Math.round(
        bill.rows.reduce((sum: number, row) => sum + (row as { cost_total: number }).cost_total, 0) * 1e9,
      ),
    );
    await clock.sleep(HOUR_MS);
  }
  expect(costs).toEqual([
    [undefined, "invoiced"],
    [20_000_000, "invoiced"],
    [50_000_000, "invoiced"],
  ]);
});

test("a failure that never comes onto the bill is noted as free", async () => {
  const bill = liveBill();
  const { fal, clock, store } = account(bill);
  await store.calls.intend(intentOf("a", { at: clock.now() }));
  await store.calls.submitted(
    "a",
    { endpoint: ECHO, requestId: "r1", queue: "https://queue.fal.run" },
    clock.now(),
  );
  await store.calls.failed("a", DOUBTFUL, clock.now());
  expect((await fal.reconcile()).free).toEqual([]);
  expect((await fal.costs()).total.unknown).toBe(1);
  await clock.sleep(2 * DAY_MS);
  expect((await fal.reconcile()).free).toMatchObject([{ callId: "a" }]);
  expect((await fal.costs()).total).toMatchObject({ nanoUsd: 0, unknown: 0 });
  // It comes after all.
  bill.rows = [liveRow("r1", clock.now(), 0.5)];
  await fal.reconcile();
  expect((await fal.costs()).total.nanoUsd).toBe(500_000_000);
});

const DOUBTFUL: SavedError = {
  ...{ name: "ApiError", code: "api", message: "no", status: 422 },
  ...{ retryable: false, billed: "unknown" },
};

describe("a store that two accounts share", () => {
  async function shared() {
    const ours = liveBill({ account: "acme", keyIds: ["k3y-id-0a1b2c"] });
    const theirs = liveBill({ account: "other", keyIds: ["their-key"] });
    const { fal, call, clock, store, emulator, ledger } = account(ours);
    const wire = billing(theirs);
    const other = createFal({
      env: { FAL_KEY: "their-key:their-secret" },
      clock,
      store,
      fetch: async (...given) => {
        const request = new Request(...given);
        return wire(request, () => emulator.fetch(request));
      },
    });
    const mine = await call();
    const { requestId: yours } = await other.subscribe(ECHO, { input: {} });
    await fal.close();
    await other.close();
    return { ours, theirs, fal, other, clock, store, mine, yours, ledger };
  }

  test("has the key of each call, and never its secret", async () => {
    const { store, ledger, mine, yours } = await shared();
    const calls = await ledger();
    expect(calls.get(mine)?.for.keyId).toBe("k3y-id-0a1b2c");
    expect(calls.get(yours)?.for.keyId).toBe("their-key");
    expect(JSON.stringify(await store.calls.list())).not.toContain(KEY.split(":")[1]);
    expect(JSON.stringify(await store.calls.list())).not.toContain("their-secret");
  });

  test("misses on each bill only that account's calls", async () => {
    const { fal, other, clock, mine, yours } = await shared();
    await clock.sleep(2 * DAY_MS);
    const [us, them] = [await fal.reconcile(), await other.reconcile()];
    expect([idsOf(us.missing), idsOf(us.elsewhere)]).toEqual([[mine], [yours]]);
    expect([idsOf(them.missing), idsOf(them.elsewhere)]).toEqual([[yours], [mine]]);
  });

  test("notes whose bill a call is on", async () => {
    const { ours, theirs, fal, other, clock, mine, yours } = await shared();
    ours.rows = [liveRow(mine, clock.now(), 0.25)];
    theirs.rows = [liveRow(yours, clock.now(), 0.75)];
    expect((await fal.reconcile()).account).toBe("acme");
    await other.reconcile();
    const { rows } = await fal.costs({ by: ["account"] });
    expect(rows.map(({ key, nanoUsd }) => [key["account"], nanoUsd])).toEqual([
      ["other", 750_000_000],
      ["acme", 250_000_000],
    ]);
    expect((await fal.costs({ account: "acme" })).total.nanoUsd).toBe(250_000_000);
    expect((await fal.costs({ keyId: "their-key" })).total.nanoUsd).toBe(750_000_000);
  });
});

test("a part of the bill is compared with the calls that it is about", async () => {
  const bill = liveBill();
  const { fal, call, clock } = account(bill);
  const [acme, globex] = [
    await call({ customer: "Acme, Inc." }),
    await call({ customer: "globex" }),
  ] as const;
  const at = clock.now();
  const auth = (api_key_id: string) => ({ auth_method_structured: { detail: "Key 1", api_key_id } });
  bill.rows = [
    liveRow(acme, at, 0.021, { tags: { customer: "Acme%2C Inc." }, ...auth("k3y-id-0a1b2c") }),
    liveRow("else", at, 0.021, { tags: { customer: "globex" }, ...auth("old-key") }),
  ];
  await clock.sleep(2 * DAY_MS);
  const byTag = await fal.reconcile({ tags: { customer: "Acme, Inc." } });
  expect([idsOf(byTag.matched), idsOf(byTag.missing), idsOf(byTag.unseen)]).toEqual([[acme], [], []]);
  const other = await fal.reconcile({ tags: { customer: "globex" } });
  expect([idsOf(other.matched), idsOf(other.missing), idsOf(other.unseen)]).toEqual([[], [globex], ["else"]]);
  const byKey = await fal.reconcile({ keyIds: ["old-key"] });
  expect([idsOf(byKey.matched), idsOf(byKey.missing), idsOf(byKey.unseen)]).toEqual([[], [], ["else"]]);
});

test("a call that was measured as costing nothing is not missing", async () => {
  const { fal, clock } = setup({
    store: memoryStore(),
    emulator: { models: [echo({ units: 5, price: 0 })] },
    wire: billing(liveBill()),
  });
  await fal.subscribe(ECHO, { input: {} });
  await fal.close();
  await clock.sleep(2 * DAY_MS);
  expect((await fal.reconcile()).missing).toEqual([]);
});
