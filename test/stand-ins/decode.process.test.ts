import { crc32, deflateSync } from "node:zlib";
import { encode } from "fast-png";
import jpeg from "jpeg-js";
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

/** A PNG that says that it has this size, and whose data is whatever is given. */
function png(
  width: number,
  height: number,
  data: Uint8Array,
  ...more: [name: string, content: Uint8Array][]
) {
  const chunk = (name: string, content: Uint8Array) => {
    const bytes = Buffer.alloc(content.length + 12);
    bytes.writeUInt32BE(content.length, 0);
    bytes.write(name, 4, "latin1");
    bytes.set(content, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), content.length + 8);
    return bytes;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const others = more.map(([name, content]) => chunk(name, content));
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    ...others,
    chunk("IDAT", deflateSync(data)),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** A JPEG's bytes, whose header says another size. */
function resized(width: number, height: number): Uint8Array {
  const { data } = jpeg.encode({ width: 8, height: 8, data: new Uint8Array(256) }, 90);
  const bytes = Buffer.from(data);
  const frame = bytes.indexOf(Uint8Array.of(0xff, 0xc0));
  bytes.writeUInt16BE(height, frame + 5);
  bytes.writeUInt16BE(width, frame + 7);
  return bytes;
}

const ZEROS = new Uint8Array(200 * 2 ** 20);

test.each([
  ["a PNG that says that it is huge", () => png(2 ** 31 - 1, 2 ** 31 - 1, new Uint8Array(1)), true],
  ["a PNG of 40 megapixels", () => png(40_000, 1_000, new Uint8Array(1)), true],
  ["a PNG whose data unpacks to 200 MB", () => png(8, 8, ZEROS), true],
  ["a PNG whose chunks are longer than it", () => png(8, 8, new Uint8Array(1)).fill(0xff, 33, 37), false],
  ["a JPEG that says that it is huge", () => resized(65_500, 65_500), false],
  [
    "a JPEG of a thousand scans",
    () => Buffer.concat([resized(8, 8), Buffer.alloc(2_000, "ffda", "hex")]),
    true,
  ],
])("%s is refused before it takes any memory", (_, made, isLarge) => {
  const bytes = made();
  const before = process.memoryUsage().arrayBuffers;
  const startedAt = performance.now();
  expect(() => decodePicture(bytes)).toThrow(isLarge ? "larger than 25 megapixels" : "is damaged");
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20);
});

test("what is packed beside a picture is not unpacked", () => {
  const row = Uint8Array.of(0, 1, 2, 3, 4, 5, 6);
  const bomb = Buffer.concat([Buffer.from("icc\0\0"), deflateSync(ZEROS)]);
  const bytes = png(2, 1, row, ["iCCP", bomb], ["zTXt", bomb]);
  const before = process.memoryUsage().arrayBuffers;
  expect(pixels(bytes)).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20);
});
