import { expect, test } from "vitest";
import { echo, json, readEvents, type Stage, stage } from "../support/stage.ts";

const ECHO = "acme/echo/v1";
const terminated = { name: "TypeError", message: "terminated", cause: { code: "UND_ERR_SOCKET" } };

async function finished(s: Stage) {
  const submitted = await s.submit(ECHO, { text: "zwölf Äpfel" });
  await s.finish(submitted);
  return { ...submitted, read: () => s.send("GET", submitted.response_url) };
}

test("slow headers come late, a slow body comes in pieces", async () => {
  const s = stage({ models: [echo] });
  const { read } = await finished(s);
  const whole = await (await read()).text();
  const before = s.clock.now();
  s.emulator.faults.next("result", { name: "slow-headers", ms: 5_000 });
  await read();
  expect(s.clock.now() - before).toBe(5_000);
  s.emulator.faults.next("result", { name: "slow-body", ms: 100, bytes: 10 });
  const answer = await read();
  expect(s.clock.now() - before).toBe(5_000);
  expect(await answer.text()).toBe(whole);
  expect(s.clock.now() - before).toBe(5_000 + 100 * Math.ceil(Buffer.byteLength(whole) / 10));
});

test("a slow answer ends with the caller", async () => {
  const s = stage({ models: [echo], auto: false });
  s.emulator.faults.next("submit", "slow-headers");
  const caller = new AbortController();
  const answer = s.send("POST", `/queue/${ECHO}`, { body: {}, signal: caller.signal });
  caller.abort(new Error("I have no time"));
  await expect(answer).rejects.toThrow("I have no time");
});

test("a truncated body promises more than it gives", async () => {
  const s = stage({ models: [echo] });
  const { read } = await finished(s);
  const length = (await (await read()).arrayBuffer()).byteLength;
  s.emulator.faults.next("result", { name: "truncated", bytes: 5 });
  const answer = await read();
  expect(answer.headers.get("content-length")).toBe(String(length));
  const reader = answer.body?.getReader();
  expect((await reader?.read())?.value).toHaveLength(5);
  await expect(reader?.read()).rejects.toMatchObject(terminated);
});

test("a 200 can be a page or nothing", async () => {
  const s = stage({ models: [echo] });
  const { read } = await finished(s);
  s.emulator.faults.next("result", "not-json");
  expect(await (await read()).text()).toMatch(/^<html>/);
  s.emulator.faults.next("result", "empty");
  expect(await (await read()).text()).toBe("");
});

test("an expired or an early result is answered as such, once", async () => {
  const s = stage({ models: [echo] });
  const { read, request_id } = await finished(s);
  s.emulator.faults.next("result", "result-expired");
  s.emulator.faults.next("result", "400-early-result");
  const [expired, early, well] = [await read(), await read(), await read()];
  expect([expired.status, await json(expired)]).toEqual([
    404,
    { detail: `The result of request ${request_id} has expired` },
  ]);
  expect([early.status, await json(early)]).toEqual([400, { detail: "Request is still in progress" }]);
  expect(well.status).toBe(200);
});

test("a request that is fated to fail runs, is COMPLETED with the error, and gives it as its result", async () => {
  const s = stage({ models: [echo] });
  s.emulator.faults.next("submit", "completed-with-error");
  s.emulator.faults.next("submit", {
    name: "completed-with-error",
    status: 422,
    errorType: "content_policy_violation",
    error: "No.",
    billableUnits: 1,
  });
  const [broken, refused] = [await s.submit(ECHO), await s.submit(ECHO)];
  expect(await s.finish(broken)).toMatchObject({ status: 500, body: { error_type: "runner_server_error" } });
  expect(await json(await s.send("GET", broken.status_url))).toMatchObject({
    status: "COMPLETED",
    error: "The runner failed.",
    metrics: { inference_time: 10 },
  });
  const result = await s.finish(refused);
  expect(result.body).toMatchObject({ detail: [{ msg: "No.", type: "content_policy_violation" }] });
  expect(result.headers.get("x-fal-billable-units")).toBe("1");
  expect(s.emulator.jobs.map(({ billableUnits }) => billableUnits)).toEqual([0, 1]);
});

test("links lead to another origin, in the answer to a submit, in a status and in events", async () => {
  const s = stage({ models: [echo] });
  const origin = "https://evil.example";
  for (const operation of ["submit", "status", "stream"] as const) {
    s.emulator.faults.next(operation, { name: "foreign-links", origin });
  }
  const submitted = await s.submit(ECHO);
  const path = `/queue/acme/echo/requests/${submitted.request_id}`;
  const links = {
    status_url: `${origin}${path}/status`,
    response_url: `${origin}${path}`,
    cancel_url: `${origin}${path}/cancel`,
  };
  expect(submitted).toMatchObject(links);
  expect(await json(await s.send("GET", `${path}/status`))).toMatchObject(links);
  const { events } = await readEvents(await s.send("GET", `${path}/status/stream`));
  for (const event of events) expect(event).toMatchObject(links);
});

test("a redirect leads where it is told to", async () => {
  const s = stage({ models: [echo] });
  s.emulator.faults.next("status", { name: "redirect", status: 308, to: "https://evil.example/x" });
  const { status_url } = await s.submit(ECHO);
  const answer = await s.send("GET", status_url);
  expect([answer.status, answer.headers.get("location")]).toEqual([308, "https://evil.example/x"]);
});

test("a poll can fall back to an older status", async () => {
  const s = stage({ models: [echo] });
  const { status_url } = await s.submit(ECHO);
  s.emulator.faults.next("status", "wrong-order", 2);
  expect(await json(await s.send("GET", status_url))).toMatchObject({
    status: "IN_QUEUE",
    queue_position: 1,
  });
  await s.clock.sleep(5_000);
  const back = await s.send("GET", status_url);
  expect([back.status, await json(back)]).toMatchObject([202, { status: "IN_QUEUE", queue_position: 0 }]);
  expect(await json(await s.send("GET", status_url))).toMatchObject({ status: "IN_PROGRESS" });
});

test("scripts in browsers see a faulty answer too, and the question beforehand goes well", async () => {
  const s = stage({ models: [echo] });
  s.emulator.faults.next("submit", "502");
  const preflight = await s.send("OPTIONS", `/queue/${ECHO}`, { headers: { origin: "https://app.example" } });
  expect(preflight.status).toBe(204);
  const answer = await s.send("POST", `/queue/${ECHO}`, { body: {} });
  expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([502, "*"]);
});
