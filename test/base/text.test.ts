import { expect, test } from "vitest";
import { nearest } from "../../src/base/text.ts";

test.each([
  ["promt", ["prompt", "seed"], "prompt"],
  ["POLLING", ["auto", "polling"], "polling"],
  ["steaming", ["auto", "streaming", "polling"], "streaming"],
  ["zzzzzz", ["prompt", "seed"], undefined],
  ["x", [], undefined],
])("%j among %o most likely means %s", (word, candidates, meant) => {
  expect(nearest(word, candidates)).toBe(meant);
});
