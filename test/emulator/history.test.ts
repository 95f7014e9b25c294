import { expect, test } from "vitest";
import type { HistorySwitches } from "../../src/emulator/index.ts";
import { echo, type Json, json, type Stage, stage } from "../support/stage.ts";

const PATH = "/api/v1/models/requests/by-endpoint";
const ECHO = "endpoint_id=acme/echo/v1";

const setUp = (history?: Partial<HistorySwitches>) =>
  stage({ models: [echo, { ...echo, id: "acme/other" }], concurrency: 10, ...(history && { history }) });

async function list({ send }: Stage, query: string, headers = {}) {
  const response = await send("GET", `${PATH}?${query}`, { headers });
  expect([query, response.status]).toEqual([query, 200]);
  return (await json(response)) as { items: Json[]; next_cursor: string | null; has_more: boolean };
}
const refusal = async (s: Stage, query: string) => {
  const response = await s.send("GET", `${PATH}?${query}`);
  return [response.status, ((await json(response))["error"] as Json)["type"]];
};

test("a request that ended is told with its times, its status and, if asked, its payloads", async () => {
  const s = setUp();
  const { request_id } = await s.submit("acme/echo/v1", { text: "hi" });
  await s.clock.sleep(20_000);
  const job = s.emulator.job(request_id);
  const row = {
    request_id,
    endpoint_id: "acme/echo/v1",
    sent_at: "2026-01-01T00:00:00.000Z",
    started_at: new Date(job?.startedAt ?? 0).toISOString(),
    ended_at: new Date(job?.completedAt ?? 0).toISOString(),
    status_code: 200,
    duration: 10,
  };
  expect(await list(s, ECHO)).toEqual({ items: [row], next_cursor: null, has_more: false });
  const withPayloads = { ...row, json_input: { text: "hi" }, json_output: job?.result?.body };
  expect((await list(s, `${ECHO}&expand=payloads`)).items).toEqual([withPayloads]);
});

test("one that has not ended is told without an end, and has an input but no output", async () => {
  const s = setUp();
  const { request_id } = await s.submit("acme/echo/v1");
  const { items } = await list(s, `${ECHO}&expand=payloads`);
  const sent_at = "2026-01-01T00:00:00.000Z";
  expect(items).toEqual([
    { request_id, endpoint_id: "acme/echo/v1", sent_at, started_at: sent_at, json_input: {} },
  ]);
});

test("payloads that were not to be stored are left out, and a sync_mode output", async () => {
  const s = setUp();
  await s.submit("acme/echo/v1", { text: "a" }, { "x-fal-store-io": "0" });
  await s.submit("acme/echo/v1", { text: "b", sync_mode: true });
  await s.clock.sleep(20_000);
  const [synchronous, unstored] = (await list(s, `${ECHO}&expand=payloads`)).items;
  expect(synchronous).toMatchObject({ json_input: { text: "b", sync_mode: true } });
  expect(synchronous).not.toHaveProperty("json_output");
  expect(unstored).toMatchObject({ status_code: 200 });
  expect(unstored).not.toHaveProperty("json_input");
  expect(unstored).not.toHaveProperty("json_output");
});

test("a key sees its own account only", async () => {
  const s = setUp();
  await s.submit("acme/echo/v1");
  expect((await list(s, ECHO)).items).toHaveLength(1);
  expect((await list(s, ECHO, { authorization: "Key other:secret" })).items).toHaveLength(0);
});

