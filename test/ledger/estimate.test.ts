import { expect, test } from "vitest";
import { expectedUnits } from "../../src/ledger/estimate.ts";

test.each<[string, unknown, number | undefined]>([
  ["requests", {}, 1],
  ["images", {}, 1],
  ["image", { num_images: 3 }, 3],
  ["images", { num_images: "many" }, undefined],
  ["megapixels", { image_size: "square" }, 1],
  ["Megapixels", { image_size: "square_hd", num_images: 2 }, 4],
  ["megapixels", { image_size: { width: 2000, height: 1000 } }, 2],
  // The default is the model's own.
  ["megapixels", { prompt: "a fox" }, undefined],
  ["megapixels", { image_size: "huge" }, undefined],
  ["seconds", { duration: 5 }, 5],
  ["seconds", { duration: "8s" }, 8],
  ["seconds", {}, undefined],
  ["seconds", { duration: "auto" }, undefined],
  // A second of computing is not a second of video.
  ["compute seconds", { duration: 5 }, undefined],
  ["1000 characters", { text: "x".repeat(1500) }, 1.5],
  ["1000 characters", { prompt: "🦊🦊" }, 0.002],
  ["1000 characters", {}, undefined],
  ["tokens", { prompt: "a fox" }, undefined],
  ["constructor", {}, undefined],
  ["images", "a fox", undefined],
])("in %s, %o will be billed %s", (unit, input, units) => {
  expect(expectedUnits(unit, input)).toBe(units);
});
