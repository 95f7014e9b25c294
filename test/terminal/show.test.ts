import { createFal } from "fal-chain";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import { EXIT, exitCodeOf, showRun } from "fal-chain/terminal";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { Screen } from "../support/screen.ts";
import { failureOf } from "../support/setup.ts";

function setup() {
  const clock = virtualClock();
  const models = [echo(), echo({ id: "acme/slow", seconds: 600 })];
  const emulator = createEmulator({ clock, models, concurrency: 2 });
  const fal = createFal({
    env: { FAL_KEY: "any:key", FAL_HOST: "http://127.0.0.1:8787", FAL_JOB_ID: "job-7" },
    fetch: (input, init) => emulator.fetch(new Request(input, init)),
    clock,
  });
  return { clock, emulator, fal, output: new Screen({ columns: 130 }) };
}

test("the run's output comes back, after the table with its total", async () => {
  const { fal, output } = setup();
  const one = fal.chain("one", async () => (await fal.subscribe("acme/echo", { input: { n: 1 } })).data);
  expect(await showRun(one.start(), { output })).toEqual({ echo: { n: 1 } });
  expect(output.written).toMatch(/^acme\/echo .* 1 image +\$0\.01$/m);
  expect(output.written).toMatch(/^total +\$0\.01$/m);
});

test("the tags in the table are those that the other side received, where it can be asked", async () => {
  const { fal, emulator, output } = setup();
  const one = fal.chain("one", async () => (await fal.subscribe("acme/echo", { input: {} })).data);
  const received = () =>
    emulator.jobs.map(({ requestId }) => ({ requestId, tags: { job_id: "as received" } }));
  await showRun(one.start(), { output, received });
  expect(output.written).toContain("  tags     job_id=as received\n");
  expect(output.written).toContain("The tags are those that the emulator received.\n");

  const sent = new Screen();
  await showRun(one.start(undefined, { id: "run-1" }), { output: sent });
  expect(sent.written).toContain("  tags     job_id=job-7  chain=one  run=run-1\n");
});

test("what became of each cancelled call is said", async () => {
  const { fal, output } = setup();
  const three = fal.chain("three", async () => {
    const calls = [];
    for (const step of ["a", "b", "waiting"]) {
      const call = fal.subscribe("acme/slow", { step, input: {} });
      await call.submitted;
      calls.push(call);
    }
    await Promise.all(calls);
  });
  const run = three.start();
  const shown = failureOf(showRun(run, { output }));
  let running = 0;
  for await (const event of run) {
    if (event.type === "call" && event.event.type === "running" && ++running === 2) break;
  }
  await run.cancel();
  expect(exitCodeOf(await shown)).toBe(EXIT.interrupted);
  for (const step of ["a      ", "b      ", "waiting"]) {
    expect(output.written).toMatch(new RegExp(`^${step}  (asked to stop|cancelled before)`, "m"));
  }
  expect(output.written).toMatch(/^waiting .* cancelled .* may be billed$/m);
});

test("a timeout is said as such, with what became of the request", async () => {
  const { fal, output } = setup();
  const one = fal.chain("one", () => fal.subscribe("acme/slow", { input: {}, timeout: 5_000 }));
  expect(exitCodeOf(await failureOf(showRun(one.start(), { output })))).toBe(EXIT.timeout);
  expect(output.written).toMatch(/^acme\/slow {2}asked to stop; it may still finish and be billed$/m);
  expect(output.written).toMatch(/^acme\/slow .* timed out .* may be billed$/m);
});

test("a failure that the chain lived with is told in the table", async () => {
  const { fal, output } = setup();
  const two = fal.chain("two", async () => {
    await fal
      .subscribe("acme/slow", { step: "try", input: {}, startTimeout: 2, timeout: 4_000 })
      .catch(() => {});
    return (await fal.subscribe("acme/echo", { step: "again", input: {} })).data;
  });
  await showRun(two.start(), { output });
  expect(output.written).toMatch(/^try .* timed out .* may be billed$/m);
  expect(output.written).toMatch(/^again .* done .* \$0\.01$/m);
  expect(output.written).toMatch(/^total +\$0\.01 \+ 1 unknown$/m);
});

test("a call that was refused outright leaves no table", async () => {
  const { fal, output } = setup();
  const one = fal.chain("one", async () => (await fal.subscribe("acme/nothing", { input: {} })).data);
  expect(exitCodeOf(await failureOf(showRun(one.start(), { output })))).toBe(EXIT.failed);
  expect(output.written).toBe("acme/nothing: failed\n");
});

test("a call that was cancelled in time is not billed, and the total knows it", async () => {
  const { fal, emulator, output } = setup();
  fal.config({
    fetch: async (input, init) => {
      const request = new Request(input, init);
      return request.method === "PUT" ? Response.json({ status: "OK" }) : emulator.fetch(request);
    },
  });
  const one = fal.chain("one", () => fal.subscribe("acme/slow", { input: {} }));
  const controller = new AbortController();
  const run = one.start(undefined, { abortSignal: controller.signal });
  for await (const event of run) {
    if (event.type === "call") break;
  }
  controller.abort();
  await failureOf(showRun(run, { output }));
  expect(output.written).toMatch(/^acme\/slow {2}cancelled before it ran$/m);
  expect(output.written).toMatch(/^acme\/slow .* cancelled .* not billed$/m);
  expect(output.written).toMatch(/^total .*\$0\.00$/m);
});
