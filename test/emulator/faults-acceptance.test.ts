import { expect, test } from "vitest";
import type { FaultText } from "../../src/emulator/index.ts";
import { echo, json, type Stage, stage } from "../support/stage.ts";

const ECHO = "acme/echo/v1";
const submitted = ({ send }: Stage) => send("POST", `/queue/${ECHO}`, { body: { text: "a fox" } });

const reset = { name: "TypeError", message: "fetch failed", cause: { code: "ECONNRESET" } };
const hangUp = { name: "TypeError", message: "fetch failed", cause: { code: "UND_ERR_SOCKET" } };

test.each<[FaultText, number, object]>([
  ["lost-response", 1, reset],
  ["lost-response; how=hang-up", 1, hangUp],
  ["reset-before", 0, reset],
  ["reset-before; how=hang-up", 0, hangUp],
  ["refused", 0, { name: "TypeError", message: "fetch failed", cause: { code: "ECONNREFUSED" } }],
])(
  "a submit that meets %s fails as Node's fetch does, and leaves %i jobs behind",
  async (fault, jobs, error) => {
    const s = stage({ models: [echo] });
    s.emulator.faults.next("submit", fault);
    await expect(submitted(s)).rejects.toMatchObject(error);
    expect(s.emulator.jobs).toHaveLength(jobs);
  },
);

test.each<[FaultText, number, number]>([
  ["429", 429, 0],
  ["503", 503, 0],
  ["503; accepted=true", 503, 1],
  ["503; page=true; accepted=true", 503, 1],
  ["502", 502, 0],
  ["502; accepted=true", 502, 1],
  ["504", 504, 0],
  ["504; accepted=true", 504, 1],
  ["redirect", 307, 0],
  ["not-json", 200, 1],
  ["empty", 200, 1],
  ["truncated", 200, 1],
  ["slow-headers", 200, 1],
  ["completed-with-error", 200, 1],
])("a submit that meets %s gets a %i and leaves %i jobs behind", async (fault, status, jobs) => {
  const s = stage({ models: [echo] });
  s.emulator.faults.next("submit", fault);
  expect((await submitted(s)).status).toBe(status);
  expect(s.emulator.jobs).toHaveLength(jobs);
});

test("what was accepted and lost runs, is billed, and shows up as a double charge when it is sent again", async () => {
  const s = stage({ models: [echo] });
  s.emulator.faults.next("submit", "lost-response");
  await expect(submitted(s)).rejects.toThrow("fetch failed");
  await submitted(s);
  await s.submit(ECHO, { text: "another" });
  await s.clock.sleep(60_000);
  const charged = s.emulator.jobsWith({ text: "a fox" });
  expect(charged.map(({ billableUnits }) => billableUnits)).toEqual([2, 2]);
  expect(s.emulator.jobsWith({ text: "a fox" }, "acme/other")).toEqual([]);
  expect(s.emulator.received.map(({ fault }) => fault)).toEqual([
    { name: "lost-response" },
    undefined,
    undefined,
  ]);
});

test("a proxy's page has none of fal's headers, unless the accepted request is to be named", async () => {
  const s = stage({ models: [echo] });
  for (const fault of ["502; accepted=true", "503; page=true", "504"] as const)
    s.emulator.faults.next("submit", fault);
  for (let i = 0; i < 3; i++) {
    const page = await submitted(s);
    expect([...page.headers.keys()].filter((name) => name.startsWith("x-"))).toEqual([]);
    expect(page.headers.get("content-type")).toBe("text/html");
    expect(await page.text()).toContain("nginx");
  }
  s.emulator.faults.next("submit", "502; accepted=true; named=true");
  expect((await submitted(s)).headers.get("x-fal-request-id")).toBe(s.emulator.jobs.at(-1)?.requestId);
});

test("a 503 of fal's own has the type that was asked for, in body and header", async () => {
  const s = stage({ models: [echo] });
  s.emulator.faults.next("submit", { name: "503", errorType: "runner_disconnected", retryAfterMs: 1_500 });
  const answer = await submitted(s);
  expect(answer.headers.get("x-fal-error-type")).toBe("runner_disconnected");
  expect(answer.headers.get("retry-after")).toBe("2");
  expect(await json(answer)).toMatchObject({ error_type: "runner_disconnected" });
});

test("a 429 says when to come again in seconds, as a date or in milliseconds", async () => {
  const s = stage({ models: [echo] });
  const told = async (retryAfterAs: "seconds" | "date" | "ms") => {
    s.emulator.faults.next("submit", { name: "429", retryAfterMs: 2_500, retryAfterAs });
    const { headers } = await submitted(s);
    return headers.get("retry-after") ?? headers.get("retry-after-ms");
  };
  expect(await told("seconds")).toBe("3");
  expect(await told("date")).toBe("Thu, 01 Jan 2026 00:00:03 GMT");
  expect(await told("ms")).toBe("2500");
  s.emulator.faults.next("submit", "429");
  const answer = await submitted(s);
  expect(answer.headers.has("retry-after")).toBe(false);
  expect(await json(answer)).toMatchObject({ type: "concurrent_requests_limit", data: { limit: 2 } });
});
