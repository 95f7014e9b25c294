import {
  createEmulator,
  type EmulatorOptions,
  inProcess,
  type VirtualClock,
  virtualClock,
} from "fal-chain/emulator";
import { expect, test } from "vitest";

const HOUR_MS = 3_600_000;

async function setup({
  clock = virtualClock(),
  ...options
}: EmulatorOptions & { clock?: VirtualClock } = {}) {
  const emulator = createEmulator({ clock, ...options });
  const usage = async (search = "") => {
    const headers = { authorization: "Key id:secret" };
    const reply = await emulator.fetch(
      new Request(`https://api.fal.ai/v1/serverless/usage${search}`, { headers }),
    );
    return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
  };
  return { clock, emulator, usage };
}

test("a runner is billed by the second from its start to its end, within the time that is asked for", async () => {
  const { clock, emulator, usage } = await setup();
  const ended = emulator.runners.started({ app: "ads", environment: "main", usdPerSecond: 0.001 });
  await clock.sleep(90_000);
  ended();
  emulator.runners.started({ app: "ads", environment: "main", usdPerSecond: 0.001 });
  await clock.sleep(10_000);
  ended();
  const { body } = await usage("?expand=summary&bound_to_timeframe=false");
  expect(body).toEqual({
    summary: [
      {
        ...{ app: "ads", environment: "main", machine_type: "S", unit: "second", quantity: 100 },
        ...{
          unit_price: 0.001,
          percent_discount: null,
          cost_subtotal: 0.1,
          cost_discount: 0,
          cost_total: 0.1,
        },
        ...{ cost: 0.1, currency: "USD", is_surge: false },
      },
    ],
    next_cursor: null,
    has_more: false,
  });
  const start = new Date(clock.now() - 20_000).toISOString();
  const late = await usage(`?expand=summary&bound_to_timeframe=false&start=${start}`);
  expect(late.body).toMatchObject({ summary: [{ quantity: 20 }] });
});

test("in time it is told by buckets that add up, page by page, with the discount taken off", async () => {
  const { clock, emulator, usage } = await setup({ billing: { percentDiscount: 10 } });
  emulator.runners.started({ app: "ads", usdPerSecond: 0.01 });
  await clock.sleep(2.5 * HOUR_MS);
  const start = new Date(clock.now() - 10 * HOUR_MS).toISOString();
  type Page = { time_series: { bucket: string; results: { quantity: number; cost_total: number }[] }[] };
  const found: Page["time_series"] = [];
  let cursor = "";
  do {
    const { body } = await usage(`?timeframe=hour&limit=1&start=${start}${cursor}`);
    found.push(...(body as Page).time_series);
    cursor = body["next_cursor"] ? `&cursor=${encodeURIComponent(String(body["next_cursor"]))}` : "";
  } while (cursor !== "");
  const results = found.flatMap((bucket) => bucket.results);
  expect(results.reduce((sum, { quantity }) => sum + quantity, 0)).toBeCloseTo(2.5 * 3600, 6);
  expect(results.reduce((sum, { cost_total }) => sum + cost_total, 0)).toBeCloseTo(81, 6);
  expect(found.map(({ bucket }) => bucket)).toEqual([...new Set(found.map(({ bucket }) => bucket))].sort());
  expect(found.length).toBeGreaterThan(2);
});

test("apps are chosen by name or by a part of it, and the key is an ADMIN key", async () => {
  const { clock, emulator, usage } = await setup();
  for (const app of ["ads", "ads--staging", "router"]) emulator.runners.started({ app });
  await clock.sleep(1_000);
  const apps = async (search: string) => {
    const { body } = await usage(`?expand=summary&bound_to_timeframe=false&${search}`);
    return (body["summary"] as { app: string }[]).map(({ app }) => app);
  };
  expect(await apps("app=ads,router")).toEqual(["ads", "router"]);
  expect(await apps("search=ADS")).toEqual(["ads", "ads--staging"]);
  expect(await apps("app=router&search=ads")).toEqual([]);
  emulator.billing.forbidden = true;
  expect((await usage()).status).toBe(403);
});

test("the runners of the emulator's own apps are billed by themselves, until they are gone", async () => {
  const clock = virtualClock();
  const start = inProcess(() => new Response());
  const broken = inProcess(() => new Response(), { setup: () => Promise.reject(new Error("no disk")) });
  const apps = [
    { id: "acme/ads--staging", start, runners: 2 },
    { id: "acme/broken", start: broken },
  ];
  const { usage } = await setup({ clock, apps });
  await clock.sleep(10_000);
  const { body } = await usage("?expand=summary&bound_to_timeframe=false");
  expect(body["summary"]).toMatchObject([{ app: "ads--staging", environment: "staging", quantity: 20 }]);
});
