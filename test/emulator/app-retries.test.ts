import { expect, test } from "vitest";
import { inProcess } from "../../src/emulator/index.ts";
import { type Json, json, readEvents } from "../support/stage.ts";
import { APP, appStage } from "./app-stage.ts";

/** Answers with each status in turn, then with 200. */
const inTurn = (...statuses: number[]) => {
  const left = [...statuses];
  return () => Response.json({ detail: "x" }, { status: left.shift() ?? 200 });
};

test("a request that a runner fails goes back into the queue, and keeps its id", async () => {
  const { submit, send, given, emulator } = appStage(inTurn(503, 503));
  const submitted = await submit(APP);
  const stream = await send("GET", `${submitted.status_url}/stream`);
  const { events } = await readEvents(stream);
  const states = events.map(({ status }) => status);
  expect(states).toEqual([
    ...["IN_PROGRESS", "IN_QUEUE", "IN_PROGRESS", "IN_QUEUE", "IN_PROGRESS", "COMPLETED"],
  ]);
  expect(new Set(given.map(({ headers }) => headers.get("x-fal-request-id")))).toEqual(
    new Set([submitted.request_id]),
  );
  // Each 503 ended its runner.
  expect(given.map(({ runner }) => runner)).toEqual([1, 2, 3]);
  const [job] = emulator.jobs;
  expect(job?.attempts.map(({ ending, retry }) => [ending, retry])).toEqual([
    [503, "server_error"],
    [503, "server_error"],
    [200, undefined],
  ]);
  const [first, second, third] = job?.attempts ?? [];
  expect((second?.startedAt ?? 0) - (first?.endedAt ?? 0)).toBe(1_000);
  expect((third?.startedAt ?? 0) - (second?.endedAt ?? 0)).toBe(2_000);
});

test("after ten attempts the last failure is the request's, and costs nothing", async () => {
  const { submit, finish, given, emulator } = appStage(() => new Response("{}", { status: 503 }));
  const result = await finish(await submit(APP));
  expect([result.status, given.length, emulator.jobs[0]?.billableUnits]).toEqual([503, 10, 0]);
});

test("a runner that dies in mid-request is replaced, and the request tried again", async () => {
  let tries = 0;
  const { submit, finish, given, emulator } = appStage(async (_request, _runner, { clock }) => {
    tries += 1;
    if (tries > 3) return Response.json({ tries });
    await clock.sleep(1_000);
    emulator.fleets.get(APP)?.kill(1);
    return new Promise(() => {});
  });
  const jobIds = new Set<string | undefined>();
  const result = await finish(await submit(APP));
  for (const { jobId } of emulator.jobs[0]?.attempts ?? []) jobIds.add(jobId);
  expect([result.body, given.length, jobIds.size]).toEqual([{ tries: 4 }, 4, 4]);
  expect(emulator.jobs[0]?.attempts[0]).toMatchObject({ ending: "disconnected", retry: "server_error" });
  expect(emulator.fleets.get(APP)?.runners[0]).toMatchObject({ lastEnd: "SIGKILL", failedStarts: 0 });
});

test("500 and 502 are final; the runner goes on where its port can be reached", async () => {
  const { submit, finish, given } = appStage(inTurn(500, 502));
  expect((await finish(await submit(APP))).status).toBe(500);
  expect((await finish(await submit(APP))).status).toBe(502);
  expect((await finish(await submit(APP))).status).toBe(200);
  expect(given.map(({ runner }) => runner)).toEqual([1, 1, 1]);
});

test("504 is tried again on the same runner, and on another where its port cannot be reached", async () => {
  let reachable = true;
  let starts = 0;
  const answer = inTurn(504, 200, 504);
  const { submit, finish, emulator } = appStage(() => new Response(), {
    start: (told) => {
      starts += 1;
      return { ...inProcess(answer)(told), check: async () => reachable };
    },
  });
  await finish(await submit(APP));
  expect([starts, emulator.jobs[0]?.attempts.map(({ ending }) => ending)]).toEqual([1, [504, 200]]);
  reachable = false;
  await finish(await submit(APP));
  expect([starts, emulator.jobs[1]?.attempts.map(({ ending }) => ending)]).toEqual([2, [504, 200]]);
});

