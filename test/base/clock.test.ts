import { getEventListeners } from "node:events";
import { systemClock } from "fal-chain";
import { virtualClock } from "fal-chain/emulator";
import { describe, expect, test } from "vitest";

describe.each([
  ["the system's", systemClock],
  ["a virtual", virtualClock()],
])("a sleep on %s clock", (_, clock) => {
  test("ends, and leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    const before = clock.now();
    await clock.sleep(1, signal);
    expect(clock.now()).toBeGreaterThanOrEqual(before);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("ends at once on abort, with its reason", async () => {
    const user = new AbortController();
    const slept = clock.sleep(1e12, user.signal);
    user.abort("enough");
    await expect(slept).rejects.toBe("enough");
    await expect(clock.sleep(1e12, user.signal)).rejects.toBe("enough");
  });
});

test("a virtual clock wakes its sleepers in order, ties by who slept first, and time only moves forward", async () => {
  const clock = virtualClock({ start: 1_000 });
  const woken: string[] = [];
  const sleep = async (name: string, ms: number) => {
    await clock.sleep(ms);
    woken.push(`${name} ${clock.now()}`);
  };
  await Promise.all([sleep("c", 50), sleep("a", 10), sleep("d", 50), sleep("b", 10)]);
  expect(woken).toEqual(["a 1010", "b 1010", "c 1050", "d 1050"]);
  expect(clock.sleepers).toBe(0);
});

test("a virtual clock that does not move by itself waits for advance", async () => {
  const clock = virtualClock({ start: 0, auto: false });
  let woken = false;
  const slept = clock.sleep(100).then(() => {
    woken = true;
  });
  await clock.advance(99);
  expect({ woken, sleepers: clock.sleepers }).toEqual({ woken: false, sleepers: 1 });
  await clock.advance(1);
  await slept;
  expect(clock.now()).toBe(100);
});

test("a virtual clock that is held does not move until what holds it is there", async () => {
  const clock = virtualClock({ start: 0 });
  const told: string[] = [];
  const slept = clock.sleep(100).then(() => told.push(`woken at ${clock.now()}`));
  const work = async () => {
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    told.push(`done at ${clock.now()}`);
  };
  await Promise.all([slept, clock.hold(work()), clock.hold(work())]);
  expect(told).toEqual(["done at 0", "done at 0", "woken at 100"]);
});
