import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { processes } from "../support/processes.ts";
import { ECHO, failureOf } from "../support/setup.ts";

const LIMIT = { maxInFlight: 2 };

test("no more calls than the limit are under way, over all processes of a store", async () => {
  const { start, emulator } = processes({ concurrency: 100 });
  let most = 0;
  const both = [start(LIMIT), start(LIMIT)];
  const calls = both.flatMap(({ fal }, client) =>
    [1, 2, 3].map(async (n) => {
      const call = fal.subscribe(ECHO, { input: { client, n } });
      for await (const _ of call) {
        most = Math.max(most, emulator.jobs.filter(({ state }) => state !== "COMPLETED").length);
      }
    }),
  );
  await Promise.all(calls);
  expect(emulator.jobs).toHaveLength(6);
  expect(most).toBe(2);
});

test("the places of a process that died are free again after a while", async () => {
  const { start, emulator, clock } = processes({ models: [echo({ seconds: 5 })], concurrency: 100 });
  const dying = start(LIMIT);
  const lost = [1, 2].map((n) => dying.fal.subscribe(ECHO, { input: { n } }));
  await Promise.all(lost.map(({ submitted }) => submitted));
  dying.kill();
  const before = clock.now();
  await start(LIMIT).fal.subscribe(ECHO, { input: { n: 3 } });
  expect(clock.now() - before).toBeGreaterThan(30_000);
  expect(emulator.jobs).toHaveLength(3);
});

test("who gives up while it waits is not submitted, and holds nobody up", async () => {
  const { start, emulator, clock } = processes({ concurrency: 100 });
  const { fal } = start({ maxInFlight: 1 });
  const first = fal.subscribe(ECHO, { input: { n: 1 } });
  await first.submitted;
  const given = fal.subscribe(ECHO, { input: { n: 2 } });
  const failure = failureOf(given);
  const third = fal.subscribe(ECHO, { input: { n: 3 } });
  await given.cancel();
  expect(await failure).toMatchObject({ name: "AbortError" });
  await Promise.all([first, third]);
  expect(emulator.jobs.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 3 }]);
  await fal.close();
  expect(clock.sleepers).toBe(0);
});

test("a limit that is no limit is an error", () => {
  expect(() => processes().start({ maxInFlight: 0 })).toThrow(/maxInFlight is 0/);
});