test("a request that takes longer than its app allows ends the runner, and is tried again", async () => {
  const handler = async (_: Request, runner: number): Promise<Response> =>
    runner === 1 ? new Promise(() => {}) : Response.json({ runner });
  const { submit, finish, emulator } = appStage(handler, { requestTimeoutMs: 60_000 });
  const result = await finish(await submit(APP));
  const [first] = emulator.jobs[0]?.attempts ?? [];
  expect([result.body, first?.ending, first?.retry]).toEqual([{ runner: 2 }, "timed-out", "timeout"]);
  expect((first?.endedAt ?? 0) - (first?.startedAt ?? 0)).toBe(60_000);
});

test("with the app's and the caller's settings", async () => {
  const app = { skipRetryConditions: ["server_error"] as const };
  const { submit, finish, given } = appStage(() => new Response("{}", { status: 503 }), app);
  await finish(await submit(APP));
  expect(given).toHaveLength(1);
  const config = JSON.stringify({ server_error: { retries: 1 } });
  await finish(await submit(APP, {}, { "x-fal-retry-config": config }));
  expect(given).toHaveLength(3);
  // It is the owner's to set.
  await finish(await submit(APP, {}, { "x-fal-retry-config": config, authorization: "Key ada:secret" }));
  expect(given).toHaveLength(4);
});

test("the answer's own wish counts, and a stopped runner is replaced", async () => {
  const headers = { "x-fal-needs-retry": "1", "x-fal-stop-runner": "1" };
  const { submit, finish, given } = appStage((_, runner) =>
    runner === 1 ? new Response("{}", { status: 500, headers }) : Response.json({}),
  );
  const result = await finish(await submit(APP));
  expect([result.status, given.map(({ runner }) => runner)]).toEqual([200, [1, 2]]);
});

test("the deadline for the start counts the failed attempts too, and does not cut one that runs", async () => {
  const { submit, finish, given } = appStage(async (_request, _runner, { clock }) => {
    await clock.sleep(4_000);
    return new Response("{}", { status: 503 });
  });
  const headers = { "x-fal-request-timeout": "9" };
  const result = await finish(await submit(APP, {}, headers));
  expect(result).toMatchObject({ status: 504, body: { error_type: "startup_timeout" } });
  expect(result.headers.get("x-fal-request-timeout-type")).toBe("user");
  // 4 s, 1 s wait, 4 s: the third would begin after it.
  expect(given).toHaveLength(2);
});

test("starts that fail wait longer each time; the request stays in the queue meanwhile", async () => {
  const starts: number[] = [];
  let now = () => Date.UTC(2026, 0, 1);
  const { submit, finish, emulator, clock } = appStage(() => new Response(), {
    startupTimeoutMs: 5_000,
    start: (told) => {
      starts.push(now());
      const fails = starts.length < 4;
      // The second does not even fail: it takes for ever.
      const setup = () =>
        starts.length === 2 ? new Promise<void>(() => {}) : Promise.reject(new Error("no"));
      return inProcess(() => Response.json({}), fails ? { setup } : {})(told);
    },
  });
  now = clock.now;
  const result = await finish(await submit(APP));
  const waits = starts.slice(1).map((at, nth) => at - (starts[nth] ?? 0));
  expect(waits).toEqual([30_000, 5_000 + 60_000, 90_000]);
  expect([result.status, emulator.jobs[0]?.attempts.length]).toEqual([200, 1]);
  expect(emulator.fleets.get(APP)?.runners[0]).toMatchObject({ state: "IDLE", failedStarts: 0 });
});

