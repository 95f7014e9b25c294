import { createEmulator, virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO } from "../support/setup.ts";

const clock = virtualClock();
const emulator = createEmulator({ clock, models: [echo({ units: 3 })] });

const ask = async (method: string, path: string, body?: unknown) => {
  const headers = { authorization: "Key ada:x", "content-type": "application/json", "x-fal-tags": "a=1" };
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
  const response = await emulator.fetch(new Request(`http://127.0.0.1:8787${path}`, init));
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

test("tells over HTTP what was accepted and billed, and begins anew", async () => {
  await ask("POST", `/queue/${ECHO}`, { n: 1 });
  const row = {
    endpoint: ECHO,
    account: "ada",
    input: { n: 1 },
    tags: { a: "1" },
    cancelled: false,
    error: null,
  };
  const waiting = { ...row, state: "IN_QUEUE", billed_units: null };
  expect((await ask("GET", "/_emulator/requests")).body).toMatchObject({ requests: [waiting] });
  await clock.sleep(10_000);
  const ended = { ...row, state: "COMPLETED", billed_units: 3 };
  expect((await ask("GET", `/_emulator/requests?endpoint=${ECHO}`)).body).toMatchObject({
    requests: [ended],
  });
  expect((await ask("GET", "/_emulator/requests?endpoint=acme/other")).body).toEqual({ requests: [] });
  expect((await ask("GET", "/_emulator/received")).body).toMatchObject({
    received: [
      { method: "POST" },
      { method: "GET" },
      { method: "GET" },
      { method: "GET" },
      { method: "GET" },
    ],
  });

  const { body } = await ask("POST", `/queue/${ECHO}`, { n: 2 });
  await ask("POST", "/_emulator/reset");
  expect(emulator.jobs).toEqual([]);
  expect((await ask("GET", `/queue/${ECHO}/requests/${body["request_id"]}/status`)).status).toBe(404);
  await ask("POST", `/queue/${ECHO}`, { n: 3 });
  await clock.sleep(10_000);
  // The one that was forgotten has left its place to the next.
  expect(emulator.jobs.map(({ state, input }) => [state, input])).toEqual([["COMPLETED", { n: 3 }]]);
});

test("takes faults over HTTP, and says of what cannot be meant what there is", async () => {
  const fault = { fault: "503", operation: "status", count: 2 };
  expect((await ask("POST", "/_emulator/faults", fault)).body).toEqual({ pending: 2 });
  expect((await ask("GET", "/_emulator/faults")).body).toEqual({ pending: 2 });
  expect((await ask("DELETE", "/_emulator/faults")).body).toEqual({ pending: 0 });
  const chance = { seed: 1, rates: { submit: { refused: 0.5 } } };
  expect((await ask("POST", "/_emulator/faults", chance)).status).toBe(200);
  await ask("DELETE", "/_emulator/faults");
  for (const wrong of [
    { fault: "505" },
    { fault: "503", operation: "sumbit" },
    { falt: "503" },
    { fault: "503", nth: 0 },
  ]) {
    const { status, body } = await ask("POST", "/_emulator/faults", wrong);
    expect([status, String(body["detail"]).length > 20]).toEqual([400, true]);
  }
  expect(emulator.faults.pending).toBe(0);
});

test("is not to be had by fal's own hosts", async () => {
  const response = await emulator.fetch(new Request("https://queue.fal.run/_emulator/requests"));
  expect([response.status, await response.json()]).toEqual([405, { detail: "Method Not Allowed" }]);
});

test("goes back to a snapshot, in another emulator too, and changes nothing for what is none", async () => {
  await ask("POST", "/_emulator/reset");
  const { body } = await ask("POST", `/queue/${ECHO}`, { n: 4 });
  const path = `/queue/${ECHO}/requests/${body["request_id"]}`;
  await clock.sleep(10_000);
  const text = emulator.snapshot();
  expect(text).not.toContain("ada:x");
  await ask("POST", `/queue/${ECHO}`, { n: 5 });
  expect((await ask("POST", "/_emulator/restore", { jobs: 1 })).status).toBe(400);
  expect(emulator.jobs).toHaveLength(2);
  expect((await ask("GET", "/_emulator/snapshot")).body).toMatchObject({ jobs: [{}, {}], files: [] });
  expect((await ask("POST", "/_emulator/restore", JSON.parse(text))).body).toEqual({ requests: 1 });
  expect((await ask("GET", path)).body).toEqual({ echo: { n: 4 } });

  const other = createEmulator({ clock, models: [echo({ units: 3 })] });
  other.restore(text);
  expect(other.jobs).toEqual(emulator.jobs);
});
