import { encode } from "fast-png";
import { expect, test } from "vitest";
import { decodePicture } from "../../src/stand-ins/picture/decode.ts";
import { encodePicture } from "../../src/stand-ins/picture/encode.ts";
import { difference, drawn } from "./pictures.ts";

const pixels = (bytes: Uint8Array) => [...decodePicture(bytes).data];

test("what is written can be read back: PNG exactly, with alpha, JPEG nearly", () => {
  const picture = drawn(37, 23, (x, y) => [x * 6, y * 10, 128, x < 20 ? 255 : y * 11]);
  expect(difference(decodePicture(encodePicture(picture, "png").bytes), picture)).toBe(0);
  const opaque = drawn(64, 64, (x, y) => [x * 3, y * 3, 90]);
  expect(difference(decodePicture(encodePicture(opaque, "jpeg").bytes), opaque)).toBeLessThan(2);
});

test("PNGs of every kind become red, green, blue and alpha", () => {
  const two = { width: 2, height: 1 };
  expect(pixels(encode({ ...two, channels: 1, data: Uint8Array.of(0, 200) }))).toEqual([
    0, 0, 0, 255, 200, 200, 200, 255,
  ]);
  expect(pixels(encode({ ...two, channels: 2, data: Uint8Array.of(9, 0, 9, 77) }))).toEqual([
    9, 9, 9, 0, 9, 9, 9, 77,
  ]);
  expect(
    pixels(encode({ ...two, channels: 3, depth: 16, data: Uint16Array.of(65535, 0, 0, 0, 32768, 257) })),
  ).toEqual([255, 0, 0, 255, 0, 128, 1, 255]);
  expect(pixels(encode({ ...two, channels: 4, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }))).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8,
  ]);
  const palette = [
    [255, 0, 0],
    [0, 0, 255],
  ];
  expect(pixels(encode({ ...two, channels: 1, data: Uint8Array.of(1, 0), palette }))).toEqual([
    0, 0, 255, 255, 255, 0, 0, 255,
  ]);
});

test("bytes that are no picture are refused with a reason", () => {
  expect(() => decodePicture(new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'/>"))).toThrow(
    "only PNG and JPEG can be read here",
  );
  expect(() => decodePicture(Uint8Array.of(0xff, 0xd8, 1, 2))).toThrow("the JPEG is damaged");
  expect(() => decodePicture(new Uint8Array(0))).toThrow("only PNG and JPEG");
});