test("a changed program starts at once, whatever failed before, and the queue is kept", async () => {
  let isBroken = true;
  const { submit, finish, emulator, clock, until } = appStage(() => new Response(), {
    start: (told) =>
      inProcess(
        () => Response.json({}),
        isBroken ? { setup: () => Promise.reject(new Error("no")) } : {},
      )(told),
  });
  const fleet = emulator.fleets.get(APP);
  const submitted = await submit(APP);
  await until(() => fleet?.runners[0]?.state === "CRASH_BACKOFF");
  const before = clock.now();
  isBroken = false;
  fleet?.restart();
  expect((await finish(submitted)).status).toBe(200);
  expect(clock.now() - before).toBeLessThan(2_000);
});

test("a restart lets a runner finish what it does within its grace period", async () => {
  const drain = Promise.withResolvers<void>();
  const { submit, finish, emulator, clock, until } = appStage(() => new Response(), {
    terminationGraceMs: 5_000,
    start: (told) =>
      inProcess(
        async () => {
          await clock.sleep(2_000);
          setTimeout(drain.resolve);
          return Response.json({});
        },
        { stop: () => drain.promise },
      )(told),
  });
  const submitted = await submit(APP);
  const fleet = emulator.fleets.get(APP);
  await until(() => fleet?.runners[0]?.state === "RUNNING");
  fleet?.restart();
  await until(() => fleet?.runners[0]?.state === "DRAINING");
  expect((await finish(submitted)).status).toBe(200);
  expect(emulator.jobs[0]?.attempts).toHaveLength(1);
});

test("one that does not finish in time is killed, and what it did is tried again", async () => {
  let starts = 0;
  const { submit, finish, emulator, until, clock } = appStage(() => new Response(), {
    terminationGraceMs: 5_000,
    start: (told) => {
      starts += 1;
      const isFirst = starts === 1;
      const answer = () => (isFirst ? new Promise<Response>(() => {}) : Response.json({}));
      return inProcess(answer, { stop: () => (isFirst ? new Promise(() => {}) : Promise.resolve()) })(told);
    },
  });
  const submitted = await submit(APP);
  const fleet = emulator.fleets.get(APP);
  await until(() => fleet?.runners[0]?.state === "RUNNING");
  const before = clock.now();
  fleet?.restart();
  expect((await finish(submitted)).status).toBe(200);
  expect(emulator.jobs[0]?.attempts[0]?.endedAt).toBe(before + 5_000);
  expect(emulator.jobs[0]?.attempts.map(({ ending }) => ending)).toEqual(["disconnected", 200]);
});

test("after a thousand answers of all kinds no runner is thought to be busy", async () => {
  let n = 0;
  const statuses = [200, 422, 500, 502, 503, 504, 429, 200, 302, 200];
  const { submit, finish, emulator, send, clock } = appStage(
    async (_request, runner) => {
      n += 1;
      await clock.sleep(n % 7);
      if (n % 31 === 0) emulator.fleets.get(APP)?.kill((runner % 3) + 1);
      return Response.json({}, { status: statuses[n % statuses.length] ?? 200 });
    },
    { runners: 3, maxMultiplexing: 5, retryConfig: { server_error: { retries: 1 } } },
  );
  const all = await Promise.all(Array.from({ length: 300 }, () => submit(APP)));
  for (const [nth, { cancel_url }] of all.entries()) if (nth % 10 === 0) await send("PUT", cancel_url);
  await Promise.all(all.map((one) => finish(one).catch((): Json => ({}))));
  while (emulator.fleets.get(APP)?.runners.some(({ state }) => state !== "IDLE")) await clock.sleep(100);
  expect(emulator.fleets.get(APP)?.runners.map(({ requests }) => requests)).toEqual([[], [], []]);
  expect(emulator.jobs.every(({ state }) => state === "COMPLETED")).toBe(true);
  expect(await json(await send("GET", "/health"))).toBeTruthy();
  expect(clock.sleepers).toBe(0);
});
