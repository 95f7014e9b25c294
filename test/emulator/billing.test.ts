import { describe, expect, test } from "vitest";
import { type EmulatorOptions, fluxSchnell } from "../../src/emulator/index.ts";
import { bucketOf } from "../../src/emulator/usage.ts";
import { echo, FLUX, type Json, json, stage } from "../support/stage.ts";

const ECHO = "acme/echo/v1";
const HOUR_MS = 3_600_000;

/** A stage with ended requests, and ways to ask what they cost. Two units at 50 cents each. */
async function billed(tags: readonly (string | undefined)[] = [undefined], options: EmulatorOptions = {}) {
  const world = stage({
    models: [echo, { ...fluxSchnell, run: async () => ({ output: {}, units: 3 }) }],
    ...options,
  });
  const call = async (endpoint = ECHO, input: Json = {}, headers: Record<string, string> = {}) =>
    world.finish(await world.submit(endpoint, input, headers));
  for (const tag of tags) await call(ECHO, {}, tag === undefined ? {} : { "x-fal-tags": tag });
  const ask = async (path: string, headers?: Record<string, string>) => {
    const answer = await world.send("GET", `/api/v1/models/${path}`, headers && { headers });
    return { status: answer.status, body: await json(answer) };
  };
  const events = async (query = "") => {
    const { body } = await ask(`billing-events?${query}`);
    return (body["billing_events"] ?? body) as Json[];
  };
  return { ...world, call, ask, events };
}

test("each request that cost something is on the bill, at the time of its end, to the nano-dollar", async () => {
  const { events, call, emulator } = await billed();
  await call(ECHO, { fail: true });
  await call(FLUX, { prompt: "a fox" });
  const [first, , third] = emulator.jobs;
  const event = { percent_discount: 0, cost_discount: 0 };
  expect(await events()).toEqual([
    {
      ...event,
      request_id: first?.requestId,
      endpoint_id: ECHO,
      timestamp: new Date(first?.completedAt ?? 0).toISOString(),
      output_units: 2,
      unit_price: 0.5,
      cost_subtotal: 1,
      cost_total: 1,
      cost_estimate_nano_usd: 1_000_000_000,
    },
    {
      ...event,
      request_id: third?.requestId,
      endpoint_id: FLUX,
      timestamp: new Date(third?.completedAt ?? 0).toISOString(),
      output_units: 3,
      unit_price: 0.003,
      cost_subtotal: 0.009,
      cost_total: 0.009,
      cost_estimate_nano_usd: 9_000_000,
    },
  ]);
});

test("a discount is taken off", async () => {
  const { events } = await billed([undefined], { billing: { percentDiscount: 25 } });
  expect(await events()).toMatchObject([
    {
      percent_discount: 25,
      cost_subtotal: 1,
      cost_discount: 0.25,
      cost_total: 0.75,
      cost_estimate_nano_usd: 75e7,
    },
  ]);
});

test("a failure that is billed all the same is on it", async () => {
  const { events, call, emulator } = await billed([]);
  await call(ECHO, {}, { "x-emulator-fault": "completed-with-error; status=422; billableUnits=1" });
  expect(emulator.jobs[0]?.error).toBeDefined();
  expect(await events()).toMatchObject([{ output_units: 1, cost_total: 0.5 }]);
});

test("a failure of the platform's own is not on it, whatever its answer counts", async () => {
  const { events, call, emulator } = await billed([]);
  await call(ECHO, {}, { "x-emulator-fault": "completed-with-error; status=500; billableUnits=1" });
  expect(emulator.jobs[0]).toMatchObject({ billableUnits: 1 });
  expect(await events()).toEqual([]);
});

