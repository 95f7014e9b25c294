import { expect, test } from "vitest";
import { encodePicture } from "../../src/stand-ins/picture/encode.ts";
import { shrink } from "../../src/stand-ins/picture/picture.ts";
import { FLUX, ORIGIN, stage } from "../support/stage.ts";
import { difference, drawn, type FileOut, open, refusal, run } from "./pictures.ts";

const ESRGAN = "fal-ai/esrgan";
const imageOf = (body: Record<string, unknown>) => body["image"] as FileOut;
const dataUrl = (bytes: Uint8Array) => `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;

test("an upscale is the same picture, larger", async () => {
  const s = stage();
  const made = await run(s, FLUX, { prompt: "a fox", seed: 1, image_size: { width: 128, height: 96 } });
  const source = (made["images"] as FileOut[])[0]?.url ?? "";
  const submitted = await s.submit(ESRGAN, { image_url: source });
  const { body, headers } = await s.finish(submitted);
  const image = imageOf(body);
  expect(image).toMatchObject({ width: 256, height: 192, content_type: "image/png" });
  const large = await open(s, image.url);
  const original = await open(s, source);
  expect(difference(shrink(large, 128, 96), original)).toBeLessThan(4);
  expect(
    difference(
      shrink(large, 128, 96),
      drawn(128, 96, () => [128, 128, 128]),
    ),
  ).toBeGreaterThan(20);
  const seconds = Number(headers.get("x-fal-billable-units"));
  expect(seconds).toBeGreaterThanOrEqual(2);
  expect(seconds).toBeLessThanOrEqual(4);
});

test("the edges of an upscale are crisp and do not overshoot", async () => {
  const s = stage();
  const half = drawn(32, 32, (x) => (x < 16 ? [40, 40, 40] : [200, 200, 200]));
  const url = dataUrl(encodePicture(half, "png").bytes);
  const large = await open(s, imageOf(await run(s, ESRGAN, { image_url: url, scale: 4 })).url);
  const row = Array.from({ length: 128 }, (_, x) => large.data[(64 * 128 + x) * 4] ?? 0);
  expect(row.filter((value) => value > 60 && value < 180).length).toBeLessThanOrEqual(4);
  expect(Math.min(...row)).toBeGreaterThanOrEqual(28);
  expect(Math.max(...row)).toBeLessThanOrEqual(212);
});

test("the scale may be a fraction, and the result a JPEG", async () => {
  const s = stage();
  const url = dataUrl(
    encodePicture(
      drawn(30, 20, () => [10, 120, 200]),
      "png",
    ).bytes,
  );
  const image = imageOf(await run(s, ESRGAN, { image_url: url, scale: 1.5, output_format: "jpeg" }));
  expect(image).toMatchObject({ width: 45, height: 30, content_type: "image/jpeg" });
  expect(await open(s, image.url)).toMatchObject({ width: 45, height: 30 });
});

test("our own files come from memory whatever origin their URL names; others are fetched", async () => {
  const asked: string[] = [];
  const png = encodePicture(
    drawn(16, 16, () => [1, 2, 3]),
    "png",
  ).bytes;
  const s = stage({
    fetch: async (input) => {
      asked.push(String(input));
      return String(input).endsWith("/missing.png")
        ? new Response("", { status: 404 })
        : new Response(Buffer.from(png));
    },
  });
  const made = await run(s, FLUX, { prompt: "a fox", seed: 1, image_size: { width: 16, height: 16 } });
  const own = (made["images"] as FileOut[])[0]?.url ?? "";
  expect(own.startsWith(ORIGIN)).toBe(true);
  for (const origin of [ORIGIN, "https://v3.fal.media", "http://localhost:1"]) {
    await run(s, ESRGAN, { image_url: own.replace(ORIGIN, origin), scale: 1 });
  }
  expect(asked).toEqual([]);
  await run(s, ESRGAN, { image_url: "https://example.com/a.png", scale: 1 });
  expect(asked).toEqual(["https://example.com/a.png"]);
  expect(await refusal(s, ESRGAN, { image_url: "https://example.com/missing.png" })).toMatchObject({
    status: 422,
    type: "file_download_error",
    msg: expect.stringContaining("404"),
  });
});

test.each([
  ["no URL", "file_download_error"],
  ["ftp://example.com/a.png", "file_download_error"],
  ["data:image/png;base64,aGVsbG8=", "image_load_error"],
  [
    `data:image/png;base64,${Buffer.from(
      encodePicture(
        drawn(9, 9, () => [1, 2, 3]),
        "png",
      ).bytes.subarray(0, 60),
    ).toString("base64")}`,
    "image_load_error",
  ],
])("%s is refused", async (image_url, type) => {
  expect(await refusal(stage(), ESRGAN, { image_url })).toMatchObject({
    status: 422,
    loc: ["body", "image_url"],
    type,
  });
});

test("a host that does not answer is a download error", async () => {
  const s = stage({ fetch: () => Promise.reject(new TypeError("fetch failed")) });
  expect(await refusal(s, ESRGAN, { image_url: "https://nowhere.test/a.png" })).toMatchObject({
    type: "file_download_error",
  });
});

test("a result beyond 64 megapixels is refused before it is made", async () => {
  const wide = dataUrl(
    encodePicture(
      drawn(1100, 1000, () => [0, 0, 0]),
      "png",
    ).bytes,
  );
  expect(await refusal(stage(), ESRGAN, { image_url: wide, scale: 8 })).toMatchObject({
    type: "image_too_large",
    ctx: { max_width: expect.any(Number), max_height: expect.any(Number) },
  });
});

test.each([
  [{ image_url: "x", scale: 9 }, "less_than_equal"],
  [{ image_url: "x", scale: 0.5 }, "greater_than_equal"],
  [{ image_url: "x", model: "Other" }, "one_of"],
  [{}, "missing"],
])("%j is refused: %s", async (input, type) => {
  expect(await refusal(stage(), ESRGAN, input)).toMatchObject({ status: 422, type });
});
