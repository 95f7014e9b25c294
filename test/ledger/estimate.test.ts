import { expect, test } from "vitest";
import { kindOf } from "../../src/ledger/kind.ts";
import { determinedUnits } from "../../src/ledger/units.ts";

const units = (unit: string, input: unknown, isWhole = false) => {
  const { prompt, text } = Object(input) as { prompt?: string; text?: string };
  return determinedUnits(unit, input, { isWhole, characters: [...(text ?? prompt ?? "")].length });
};

test.each<[string, unknown, number | [number, number] | undefined]>([
  ["requests", {}, 1],
  ["images", {}, 1],
  ["per image", { num_images: 3 }, 3],
  ["images", { num_images: "3" }, 3],
  ["images", { num_images: "many" }, undefined],
  ["images", { num_images: -1 }, undefined],
  // It is the model that decides.
  ["images", { max_images: 4 }, [1, 4]],
  // It may be twice as dear.
  ["images", { num_images: 1, resolution: "4K" }, undefined],
  ["images", { quality: "low" }, undefined],
  ["megapixels", { image_size: "square" }, [0.25, 1]],
  ["Megapixels", { image_size: "square_hd", num_images: 2 }, 2],
  ["megapixels", { image_size: { width: 1920, height: 1080 } }, [(1920 * 1080) / 2 ** 20, 2]],
  ["megapixels", { image_size: { width: 2048, height: 2048 } }, 4],
  ["megapixels", { image_size: "1024x1024" }, 1],
  // The default is the model's own.
  ["megapixels", { prompt: "a fox" }, undefined],
  ["megapixels", { image_size: "huge" }, undefined],
  ["megapixels", { image_size: "constructor" }, undefined],
  ["megapixels", { image_size: "__proto__" }, undefined],
  ["megapixels", { image_size: { width: 1e200, height: 1e200 } }, undefined],
  // Pictures that are given may be counted too.
  ["megapixels", { image_size: "square", image_urls: ["https://a.example/1.png"] }, undefined],
  ["seconds", { duration: 5 }, undefined],
  ["compute seconds", { duration: 5 }, undefined],
  ["1000 characters", { text: "x".repeat(1500) }, 1.5],
  ["1,000 characters", { prompt: "🦊🦊" }, 0.002],
  ["1000 characters", {}, undefined],
  ["tokens", { prompt: "a fox" }, undefined],
  ["units", { duration: 5 }, undefined],
  ["constructor", {}, undefined],
  ["", {}, undefined],
  ["images", "a fox", undefined],
  ["images", null, undefined],
])("in %s, %o will be billed %s", (unit, input, expected) => {
  const [least, most] = Array.isArray(expected) ? expected : [expected, expected];
  expect(units(unit, input)).toEqual(expected === undefined ? undefined : { least, most });
});

test.each<[unknown, number | undefined]>([
  [{ duration: 5 }, 5],
  [{ duration: "8s", num_videos: 2 }, 16],
  [{ duration: "auto" }, undefined],
  [{ duration: 5, resolution: "720p" }, undefined],
  [{ duration: 5, generate_audio: true }, undefined],
  [{ duration: 5, image_url: "https://a.example/1.png" }, undefined],
])("seconds are determined where all of the input is known: %o", (input, expected) => {
  const found = units("seconds", input, true);
  expect(found?.most).toBe(expected);
});

const kind = (input: unknown) => kindOf("acme/film", input);
const nameOf = async (input: unknown) => (await kind(input)).name;

test("calls cost alike that differ in texts, files, seeds and what steers the model", async () => {
  const one = await kind({
    prompt: "a fox",
    seed: 1,
    image_url: "https://a.example/1.png",
    guidance_scale: 3,
  });
  const two = await kind({ seed: 2.5, prompt: "two", image_url: "data:x", guidance_scale: 7, voice: "Ann" });
  expect(two.name).toBe(one.name);
});

test.each([
  { resolution: "1080p" },
  { generate_audio: true },
  { quality: "high" },
  { model: "General Use (Heavy)" },
  { image_size: "square_hd" },
  { image_size: { width: 64, height: 32 } },
  { upscale_factor: 4 },
  { loras: [{ path: "https://a.example/l" }] },
  { tail_image_url: "https://a.example/1.png" },
])("calls that differ in %o cost something else", async (more) => {
  expect(await nameOf({ prompt: "a fox", ...more })).not.toBe(await nameOf({ prompt: "a fox" }));
});

test("how many and how long is an amount of the same kind, where it is one", async () => {
  const one = await kind({ duration: "5", num_images: 1 });
  const ten = await kind({ duration: "5s", num_images: "2" });
  expect([one.name, one.amount, ten.amount]).toEqual([ten.name, 5, 10]);
  expect(await nameOf({ duration: "auto", num_images: 1 })).not.toBe(one.name);
  expect((await kind({ duration: 1e200, num_images: 1e200 })).amount).toBe(1e15);
});

test("no input is too odd for a kind", async () => {
  const loop: { self?: unknown } = {};
  loop.self = loop;
  const proto = JSON.parse('{"__proto__": {"a": 1}, "constructor": "b"}');
  const long = Object.fromEntries(Array.from({ length: 1e3 }, (_, n) => [`field_${n}`, n]));
  for (const input of [undefined, null, 5, "text", [], loop, proto, long]) {
    expect((await kind(input)).name.length).toBeLessThanOrEqual(300);
  }
});