test("events are late by as much as the switch says, and their tags by more", async () => {
  const { events, emulator, clock } = await billed(["team=a"], {
    billing: { lagMs: HOUR_MS, tagLagMs: HOUR_MS },
  });
  const seen = async () => [(await events()).length, (await events("source=tagged-billed")).length];
  expect(await seen()).toEqual([0, 0]);
  await clock.sleep(HOUR_MS);
  expect(await seen()).toEqual([1, 0]);
  await clock.sleep(HOUR_MS);
  expect(await seen()).toEqual([1, 1]);
  emulator.billing.lagMs = 5 * HOUR_MS;
  expect(await seen()).toEqual([0, 0]);
});

describe("events can be asked for by", () => {
  test("request, endpoint, key and time", async () => {
    const { events, call, emulator } = await billed();
    await call(FLUX, { prompt: "a fox" });
    await call(ECHO);
    const [first, second, third] = emulator.jobs;
    const ids = async (query: string) => (await events(query)).map((event) => event["request_id"]);
    expect(await ids(`request_id=${first?.requestId},${third?.requestId}`)).toEqual([
      first?.requestId,
      third?.requestId,
    ]);
    expect(await ids(`endpoint_id=${FLUX}`)).toEqual([second?.requestId]);
    expect(await ids("api_key_id=id")).toHaveLength(3);
    expect(await ids("api_key_id=another")).toEqual([]);
    expect(await ids("login_username=ada")).toEqual([]);
    const end = new Date(third?.completedAt ?? 0).toISOString();
    expect(await ids(`end=${end}`)).toEqual([first?.requestId, second?.requestId]);
    expect(await ids(`start=${end}`)).toEqual([third?.requestId]);
  });

  test("tags: any of one key's values, each key, and none", async () => {
    const { events } = await billed(["team=a,env=prod", "team=b,env=prod", "team=a,env=dev", undefined]);
    const tags = async (query: string) =>
      (await events(`source=tagged-billed&${query}`)).map((event) => event["tags"]);
    const [a, b, dev] = [
      { team: "a", env: "prod" },
      { team: "b", env: "prod" },
      { team: "a", env: "dev" },
    ];
    expect(await tags("")).toEqual([a, b, dev, {}]);
    expect(await tags("tag=team=a")).toEqual([a, dev]);
    expect(await tags("tag=team=a&tag=team=b")).toEqual([a, b, dev]);
    expect(await tags("tag=team=a&tag=env=prod")).toEqual([a]);
    expect(await tags("tag=team=(untagged)")).toEqual([{}]);
    expect(await tags("tag=team=(untagged)&tag=team=b")).toEqual([b, {}]);
    expect((await events())[0]).not.toHaveProperty("tags");
  });
});

test("pages neither repeat nor lose an event, even where requests end between them", async () => {
  const { ask, call } = await billed(Array(5).fill(undefined));
  const seen: unknown[] = [];
  let cursor = "";
  do {
    const { body } = await ask(`billing-events?limit=2${cursor}`);
    seen.push(...(body["billing_events"] as Json[]).map((event) => event["request_id"]));
    cursor = body["has_more"] ? `&cursor=${body["next_cursor"]}` : "";
    await call();
  } while (cursor);
  expect([seen.length, new Set(seen).size]).toEqual([5, 5]);
});

test("the bill is for ADMIN keys, and for the account's own", async () => {
  const { ask, send, emulator } = await billed();
  expect((await ask("billing-events", { authorization: "Key other:secret" })).body).toMatchObject({
    billing_events: [],
  });
  emulator.billing.forbidden = true;
  for (const path of ["billing-events", "usage"]) {
    expect(await ask(path)).toMatchObject({ status: 403, body: { error: { type: "authorization_error" } } });
    expect((await send("GET", `/api/v1/models/${path}`, { anonymous: true })).status).toBe(401);
  }
});

