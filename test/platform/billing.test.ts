import type { BillingEvent, BillingQuery } from "fal-chain";
import type { EmulatorOptions } from "fal-chain/emulator";
import { describe, expect, test } from "vitest";
import { isThorough } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { json, type Wire } from "../support/wire.ts";

const DAY_MS = 24 * 3_600_000;
const models = [echo({ units: 3, price: 0.007 })];

async function billed(calls: number, options: EmulatorOptions = {}, wire?: Wire) {
  const world = setup({ emulator: { models, ...options }, ...(wire && { wire }) });
  for (let call = 0; call < calls; call++)
    await world.fal.subscribe(ECHO, { input: { call }, tags: { customer: "acme" } });
  const read = async (query?: BillingQuery) => {
    const events: BillingEvent[] = [];
    for await (const event of world.fal.billingEvents(query)) events.push(event);
    return events;
  };
  const asked = () =>
    world.sent.flatMap(({ url }) => (url.includes("/billing-events") ? [new URL(url).searchParams] : []));
  return { ...world, read, asked, ids: world.emulator.jobs.map(({ requestId }) => requestId) };
}

test("events are told in nano-dollars, with the discount taken off", async () => {
  const { read, emulator, ids } = await billed(2, { billing: { percentDiscount: 10 } });
  const events = await read();
  expect(events.map(({ requestId }) => requestId)).toEqual(ids);
  expect(events[0]).toEqual({
    requestId: ids[0],
    endpoint: ECHO,
    at: emulator.jobs[0]?.completedAt,
    units: 3,
    unit: undefined,
    unitPriceNanoUsd: 7_000_000,
    percentDiscount: 10,
    subtotalNanoUsd: 21_000_000,
    nanoUsd: 18_900_000,
    keyId: expect.any(String),
    tags: undefined,
  });
});

test("tags come where they are asked for", async () => {
  const { read } = await billed(1);
  expect(await read({ tagged: true })).toMatchObject([{ tags: { customer: "acme" } }]);
});

test("they are asked for by time, endpoint and request", async () => {
  const { read, clock, ids } = await billed(3);
  expect(await read({ endpoints: ["a/b"] })).toEqual([]);
  expect(
    (await read({ requestIds: [ids[2] ?? "", ids[0] ?? ""] })).map(({ requestId }) => requestId),
  ).toEqual([ids[0], ids[2]]);
  expect(await read({ requestIds: [] })).toEqual([]);
  const until = clock.now() + 1;
  await clock.sleep(2 * DAY_MS);
  expect(await read()).toEqual([]);
  expect(await read({ since: until - DAY_MS, until: new Date(until) })).toHaveLength(3);
  expect(await read({ since: "2020-01-01" })).toHaveLength(3);
});

test("what the platform does not take at once is asked for in parts: 89 days, fifty ids", async () => {
  const { read, asked, clock, ids } = await billed(1);
  const others = Array.from({ length: 120 }, (_, index) => `other-${index}`);
  const events = await read({
    since: clock.now() - 100 * DAY_MS,
    until: clock.now() + 1,
    requestIds: [...others, ...ids, ...ids],
  });
  expect(events).toHaveLength(1);
  const parts = asked().map((search) => search.get("request_id")?.split(",").length);
  expect(parts).toEqual([50, 50, 21, 50, 50, 21]);
  const [first, , , second] = asked();
  expect(first?.get("end")).toBe(second?.get("start"));
  expect(Date.parse(first?.get("end") ?? "") - Date.parse(first?.get("start") ?? "")).toBe(89 * DAY_MS);
});

const ENDLESS: [string, (page: number) => string, number][] = [
  ["comes round again", (page) => `page-${page % 3}`, 4],
  ["does not end", (page) => `page-${page}`, 5_000],
];

test.each(isThorough ? ENDLESS : ENDLESS.slice(0, 1))(
  "a bill that %s is an error, since a part of it is not all",
  { timeout: 60_000 },
  async (problem, cursor, most) => {
    let pages = 0;
    const { fal } = setup({
      wire: () => json({ billing_events: [], next_cursor: cursor(++pages), has_more: true }),
    });
    const read = async () => {
      for await (const _ of fal.billingEvents());
    };
    const message = expect.stringContaining(problem);
    expect(await failureOf(read())).toMatchObject({ name: "MalformedReplyError", message });
    expect(pages).toBe(most);
  },
);

test("what cannot be meant is told as it stands on the bill, and is no cost in the ledger", async () => {
  const wire: Wire = async (request, forward) => {
    const reply = await forward();
    if (!request.url.includes("/billing-events")) return reply;
    return new Response((await reply.text()).replace(/"cost_total":[\d.e-]+/, '"cost_total":1e308'), reply);
  };
  const { fal } = await billed(1, {}, wire);
  const [matched] = (await fal.reconcile()).matched;
  expect(matched?.invoicedNanoUsd).toBe(Number.MAX_SAFE_INTEGER);
  expect((await fal.costs()).total).toMatchObject({
    nanoUsd: 21_000_000,
    bySource: { measured: 21_000_000 },
  });
});

test("pages are followed to the last, and leaving the loop asks for no more", async () => {
  const small: Wire = (request, forward) =>
    request.url.includes("/billing-events")
      ? world.emulator.fetch(new Request(request.url.replace("limit=10000", "limit=2"), request))
      : forward();
  const world = await billed(5, {}, small);
  const { read, fal, asked } = world;
  expect(await read()).toHaveLength(5);
  expect(asked()).toHaveLength(3);
  for await (const event of fal.billingEvents()) {
    expect(event.units).toBe(3);
    break;
  }
  expect(asked()).toHaveLength(4);
});

describe("where the bill cannot be had", () => {
  test("a key without the ADMIN scope is told of, with the cure", async () => {
    const { read, asked } = await billed(1, { billing: { forbidden: true } });
    const error = await failureOf(read());
    expect(error).toMatchObject({
      name: "AdminKeyRequiredError",
      code: "admin_key_required",
      retryable: false,
    });
    expect(String(error)).toMatch(/ADMIN.*FAL_KEY/s);
    expect(asked()).toHaveLength(1);
  });

  test("a bill that reads otherwise is an error, not a bill without money", async () => {
    const event = {
      request_id: "r",
      endpoint_id: ECHO,
      timestamp: "2026-01-01",
      output_units: 1,
      unit_price: 1,
    };
    const { fal } = setup({ wire: () => json({ billing_events: [event] }), retry: { maxRetries: 0 } });
    const read = async () => {
      for await (const _ of fal.billingEvents());
    };
    expect(await failureOf(read())).toMatchObject({ name: "MalformedReplyError" });
  });

  test("a time that is none is an error before anything is asked", async () => {
    const { read, asked } = await billed(0);
    expect(await failureOf(read({ since: "yesterday" }))).toMatchObject({ code: "invalid_argument" });
    expect(asked()).toEqual([]);
  });
});
