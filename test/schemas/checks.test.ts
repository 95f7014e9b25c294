import { pulledEndpoint } from "fal-chain/schemas";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { setup } from "../support/setup.ts";
import { ODD, odd } from "./documents.ts";

const { input, output } = pulledEndpoint(ODD, JSON.stringify(odd)).schemas;
const given = { prompt: "a fox", mode: "fast" };
const issuesOf = async (value: unknown) => (await input["~standard"].validate(value)).issues;

test.each<object>([
  {},
  { unknown: 1, seed: undefined },
  { prompt: "\u{1f98a}".repeat(9) },
  { strength: 1 },
  { steps: 5 },
  { seed: null },
  { seed: 2 ** 60 },
  { seed: 12n },
  { old_seed: null },
  { image_url: new Blob(["x"]), mask: new Uint8Array(3), video_urls: [new ArrayBuffer(1)] },
  { image_url: "data:image/png;base64,AA" },
  { image_url: "" },
  { size: { width: 1, height: "unknown" }, whole: {} },
  { lost: { whatever: true } },
  { pair: [1, "x"] },
  { tree: { children: [{ children: [] }] } },
  { weights: { a: 1 } },
  { either: 3 },
  { either: "x" },
  { legacy: null, python: "anything" },
])("%o is what fal takes", async (fields) => {
  const value = { ...given, ...fields };
  expect(await input["~standard"].validate(value)).toEqual({ value });
});

test.each<[fields: object, path: string, why: string]>([
  [{ prompt: undefined }, "prompt", "expected string, received undefined"],
  [{ mode: undefined }, "mode", 'expected one of "fast"|"slow"'],
  [{ prompt: "" }, "prompt", "fewer than 1 characters"],
  [{ prompt: "\u{1f98a}".repeat(10) }, "prompt", "more than 9 characters"],
  [{ mode: "faster" }, "mode", 'expected one of "fast"|"slow"'],
  [{ strength: 0 }, "strength", "expected number to be >0"],
  [{ strength: 1.1 }, "strength", "expected number to be <=1"],
  [{ steps: 4 }, "steps", "expected number to be >4"],
  [{ steps: 4.5 }, "steps", "Is not a whole number"],
  [{ seed: "12" }, "seed", "expected number, received string, or expected null"],
  [{ image_url: "./fox.png" }, "image_url", "Is not a URL"],
  [{ video_urls: ["a", "b", "c"] }, "video_urls", "<=2 items"],
  [{ size: { width: 0 } }, "size.width", "expected number to be >0"],
  [{ whole: [] }, "whole", "expected object"],
  [{ style: "round" }, "style", 'expected "flat"'],
  [{ pair: [1] }, "pair.1", "expected string"],
  [{ pair: ["x", 1] }, "pair.0", "expected number"],
  [{ tree: { children: [{ children: 1 }] } }, "tree.children.0.children", "expected array"],
  [{ weights: { a: "1" } }, "weights.a", "expected number"],
  [{ either: 2 }, "either", "expected number to be >=3"],
  [{ name: "Fox" }, "name", "Does not match ^[a-z]+$"],
])("%o is not: %s", async (fields, path, why) => {
  const issues = await issuesOf({ ...given, ...fields });
  expect(issues?.[0]?.path?.join(".")).toBe(path);
  expect(issues?.[0]?.message).toContain(why);
});

test("an output is passed on, whatever it is: it is paid for", async () => {
  expect(await output["~standard"].validate({ images: 3 })).toEqual({ value: { images: 3 } });
});

test("a call whose input fal would refuse is not sent, and a file in an input is no reason to refuse it", async () => {
  const { fal, emulator } = setup({ emulator: { models: [echo({ id: ODD })] } });
  const endpoint = pulledEndpoint<object, { echo: { image_url: string } }>(ODD, JSON.stringify(odd));
  await expect(fal.subscribe(endpoint, { input: { ...given, strength: 2 } })).rejects.toThrow(
    "The input for acme/odd does not match its schema: strength: Too big",
  );
  expect(emulator.jobs).toEqual([]);
  const { data } = await fal.subscribe(endpoint, { input: { ...given, image_url: new Blob(["x"]) } });
  expect(data.echo.image_url).toMatch(/^https:/);
});
