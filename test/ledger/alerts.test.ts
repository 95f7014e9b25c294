import { type BudgetAlert, createFal, memoryStore, type OutlierAlert } from "fal-chain";
import { createEmulator, type Model, virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ENV } from "../support/setup.ts";

const HOUR = 3_600_000;
const CENT = 10_000_000;

/** Bills what its input says: a unit is a cent. */
const metered: Model = {
  ...(echo({ id: "acme/metered" }) as Model),
  run: async (input) => ({
    output: {},
    units: ((input) => input.units ?? input.seed ?? 1)(input as { units?: number; seed?: number }),
  }),
};

function world() {
  const clock = virtualClock({ start: 10 * HOUR });
  const emulator = createEmulator({ clock, models: [metered], concurrency: 50 });
  const store = memoryStore({ clock, keepEnded: 1_000 });
  const posted: { url: string; body: unknown }[] = [];
  const warned: string[] = [];
  let refusals = 0;
  const fetch: typeof globalThis.fetch = async (...of) => {
    const request = new Request(...of);
    if (!request.url.startsWith("https://alerts.example")) return emulator.fetch(request);
    if (refusals-- > 0) return new Response("", { status: 503 });
    posted.push({ url: request.url, body: await request.json() });
    return new Response("");
  };
  const client = () =>
    createFal({
      ...{ env: ENV, clock, fetch, store, random: () => 0.5 },
      ...{ units: { "acme/metered": ({ units = 1 }) => units }, budget: { usd: 0.1, per: "day" } },
      logger: { warn: (_, message) => warned.push(message) },
    });
  const refuse = (times: number) => {
    refusals = times;
  };
  return { client, clock, posted, warned, refuse, store };
}

const pay = async (fal: ReturnType<typeof createFal>, units = 1) => {
  await fal.subscribe("acme/metered", { input: { units } });
  await fal.close();
};

test("each part of a budget is told once in its window, whichever client comes upon it", async () => {
  const { client, clock } = world();
  const told: BudgetAlert[] = [];
  const clients = [client(), client()];
  for (const fal of clients) fal.onBudget({ at: [0.9, 0.5], tell: (alert) => void told.push(alert) });
  for (let n = 0; n < 10; n++) await pay(clients[n % 2] as (typeof clients)[0]);
  expect(told.map(({ at, chargedNanoUsd }) => [at, chargedNanoUsd])).toEqual([
    [0.5, 5 * CENT],
    [0.9, 9 * CENT],
  ]);
  expect(told[0]).toMatchObject({
    ...{ type: "budget", budget: "client", window: 0, limitNanoUsd: 10 * CENT, reservedNanoUsd: 0 },
    message: "The budget client has used 50 % of its $0.10: $0.05 charged and $0.00 reserved",
  });
  await clock.advance(24 * HOUR);
  await pay(clients[0] as (typeof clients)[0], 6);
  expect(told.at(-1)).toMatchObject({ at: 0.5, window: 24 * HOUR, chargedNanoUsd: 6 * CENT });
});

test("it goes to the log, or to a webhook of the user's, which is tried three times", async () => {
  const { client, posted, warned, refuse } = world();
  const fal = client();
  fal.onBudget({ at: [0.5] });
  fal.onBudget({ at: [0.5], webhook: "https://alerts.example/fal" });
  refuse(2);
  await pay(fal, 5);
  const message = "The budget client has used 50 % of its $0.10: $0.05 charged and $0.00 reserved";
  expect(warned.filter((line) => line.startsWith("The budget"))).toEqual([message]);
  expect(posted).toMatchObject([{ url: "https://alerts.example/fal", body: { type: "budget", message } }]);
});

test("what takes no alert is logged, and fails no call", async () => {
  const { client, warned, refuse } = world();
  const fal = client();
  fal.onBudget({
    at: [0.1],
    webhook: "https://alerts.example/fal?token=abc",
    tell: () => {
      throw new Error("no");
    },
  });
  refuse(3);
  await pay(fal);
  expect(warned.join("\n")).toMatch(/Who is told of alerts has failed with: The budget client/);
  expect(warned.join("\n")).toMatch(/could not be sent to https:\/\/alerts\.example: The budget client/);
  expect(warned.join("\n")).not.toContain("token");
});

test("what has ended listening is told nothing", async () => {
  const { client } = world();
  const told: unknown[] = [];
  const fal = client();
  const end = fal.onBudget({ at: [0.1], tell: (alert) => void told.push(alert) });
  end();
  await pay(fal);
  expect(told).toEqual([]);
});

test.each([{ at: [] }, { at: [0] }, { at: ["0.5"] }, { at: [0.5], webhook: "no" }, { ats: [1] }])(
  "%o is refused",
  (options) => {
    expect(() =>
      world()
        .client()
        .onBudget(options as never),
    ).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  },
);

test("a call that costs ten times what such calls do is told, once, when others are known", async () => {
  const { client } = world();
  const told: OutlierAlert[] = [];
  const fal = client();
  fal.config({ budget: { usd: 100 } });
  fal.onOutlier({ tell: (alert) => void told.push(alert) });
  // Of one kind: what steers a model makes no other one.
  const call = async (seed: number) => {
    await fal.subscribe("acme/metered", { input: { seed } });
    await fal.close();
  };
  for (let n = 0; n < 5; n++) await call(1);
  await call(9.9);
  expect(told).toEqual([]);
  await call(10);
  const [outlier] = await fal.calls.list({ limit: 1 });
  expect(told).toMatchObject([
    {
      ...{ callId: outlier?.id, run: undefined, of: "acme/metered", count: 6 },
      ...{ nanoUsd: 10 * CENT, usualNanoUsd: CENT },
    },
  ]);
});

test("a run that costs ten times what runs of its chain do is told", async () => {
  const { client } = world();
  const told: OutlierAlert[] = [];
  const fal = client();
  fal.config({ budget: { usd: 100 } });
  fal.onOutlier({ tell: (alert) => void told.push(alert) });
  const film = fal.chain("film", async (frames: number) => {
    for (let n = 0; n < frames; n++) await fal.subscribe("acme/metered", { input: { prompt: `${n}` } });
  });
  for (const id of ["1", "2", "3", "4", "5"]) await film.start(1, { id });
  await film.start(9, { id: "6" });
  await fal.close();
  expect(told).toEqual([]);
  await film.start(10, { id: "7" });
  await fal.close();
  expect(told).toMatchObject([
    {
      ...{ type: "outlier", run: "film/7", callId: undefined, of: "film", count: 6 },
      ...{ nanoUsd: 10 * CENT, usualNanoUsd: CENT },
      message: "The run film/7 cost $0.10, 10 times what runs of film usually cost ($0.01, the median of 6)",
    },
  ]);
});
