import { expect, test } from "vitest";
import { FLUX, stage } from "../support/stage.ts";
import { download, type FileOut, open, refusal, run } from "./pictures.ts";

const size = { image_size: { width: 128, height: 96 } };
const imagesOf = (body: Record<string, unknown>) => body["images"] as FileOut[];

test("the same prompt and seed give the same bytes, another prompt or seed another picture", async () => {
  const picture = async (prompt: string, seed: number) => {
    const s = stage();
    const [image] = imagesOf(await run(s, FLUX, { prompt, seed, ...size }));
    return Buffer.from(await download(s, image?.url ?? "")).toString("base64");
  };
  const fox = await picture("a fox in the snow", 7);
  expect(await picture("a fox in the snow", 7)).toBe(fox);
  expect(await picture("a fox in the snow", 8)).not.toBe(fox);
  expect(await picture("a fox in the rain", 7)).not.toBe(fox);
});

test("the output is complete and the file is what it says", async () => {
  const s = stage();
  const submitted = await s.submit(FLUX, { prompt: "a lighthouse at dawn", seed: 3, ...size });
  const { body, headers } = await s.finish(submitted);
  expect(body).toEqual({
    images: [{ url: expect.stringMatching(/\.jpeg$/), width: 128, height: 96, content_type: "image/jpeg" }],
    timings: { inference: expect.any(Number) },
    seed: 3,
    has_nsfw_concepts: [false],
    prompt: "a lighthouse at dawn",
  });
  expect(headers.get("x-fal-billable-units")).toBe("1");
  const file = await s.send("GET", imagesOf(body)[0]?.url ?? "", { anonymous: true });
  expect(file.headers.get("content-type")).toBe("image/jpeg");
  expect(await open(s, imagesOf(body)[0]?.url ?? "")).toMatchObject({ width: 128, height: 96 });
  const seconds = (body["timings"] as { inference: number }).inference;
  expect(seconds).toBeGreaterThanOrEqual(1.5);
  expect(seconds).toBeLessThanOrEqual(2.5);
  expect(s.emulator.jobs[0]?.logs.map(({ message }) => message)).toEqual([
    expect.stringContaining("stand-in"),
    "step 1 of 4",
    "step 2 of 4",
    "step 3 of 4",
    "step 4 of 4",
  ]);
});

test("each of several images is another one, and each is billed by the megapixel", async () => {
  const s = stage();
  const submitted = await s.submit(FLUX, { prompt: "hills", seed: 5, num_images: 3, ...size });
  const { body, headers } = await s.finish(submitted);
  const urls = imagesOf(body).map(({ url }) => url);
  expect(new Set(urls).size).toBe(3);
  expect(headers.get("x-fal-billable-units")).toBe("3");
  const next = imagesOf(await run(s, FLUX, { prompt: "hills", seed: 6, ...size }));
  expect(next[0]?.url).toBe(urls[1]);
});

test("the presets have fal's sizes, the default is a landscape", async () => {
  const s = stage();
  const [image] = imagesOf(await run(s, FLUX, { prompt: "sea", output_format: "png" }));
  expect(image).toMatchObject({ width: 1024, height: 768, content_type: "image/png" });
  expect(await open(s, image?.url ?? "")).toMatchObject({ width: 1024, height: 768 });
});

test("a seed that was left open is chosen, told, and gives the same picture again", async () => {
  const s = stage({ seed: 11 });
  const first = await run(s, FLUX, { prompt: "a tree", ...size });
  const second = await run(s, FLUX, { prompt: "a tree", ...size });
  expect(second["seed"]).not.toBe(first["seed"]);
  const again = await run(s, FLUX, { prompt: "a tree", seed: first["seed"], ...size });
  expect(imagesOf(again)[0]?.url).toBe(imagesOf(first)[0]?.url);
  expect((await run(stage({ seed: 11 }), FLUX, { prompt: "a tree", ...size }))["seed"]).toBe(first["seed"]);
});

test("sync_mode answers with a data URI", async () => {
  const [image] = imagesOf(await run(stage(), FLUX, { prompt: "a boat", sync_mode: true, ...size }));
  expect(image?.url).toMatch(/^data:image\/jpeg;base64,\/9j\//);
});

test.each([
  [{}, "prompt", "missing", undefined],
  [{ prompt: "x", num_images: 5 }, "num_images", "less_than_equal", { le: 4 }],
  [{ prompt: "x", num_inference_steps: 0 }, "num_inference_steps", "greater_than_equal", { ge: 1 }],
  [{ prompt: "x", output_format: "bmp" }, "output_format", "one_of", { expected: ["jpeg", "png"] }],
  [{ prompt: "x", seed: 1.5 }, "seed", "int_type", undefined],
  [{ prompt: "x", guidance_scale: 0.5 }, "guidance_scale", "greater_than_equal", { ge: 1 }],
  [
    { prompt: "x", image_size: { width: 9000, height: 9000 } },
    ...["image_size", "image_too_large"],
    undefined,
  ] as const,
  [{ prompt: "x", image_size: "huge" }, "image_size", "one_of", expect.anything()],
])("%j is refused because of %s: %s", async (input, field, type, ctx) => {
  const refused = await refusal(stage(), FLUX, input);
  expect(refused).toMatchObject({
    status: 422,
    loc: ["body", field],
    type,
    url: `https://docs.fal.ai/errors/#${type}`,
  });
  expect(refused["ctx"]).toEqual(ctx);
});

test("an error inside image_size names the side", async () => {
  const refused = await refusal(stage(), FLUX, { prompt: "x", image_size: { width: 15_000, height: 64 } });
  expect(refused).toMatchObject({
    loc: ["body", "image_size", "width"],
    type: "less_than_equal",
    ctx: { le: 14142 },
  });
});

test("every kind of motif can be painted, at odd sizes too", async () => {
  const s = stage({ concurrency: 4 });
  const prompts = [
    "a lighthouse at dawn",
    "a fox in a snowy forest",
    "a tree in the fields",
    "a cherry tree",
    "the alps in winter",
    "a lighthouse under the stars",
    "clouds over the sea",
    "hills at sunset",
    "a fox at noon",
    "an astronaut reading a book",
  ];
  const urls: string[] = [];
  for (const prompt of prompts) {
    const output = await run(s, FLUX, { prompt, seed: 1, image_size: { width: 61, height: 97 } });
    urls.push(imagesOf(output)[0]?.url ?? "");
  }
  expect(new Set(urls).size).toBe(prompts.length);
  expect(imagesOf(await run(s, FLUX, { prompt: "x", image_size: { width: 1 } }))[0]).toMatchObject({
    width: 1,
    height: 512,
  });
});
