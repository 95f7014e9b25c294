import { createEmulator, esrgan, fluxSchnell, virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, failureOf, setup } from "../support/setup.ts";

const plain = () => createEmulator({ clock: virtualClock(), models: [echo(), fluxSchnell, esrgan] }).faults;

test("a part of an id and a few words make a model fail, once and no more", async () => {
  const { fal, emulator } = setup();
  emulator.faults.make("make echo fail once");
  expect(await failureOf(fal.subscribe(ECHO, { input: { n: 1 } }))).toMatchObject({ status: 500 });
  await fal.subscribe(ECHO, { input: { n: 2 } });
  emulator.faults.verify();
});

test.each([
  ["esrgan fail", "completed-with-error for any esrgan"],
  ["fal-ai/esrgan fails twice", "completed-with-error for any fal-ai/esrgan, 2 times"],
  ["fail 3 times at status", "503 for status, 3 times"],
  ["make fail always", "completed-with-error for any"],
  ["schnell fail once at result with 503; retryAfterMs=20", "503 for result schnell"],
])("%s", (words, said) => {
  const faults = plain();
  faults.make(words);
  expect(() => faults.verify()).toThrow(`\n  ${said}\n`);
});

test.each([
  ["esrgan breaks", /says no fault. Write "\[MODEL\] fail/],
  ["esrgam fail once", /no endpoint "esrgam". There are: acme\/echo, fal-ai\/flux\/schnell, fal-ai\/esrgan/],
  ["esrgan fail at sumbit", /no operation "sumbit". Operations are: submit, run, /],
  ["esrgan fail with 505", /no fault named "505". Faults are: /],
  ["esrgan fail 0 times", /count must be a whole number from 1 up/],
])("%s is refused, naming what there is", (words, why) => {
  expect(() => plain().make(words)).toThrow(why);
});

test("a setting that does not exist is refused, wherever it is written", () => {
  expect(() => plain().next({ model: "esrgan" } as object, "503")).toThrow(/not for a "model".*endpoint/);
  expect(() => createEmulator({ faults: [{ fault: "503", modle: "x" } as never] })).toThrow(/modle/);
});

test("one that never happened is named with what came nearest", async () => {
  const { fal, emulator } = setup({
    emulator: { models: [echo(), esrgan], faults: ["esrgan fail at submit"] },
  });
  await fal.subscribe(ECHO, { input: { n: 1 } });
  expect(() => emulator.faults.verify()).toThrow(`503 for submit esrgan (nearest: submit ${ECHO})`);
});

test("a script is a list of words, of faults, and of chances", () => {
  const faults = [
    "esrgan fail once",
    { make: "echo fail twice" },
    { fault: "503", operation: "status", count: 2 },
    { seed: 1, rates: { submit: { refused: 0.1 } } },
  ] as const;
  expect(createEmulator({ models: [echo(), esrgan], faults }).faults.pending).toBe(5);
});
