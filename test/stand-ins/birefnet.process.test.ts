import { expect, test } from "vitest";
import { encodePicture } from "../../src/stand-ins/picture/encode.ts";
import type { Picture } from "../../src/stand-ins/picture/picture.ts";
import { FLUX, stage } from "../support/stage.ts";
import { drawn, type FileOut, open, refusal, run } from "./pictures.ts";

const BIREFNET = "fal-ai/birefnet/v2";
const alphaAt = ({ width, data }: Picture, x: number, y: number) => data[(y * width + x) * 4 + 3] ?? 0;

test("a drawn subject is kept, its background is gone", async () => {
  const s = stage();
  const made = await run(s, FLUX, {
    prompt: "a fox in a snowy forest",
    seed: 7,
    image_size: { width: 256, height: 192 },
  });
  const [source] = made["images"] as [FileOut];
  const body = await run(s, BIREFNET, { image_url: source.url });
  expect(body).not.toHaveProperty("mask_image");
  const image = body["image"] as FileOut;
  expect(image).toMatchObject({ width: 256, height: 192, content_type: "image/png" });
  const cut = await open(s, image.url);
  const alphas = cut.data.filter((_, i) => i % 4 === 3);
  const opaque = alphas.filter((alpha) => alpha > 250).length / alphas.length;
  const clear = alphas.filter((alpha) => alpha < 5).length / alphas.length;
  expect(opaque).toBeGreaterThan(0.08);
  expect(opaque).toBeLessThan(0.6);
  expect(clear).toBeGreaterThan(0.3);
  for (const [x, y] of [
    [2, 2],
    [253, 2],
    [2, 150],
    [253, 150],
  ] as const) {
    expect(alphaAt(cut, x, y)).toBeLessThan(10);
  }
});

test("a disc is cut out along its edge, and its colours stay what they were", async () => {
  const s = stage();
  const inDisc = (x: number, y: number) => Math.hypot(x - 60, y - 64) < 30;
  const disc = drawn(120, 120, (x, y) => (inDisc(x, y) ? [210, 80, 40] : [70, 110, 160 - y / 3]));
  const url = `data:image/png;base64,${Buffer.from(encodePicture(disc, "png").bytes).toString("base64")}`;
  const body = await run(s, BIREFNET, { image_url: url, output_mask: true });
  const cut = await open(s, (body["image"] as FileOut).url);
  const mask = await open(s, (body["mask_image"] as FileOut).url);
  let wrong = 0;
  for (let y = 0; y < 120; y++) {
    for (let x = 0; x < 120; x++) {
      if (alphaAt(cut, x, y) > 127 !== inDisc(x, y)) wrong += 1;
      expect(Math.abs((mask.data[(y * 120 + x) * 4] ?? 0) - alphaAt(cut, x, y))).toBeLessThanOrEqual(2);
    }
  }
  expect(wrong / (120 * 120)).toBeLessThan(0.02);
  expect([...cut.data.subarray((64 * 120 + 60) * 4, (64 * 120 + 60) * 4 + 4)]).toEqual([210, 80, 40, 255]);
});

test("a picture without any subject does not break it", async () => {
  const s = stage();
  const plain = drawn(40, 30, () => [90, 90, 90]);
  const url = `data:image/png;base64,${Buffer.from(encodePicture(plain, "png").bytes).toString("base64")}`;
  expect(await run(s, BIREFNET, { image_url: url })).toMatchObject({ image: { width: 40, height: 30 } });
});

test("sync_mode answers with data URIs", async () => {
  const s = stage();
  const disc = drawn(24, 24, (x, y) => (Math.hypot(x - 12, y - 12) < 6 ? [250, 0, 0] : [0, 0, 90]));
  const url = `data:image/png;base64,${Buffer.from(encodePicture(disc, "png").bytes).toString("base64")}`;
  const body = await run(s, BIREFNET, { image_url: url, sync_mode: true });
  expect((body["image"] as FileOut).url).toMatch(/^data:image\/png;base64,/);
});

test("all that fal takes is taken: another format is a png that says so, and the mask can come alone", async () => {
  const s = stage();
  const disc = drawn(24, 24, (x, y) => (Math.hypot(x - 12, y - 12) < 6 ? [250, 0, 0] : [0, 0, 90]));
  const url = `data:image/png;base64,${Buffer.from(encodePicture(disc, "png").bytes).toString("base64")}`;
  const body = await run(s, BIREFNET, {
    ...{ image_url: url, mask_only: true, output_format: "webp" },
    ...{ model: "General Use (Dynamic)", operating_resolution: "2304x2304" },
  });
  const image = body["image"] as FileOut;
  expect(image).toMatchObject({ content_type: "image/png", file_name: "mask.png" });
  expect(alphaAt(await open(s, image.url), 2, 2)).toBe(255);
  expect(s.emulator.jobs[0]?.logs.map(({ message }) => message)).toContain(
    "this stand-in writes png only, not webp",
  );
});

test("only v2 is there, with the models that it has", async () => {
  const s = stage({ unknown: "refuse" });
  expect(await refusal(s, BIREFNET, { image_url: "x", model: "General Use" })).toMatchObject({
    status: 422,
    type: "one_of",
  });
  expect((await s.send("POST", "/queue/fal-ai/birefnet", { body: {} })).status).toBe(404);
});