test.each([
  "billing-events?limit=0",
  "billing-events?start=yesterday",
  "billing-events?start=2025-01-01&end=2025-06-01",
  "billing-events?source=guessed",
  "billing-events?source=tagged-billed&tag=team",
  "billing-events?tag=team=a",
  "billing-events?cursor=x",
  `billing-events?request_id=${Array(51).fill("r").join()}`,
  "usage?timeframe=year",
  "usage?timezone=Europe/Berlin",
])("%s is refused, saying why", async (path) => {
  const { ask } = await billed([]);
  expect(await ask(path)).toMatchObject({
    status: 400,
    body: { error: { type: "validation_error", message: expect.stringMatching(/^\w+: ./) } },
  });
});

test("usage adds the same events up, by endpoint and by time", async () => {
  const { ask, call, clock } = await billed();
  await call();
  await clock.sleep(HOUR_MS);
  await call(FLUX, { prompt: "a fox" });
  const { body } = await ask("usage?timeframe=hour&expand=time_series,summary");
  const row = { percent_discount: 0, cost_discount: 0, currency: "USD" };
  const echoes = {
    ...row,
    endpoint_id: ECHO,
    unit: "requests",
    quantity: 4,
    unit_price: 0.5,
    cost_subtotal: 2,
    cost_total: 2,
    cost: 2,
  };
  const flux = {
    ...row,
    endpoint_id: FLUX,
    unit: "megapixels",
    quantity: 3,
    unit_price: 0.003,
    cost_subtotal: 0.009,
    cost_total: 0.009,
    cost: 0.009,
  };
  expect(body).toEqual({
    time_series: [
      { bucket: "2026-01-01T00:00:00.000Z", results: [echoes] },
      { bucket: "2026-01-01T01:00:00.000Z", results: [flux] },
    ],
    summary: [echoes, flux],
    next_cursor: null,
    has_more: false,
  });
  const byDefault = (await ask("usage")).body;
  expect(byDefault).toMatchObject({
    time_series: [{ bucket: "2026-01-01T00:00:00.000Z", results: [echoes, flux] }],
  });
  expect(byDefault).not.toHaveProperty("summary");
});

test.each([
  ["minute", "2026-03-01T23:59:00.000Z"],
  ["hour", "2026-03-01T23:00:00.000Z"],
  ["day", "2026-03-01T00:00:00.000Z"],
  // A Sunday belongs to the week that began on the Monday before.
  ["week", "2026-02-23T00:00:00.000Z"],
  ["month", "2026-03-01T00:00:00.000Z"],
] as const)("the %s of a time begins at %s", (timeframe, start) => {
  expect(bucketOf(Date.parse("2026-03-01T23:59:59.999Z"), timeframe)).toBe(start);
});

describe("an estimate", () => {
  const estimate = async ({ send }: Awaited<ReturnType<typeof billed>>, body: unknown) => {
    const answer = await send("POST", "/api/v1/models/pricing/estimate", { body });
    return { status: answer.status, body: await json(answer) };
  };

  test("is units times their price, or calls times what they cost before", async () => {
    const world = await billed();
    expect(
      await estimate(world, {
        estimate_type: "unit_price",
        endpoints: { [FLUX]: { unit_quantity: 5 }, [ECHO]: { unit_quantity: 1 } },
      }),
    ).toEqual({ status: 200, body: { estimate_type: "unit_price", total_cost: 0.515, currency: "USD" } });
    const endpoints = { [ECHO]: { call_quantity: 3 } };
    expect(await estimate(world, { estimate_type: "historical_api_price", endpoints })).toMatchObject({
      body: { total_cost: 3 },
    });
  });

  test("of what is not known, or not asked as documented, is refused", async () => {
    const world = await billed();
    const unknown = { estimate_type: "unit_price", endpoints: { "a/b": { unit_quantity: 1 } } };
    expect(await estimate(world, unknown)).toMatchObject({
      status: 404,
      body: { error: { type: "not_found" } },
    });
    const mixed = { estimate_type: "unit_price", endpoints: { [ECHO]: { call_quantity: 1 } } };
    for (const bad of [mixed, {}, "x"]) {
      expect(await estimate(world, bad)).toMatchObject({
        status: 400,
        body: { error: { type: "validation_error" } },
      });
    }
  });
});
