import { type CallRecord, createFal, memoryStore } from "fal-chain";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { cases } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { ECHO, ENV, failureOf, setup } from "../support/setup.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FREE = "acme/free";
const REFUSING = "acme/refusing";

const models = [
  echo({ units: 3, price: 0.007 }),
  echo({ id: FREE, units: 0 }),
  { ...echo({ id: REFUSING }), input: z.looseObject({ never: z.never() }) },
];

/** A client with a ledger, and another program that calls with the same key and has a ledger of its own. */
function account(billing: { lagMs?: number; percentDiscount?: number; forbidden?: boolean } = {}) {
  const store = memoryStore();
  const world = setup({ store, emulator: { models, billing } });
  const stranger = createFal({
    env: ENV,
    clock: world.clock,
    fetch: async (input, init) => world.emulator.fetch(new Request(input, init)),
    store: memoryStore(),
  });
  const ledger = (): Promise<CallRecord[]> => store.calls.list({ limit: 1000 });
  return { ...world, stranger, ledger };
}

const idsOf = (calls: readonly { readonly requestId: string }[]) =>
  calls.map(({ requestId }) => requestId).sort();

test("what is on the bill is noted as invoiced, beside what was measured", async () => {
  const { fal, emulator, ledger } = account({ percentDiscount: 10 });
  await fal.subscribe(ECHO, { input: {} });
  await fal.close();
  const [job] = emulator.jobs;
  const [call] = await ledger();
  const match = {
    callId: call?.id,
    requestId: job?.requestId,
    endpoint: ECHO,
    chain: undefined,
    run: undefined,
    invoicedNanoUsd: 18_900_000,
    measuredNanoUsd: 21_000_000,
  };
  const expected = {
    ...{ account: undefined, matched: [match], drift: [match], revised: [] },
    ...{ late: [], missing: [], free: [], elsewhere: [], unseen: [], unreadable: [] },
    ...{ isIncomplete: false, isCut: false },
  };
  expect(await fal.reconcile()).toEqual(expected);
  expect((await ledger())[0]?.cost).toEqual({
    source: "invoiced",
    nanoUsd: 18_900_000,
    units: 3,
    unit: "images",
    unitPriceNanoUsd: 7_000_000,
    subtotalNanoUsd: 21_000_000,
    percentDiscount: 10,
    measuredNanoUsd: 21_000_000,
  });
  // Asked again, it tells the same.
  expect(await fal.reconcile()).toEqual(expected);
});

test("a call from before the time that is asked for is known when it is billed within it", async () => {
  const { fal, clock, ledger } = account();
  const call = fal.subscribe(ECHO, { input: {} });
  await call.submitted;
  const since = clock.now() + 1;
  await call;
  const { matched, unseen } = await fal.reconcile({ since });
  expect(idsOf(matched)).toEqual([(await ledger())[0]?.ticket?.requestId]);
  expect(unseen).toEqual([]);
});

test.each([
  ["that was asked for later", false],
  ["that is asked for first", true],
])("all that a call was billed is its price, also what was billed before the time %s", async (_, first) => {
  const { fal, clock, emulator, ledger } = account();
  const { requestId } = await fal.subscribe(ECHO, { input: {} });
  await fal.close();
  const billedAt = clock.now();
  const parts = [0.004, 0.006].map((cost, hour) => ({
    request_id: requestId,
    endpoint_id: ECHO,
    timestamp: new Date(billedAt + hour * HOUR_MS).toISOString(),
    output_units: 1,
    unit_price: cost,
    cost_total: cost,
  }));
  fal.config({
    fetch: async (...given) => {
      const request = new Request(...given);
      const { pathname, searchParams } = new URL(request.url);
      if (!pathname.endsWith("/billing-events")) return emulator.fetch(request);
      const since = Date.parse(searchParams.get("start") ?? "");
      return Response.json({
        billing_events: parts.filter(({ timestamp }) => Date.parse(timestamp) >= since),
      });
    },
  });
  await clock.sleep(2 * HOUR_MS);
  if (!first) await fal.reconcile();
  const { matched } = await fal.reconcile({ since: billedAt + HOUR_MS / 2 });
  expect(matched).toMatchObject([{ requestId, invoicedNanoUsd: 10_000_000, measuredNanoUsd: 21_000_000 }]);
  expect((await ledger())[0]?.cost).toMatchObject({ source: "invoiced", nanoUsd: 10_000_000, units: 2 });
});

