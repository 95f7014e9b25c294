import { getEventListeners } from "node:events";
import { type Clock, createFal, FalError, systemClock } from "fal-chain";
import { type FaultRates, serveEmulator } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { RATES } from "../support/rates.ts";
import { ECHO, ENV } from "../support/setup.ts";

// Laws 2 and 4 over the runtime's own fetch and real sockets, where resets are resets.

const CALLS = process.env["FAULTY_CALLS"] ? 500 : 200;
const AT_ONCE = 50;
const SPEED = 200;

/** A clock that runs fast, since real sockets do not wait for a virtual one. */
const fastClock: Clock = {
  now: () => Math.round(Date.now() + performance.now() * SPEED),
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
};

/** A connection that is refused needs no emulator to do so. */
const overSockets = Object.fromEntries(
  Object.entries(RATES).map(([operation, { ...rates }]: [string, Record<string, number>]) => {
    delete rates["refused"];
    return [operation, rates];
  }),
) as FaultRates;

const resources = (kind: string) =>
  process.getActiveResourcesInfo().filter((name) => name.startsWith(kind)).length;

test(`${CALLS} calls over sockets that break in every way: none paid twice, none stuck, no socket or timer left`, async () => {
  const before = { sockets: resources("TCP"), timers: resources("Timeout") };
  const uncaught: unknown[] = [];
  const onRejection = (reason: unknown) => uncaught.push(reason);
  process.on("unhandledRejection", onRejection);

  const server = await serveEmulator({ clock: fastClock, models: [echo()], concurrency: AT_ONCE });
  server.emulator.faults.random({ seed: 3, rates: overSockets });
  const fal = createFal({ env: { ...ENV, FAL_HOST: server.url }, clock: fastClock });
  const user = new AbortController();
  const outcomes: PromiseSettledResult<{ data: unknown }>[] = [];
  for (let first = 0; first < CALLS; first += AT_ONCE) {
    const calls = Array.from({ length: AT_ONCE }, (_, i) =>
      fal.subscribe(ECHO, {
        input: { n: first + i },
        mode: i % 2 === 0 ? "auto" : "polling",
        abortSignal: user.signal,
        // Some are given up on the way.
        ...(i % 10 === 3 && { timeout: 3_000 }),
      }),
    );
    outcomes.push(...(await Promise.allSettled(calls)));
  }
  for (const outcome of outcomes) if (outcome.status === "rejected") await outcome.reason.cancel;
  await fal.close();

  for (const [n, outcome] of outcomes.entries()) {
    const jobs = server.emulator.jobsWith({ n });
    expect(jobs.length).toBeLessThanOrEqual(1);
    if (outcome.status === "fulfilled") expect(outcome.value.data).toEqual({ echo: { n } });
    else expect(outcome.reason).toBeInstanceOf(FalError);
  }
  expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(CALLS * 0.8);
  expect(getEventListeners(user.signal, "abort")).toEqual([]);
  await server.close();
  // A connection that the server has closed is noticed by the client at its next turn.
  await expect.poll(() => resources("TCP")).toBeLessThanOrEqual(before.sockets);
  await expect.poll(() => resources("Timeout")).toBeLessThanOrEqual(before.timers + 1);
  process.off("unhandledRejection", onRejection);
  expect(uncaught).toEqual([]);
}, 60_000);
