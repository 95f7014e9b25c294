import { getEventListeners, setMaxListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { whenAborted } from "../../src/base/signal.ts";

const collectGarbage = () => {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
};

test("however many listen to one signal, none is left once it is over for them, garbage collected or not", async () => {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const overs = Array.from({ length: 100 }, () => new AbortController());
  for (const over of overs) whenAborted(signal, over.signal, () => {});
  expect(getEventListeners(signal, "abort")).toHaveLength(100);
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  for (const over of overs) over.abort();
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("it is told once: of an abort to come, of one that was, and of none after its time", () => {
  const told: string[] = [];
  const user = new AbortController();
  const over = new AbortController();
  whenAborted(user.signal, over.signal, () => told.push("to come"));
  user.abort();
  whenAborted(user.signal, over.signal, () => told.push("was"));
  over.abort();
  whenAborted(user.signal, over.signal, () => told.push("late"));
  expect(told).toEqual(["to come", "was"]);
});
