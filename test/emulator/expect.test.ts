import { AssertionError } from "node:assert";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import { afterEach, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO } from "../support/setup.ts";

const clock = virtualClock();
const emulator = createEmulator({ clock, models: [echo(), echo({ id: "acme/other" })] });
afterEach(() => emulator.reset());

const submit = (input: object, { endpoint = ECHO, tags = "" } = {}) =>
  emulator.fetch(
    new Request(`https://queue.fal.run/${endpoint}`, {
      method: "POST",
      headers: { authorization: "Key ada:x", "content-type": "application/json", "x-fal-tags": tags },
      body: JSON.stringify(input),
    }),
  );

const failure = (act: () => void): AssertionError => {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError);
    return error as AssertionError;
  }
  throw new Error("it should have failed");
};

test("what was accepted twice is said, with what was there", async () => {
  expect(failure(() => emulator.expectBilledOnce()).message).toMatch(/Nobody was asked.*\n {2}nothing/s);
  await submit({ n: 1 });
  await submit({ n: 1 }, { endpoint: "acme/other" });
  emulator.expectBilledOnce();
  emulator.expectBilledOnce({ n: 1 }, ECHO);
  // Of both endpoints.
  expect(failure(() => emulator.expectBilledOnce({ n: 1 }))).toMatchObject({ actual: 2, expected: 1 });
  expect(failure(() => emulator.expectBilledOnce({ n: 2 })).message).toContain('acme/echo IN_QUEUE {"n":1}');
  await submit({ n: 1 });
  expect(failure(() => emulator.expectBilledOnce()).message).toContain('{"n":1} was accepted 2 times');
});

test("tags that are missing are said", async () => {
  expect(failure(() => emulator.expectTagged({ a: 1 })).message).toContain("Nothing was accepted");
  await submit({ n: 1 }, { tags: "a=1,b=2" });
  emulator.expectTagged({ a: 1 });
  await submit({ n: 2 }, { tags: "b=2" });
  emulator.expectTagged({ b: "2" }, ECHO);
  expect(failure(() => emulator.expectTagged({ a: 1 }))).toMatchObject({
    message: expect.stringContaining("1 of 2 accepted requests"),
    actual: { b: "2" },
    expected: { a: "1" },
  });
});

test("what is under way is said", async () => {
  await submit({ n: 1 });
  expect(failure(() => emulator.expectNothingUnderWay()).message).toContain("1 requests are still under way");
  await clock.sleep(10_000);
  emulator.expectNothingUnderWay();
});