test("of more calls than the limit, the newest are looked for", async () => {
  const { fal, clock } = account({ lagMs: DAY_MS });
  await fal.subscribe(ECHO, { input: { call: 1 } });
  await clock.sleep(1000);
  const { requestId } = await fal.subscribe(ECHO, { input: { call: 2 } });
  const { late, isCut } = await fal.reconcile({ limit: 1 });
  expect(idsOf(late)).toEqual([requestId]);
  expect(isCut).toBe(true);
});

describe("without sense", () => {
  test.each([{ since: "yesterday" }, { since: "90" }, { limit: 0 }, { limit: Number.NaN }])(
    "%o is refused before the bill is read",
    async (options) => {
      const { fal, sent } = account();
      expect(await failureOf(fal.reconcile(options))).toMatchObject({ code: "invalid_argument" });
      expect(sent).toEqual([]);
    },
  );

  test("a key without the ADMIN scope changes nothing in the ledger", async () => {
    const { fal, ledger } = account({ forbidden: true });
    await fal.subscribe(ECHO, { input: {} });
    await fal.close();
    const before = await ledger();
    expect(await failureOf(fal.reconcile())).toMatchObject({ name: "AdminKeyRequiredError" });
    expect(await ledger()).toEqual(before);
  });
});

const act = fc.record({
  who: fc.constantFrom("us", "us", "us", "stranger"),
  what: fc.constantFrom(ECHO, ECHO, FREE, REFUSING),
  thenHours: fc.constantFrom(0, 1, 5, 20),
});

test("ledger and bill add up, whatever was called by whom and however late the bill is", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { maxLength: 8 }),
      fc.constantFrom(0, 3, 30),
      fc.constantFrom(0, 25),
      async (acts, lagHours, percentDiscount) => {
        const lagMs = lagHours * HOUR_MS;
        const { fal, stranger, emulator, clock, ledger } = account({ lagMs, percentDiscount });
        const ours = new Set<string>();
        for (const { who, what, thenHours } of acts) {
          const client = who === "us" ? fal : stranger;
          const call = client.subscribe(what, { input: {} });
          const { requestId } = await call.submitted;
          if (who === "us") ours.add(requestId);
          await call.catch((error) => expect(error).toMatchObject({ status: 422, endpoint: REFUSING }));
          await clock.sleep(thenHours * HOUR_MS);
        }
        await fal.close();

        const check = async () => {
          const now = clock.now();
          const billable = emulator.jobs.filter(({ endpoint }) => endpoint === ECHO);
          const isBilled = ({ completedAt = 0 }) => completedAt + lagMs <= now;
          const isOurs = ({ requestId }: { requestId: string }) => ours.has(requestId);
          const waiting = billable.filter((job) => isOurs(job) && !isBilled(job));
          const isOld = ({ completedAt = 0 }) => now - completedAt >= DAY_MS;

          const found = await fal.reconcile();
          expect(idsOf(found.matched)).toEqual(idsOf(billable.filter((job) => isOurs(job) && isBilled(job))));
          expect(idsOf(found.drift)).toEqual(percentDiscount ? idsOf(found.matched) : []);
          expect(idsOf(found.late)).toEqual(idsOf(waiting.filter((job) => !isOld(job))));
          expect(idsOf(found.missing)).toEqual(idsOf(waiting.filter(isOld)));
          expect(idsOf(found.unseen)).toEqual(idsOf(billable.filter((job) => !isOurs(job) && isBilled(job))));

          const invoiced = (await ledger()).flatMap(({ cost }) =>
            cost?.source === "invoiced" ? [cost.nanoUsd] : [],
          );
          expect(invoiced).toEqual(found.matched.map(() => 21_000_000 * (1 - percentDiscount / 100)));
        };
        await check();
        await clock.sleep(lagMs);
        await check();
      },
    ),
    { numRuns: cases(60) },
  );
});
