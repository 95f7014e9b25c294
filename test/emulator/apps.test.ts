import { expect, test } from "vitest";
import { inProcess } from "../../src/emulator/index.ts";
import { json } from "../support/stage.ts";
import { APP, appStage } from "./app-stage.ts";

test("a request to an app goes to its runner, byte for byte, and its answer is the result", async () => {
  const { send, finish, given, emulator } = appStage(() =>
    Response.json({ url: "a" }, { status: 201, headers: { "x-own": "1", "x-fal-billable-units": "3" } }),
  );
  const body = '{ "n": 1.0,  "big": 12345678901234567890 }';
  const submitted = await json(await send("POST", `/queue/${APP}/generate`, { body }));
  const result = await finish(submitted as never);
  expect(given).toMatchObject([{ method: "POST", path: "/generate", body }]);
  expect(given[0]?.headers.get("x-fal-request-id")).toBe(submitted["request_id"]);
  expect(given[0]?.headers.get("x-fal-endpoint")).toBe(`${APP}/generate/`);
  expect(given[0]?.headers.get("authorization")).toBeNull();
  expect([result.status, result.body]).toEqual([201, { url: "a" }]);
  expect(Object.fromEntries(result.headers)).toMatchObject({
    ...{ "x-own": "1", "x-fal-billable-units": "3", "x-fal-request-id": submitted["request_id"] },
    "x-fal-served-from": emulator.fleets.get(APP)?.runners[0]?.jobId,
  });
});

test("an app is at its own name, and nothing else is", async () => {
  const { submit, finish, given, send } = appStage(() => Response.json({}));
  await finish(await submit(APP));
  expect(given[0]?.path).toBe("/");
  const other = await send("POST", "/queue/id/other", { body: {} });
  expect([other.status, (await json(other))["detail"]]).toEqual([404, expect.stringContaining(APP)]);
});

test.each<[number, Record<string, string>, number]>([
  [200, {}, 7],
  [422, {}, 7],
  [404, { "x-fal-billable-units": "0" }, 0],
  [200, { "x-fal-billable-units": "0.5" }, 0.5],
  [500, {}, 0],
  [502, { "x-fal-billable-units": "2" }, 0],
])("%i with %o costs %d units", async (status, headers, units) => {
  const options = { defaultUnits: 7, price: { unit: "pictures", unitPrice: 0.25 } };
  const { submit, finish, emulator, send } = appStage(
    () => Response.json({ detail: "x" }, { status, headers }),
    options,
  );
  const result = await finish(await submit(APP));
  expect(result.headers.get("x-fal-billable-units")).toBe(String(units));
  expect(emulator.jobs[0]?.billableUnits).toBe(units);
  const bill = await json(await send("GET", "/api/v1/models/billing-events"));
  const costs = (bill["billing_events"] as { cost_total: number }[]).map(({ cost_total }) => cost_total);
  expect(costs).toEqual(units > 0 ? [units * 0.25] : []);
});

test("an answer without a body has none as a result either", async () => {
  const { submit, send, until, emulator } = appStage(() => new Response(null, { status: 205 }));
  const { response_url } = await submit(APP);
  await until(() => emulator.jobs[0]?.state === "COMPLETED");
  expect(await send("GET", response_url)).toMatchObject({ status: 205, body: null });
});

test("what is no answer at all is a runner that is lost", async () => {
  const { submit, finish } = appStage(() => Response.error(), {
    retryConfig: { server_error: { retries: 0 } },
  });
  expect(await finish(await submit(APP))).toMatchObject({ status: 503 });
});

test("an app's own error is the request's, told as fal tells it", async () => {
  const detail = [{ loc: ["body", "n"], msg: "No.", type: "value_error" }];
  const { submit, finish, send } = appStage(() => Response.json({ detail }, { status: 422 }));
  const submitted = await submit(APP);
  expect(await finish(submitted)).toMatchObject({ status: 422, body: { detail } });
  const status = await json(await send("GET", submitted.status_url));
  expect(status).toMatchObject({ status: "COMPLETED", error: "No.", error_type: "value_error" });
});

test("what is no text comes back as it was", async () => {
  const bytes = new Uint8Array([0xff, 0x00, 0xfe, 0x80]);
  const headers = { "content-type": "image/png" };
  const { submit, send, clock } = appStage(() => new Response(bytes, { headers }));
  const { response_url, status_url } = await submit(APP);
  while ((await send("GET", status_url)).status === 202) await clock.sleep(10);
  const result = await send("GET", response_url);
  expect(new Uint8Array(await result.arrayBuffer())).toEqual(bytes);
  expect(result.headers.get("content-type")).toBe("image/png");
});

test("a redirect is given as it is", async () => {
  const headers = { location: "https://elsewhere.test/file" };
  const { submit, finish, given, send } = appStage(() => new Response("{}", { status: 302, headers }));
  const result = await finish(await submit(APP));
  expect([result.status, result.headers.get("location")]).toEqual([302, headers.location]);
  expect((await send("GET", `/run/${APP}`)).headers.get("location")).toBe(headers.location);
  expect(given).toHaveLength(2);
});

test("headers of more than 16 KB together fail the answer", async () => {
  const { submit, finish, emulator } = appStage(async (request) => {
    const { n } = (await request.json()) as { n: number };
    return Response.json({}, { headers: { "x-long": "a".repeat(n) } });
  });
  expect((await finish(await submit(APP, { n: 15_000 }))).status).toBe(200);
  const failed = await finish(await submit(APP, { n: 16_384 }));
  expect([failed.status, failed.body["detail"]]).toEqual([500, expect.stringContaining("16 KB")]);
  expect(emulator.jobs.at(-1)?.attempts).toHaveLength(1);
});

test("an app's requests do not count against the account's concurrency, and wait for its runners instead", async () => {
  let atOnce = 0;
  let most = 0;
  const { submit, finish, emulator } = appStage(
    async (_request, _runner, { clock }) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await clock.sleep(1_000);
      atOnce -= 1;
      return Response.json({});
    },
    { runners: 2, maxMultiplexing: 3 },
  );
  const all = await Promise.all(Array.from({ length: 8 }, () => submit(APP)));
  expect(emulator.fleets.get(APP)?.runners.map(({ requests }) => requests.length)).toEqual([3, 3]);
  await Promise.all(all.map(finish));
  expect(most).toBe(6);
  expect(emulator.fleets.get(APP)?.runners.map(({ requests, state }) => [requests, state])).toEqual([
    [[], "IDLE"],
    [[], "IDLE"],
  ]);
});

test("what a runner writes is in the log of the request that it is about", async () => {
  let write: (text: string) => void = () => {};
  const lines: unknown[] = [];
  const { submit, finish, send, emulator, clock } = appStage(() => Response.json({}), {
    maxMultiplexing: 2,
    start: ({ line, place }) => {
      write = line;
      return inProcess(async () => {
        await clock.sleep(5_000);
        return Response.json({});
      })({ line, place });
    },
  });
  const submitted = await submit(APP);
  await clock.sleep(100);
  write("half way");
  write(JSON.stringify({ msg: "named", request: submitted.request_id }));
  write(JSON.stringify({ msg: "of nobody", request: "r-9" }));
  await finish(submitted);
  const { logs } = await json(await send("GET", `${submitted.status_url}?logs=1`));
  lines.push(...(logs as { message: string }[]).map(({ message }) => message));
  expect(lines).toEqual([
    "half way",
    `{"msg":"named","request":"${submitted.request_id}"}`,
    '{"msg":"of nobody","request":"r-9"}',
  ]);
  expect(emulator.jobs).toHaveLength(1);
});