test("pages follow each other without gap or repeat, though more is sent meanwhile", async () => {
  const s = setUp();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.unshift((await s.submit("acme/echo/v1", { text: `${i}` })).request_id);
  const seen: unknown[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page = await list(s, `${ECHO}&limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    seen.push(...page.items.map((item) => item["request_id"]));
    expect(page.has_more).toBe(page.next_cursor !== null);
    cursor = page.next_cursor;
    await s.clock.sleep(5_000);
    await s.submit("acme/echo/v1", { text: "meanwhile" });
  }
  expect(seen).toEqual(ids);
});

test("it is narrowed by endpoint, id, time and outcome, and sorted as asked", async () => {
  const s = setUp();
  const good = await s.submit("acme/echo/v1");
  await s.clock.sleep(1_000);
  const bad = await s.submit("acme/echo/v1", { text: 7 });
  await s.clock.sleep(1_000);
  const broken = await s.submit("acme/other", { fail: true });
  await s.clock.sleep(30_000);
  const names = { [good.request_id]: "good", [bad.request_id]: "bad", [broken.request_id]: "broken" };
  const found = async (query: string) =>
    (await list(s, query)).items.map((item) => names[String(item["request_id"])]);
  const both = `${ECHO},acme/other`;
  expect(await found(`${ECHO}&endpoint_id=acme%2Fother`)).toEqual(["broken", "bad", "good"]);
  expect(await found(ECHO)).toEqual(["bad", "good"]);
  expect(await found(`${ECHO}&request_id=${good.request_id}`)).toEqual(["good"]);
  expect(await found(`${both}&status=success`)).toEqual(["good"]);
  expect(await found(`${both}&status=user_error`)).toEqual(["bad"]);
  expect(await found(`${both}&status=error`)).toEqual(["broken"]);
  expect(await found(`${both}&sort_by=duration`)).toEqual(["good", "broken", "bad"]);
  expect(await found(`${both}&sort_by=ended_at`)).toEqual(["good", "broken", "bad"]);
  const sent = new Date(s.emulator.job(bad.request_id)?.submittedAt ?? 0).toISOString();
  expect(await found(`${both}&start=${sent}`)).toEqual(["broken", "bad"]);
  expect(await found(`${both}&end=${sent}`)).toEqual(["good"]);
  expect(await found(`${both}&end=2026-01-01`)).toEqual([]);
  await s.clock.advance(24 * 60 * 60_000);
  expect(await found(both)).toEqual([]);
  expect(await found(`${both}&start=2025-12-31`)).toEqual(["broken", "bad", "good"]);
});

test("what makes no sense is refused in the platform's own form", async () => {
  const s = setUp();
  const tooMany = Array.from({ length: 51 }, (_, i) => `a/b${i}`).join(",");
  for (const query of [
    "",
    `endpoint_id=${tooMany}`,
    ...[
      "limit=0",
      "limit=101",
      "limit=x",
      "cursor=x",
      "status=lost",
      "sort_by=name",
      "start=soon",
      "expand=all",
    ].map((one) => `${ECHO}&${one}`),
  ]) {
    expect([query, await refusal(s, query)]).toEqual([query, [400, "validation_error"]]);
  }
  const keyless = await s.send("GET", `${PATH}?${ECHO}`, { anonymous: true });
  expect(keyless.status).toBe(401);
});

test("it can lag, list only what ended, lack payloads, hold defaults, or be forbidden, from one moment to the next", async () => {
  const s = setUp({ lagMs: 3_000 });
  const { history } = s.emulator;
  await s.submit("acme/echo/v1", { unknown: 1 });
  const seen = async () => (await list(s, `${ECHO}&expand=payloads`)).items;
  expect(await seen()).toHaveLength(0);
  await s.clock.sleep(3_000);
  expect(await seen()).toHaveLength(1);
  history.endedOnly = true;
  expect(await seen()).toHaveLength(0);
  await s.clock.sleep(20_000);
  expect(await seen()).toMatchObject([{ json_input: { unknown: 1 } }]);
  history.defaultsFilled = true;
  expect((await seen())[0]?.["json_input"]).toEqual({ unknown: 1, text: "hello", fail: false });
  history.payloads = false;
  expect((await seen())[0]).not.toHaveProperty("json_input");
  history.forbidden = true;
  expect(await refusal(s, ECHO)).toEqual([403, "authorization_error"]);
});
