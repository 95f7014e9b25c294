import { inflateSync } from "node:zlib";
import { type DecodedPng, decode as decodePng, hasPngSignature } from "fast-png";
import jpeg from "jpeg-js";
import { blankPicture, type Picture } from "./picture.ts";

/** What a large camera makes. A few bytes can say that they are more, and would take a gigabyte here. */
const MOST_MEGAPIXELS = 25;
/** A progressive JPEG has ten or so, and each is as much work as the picture is large. */
const MOST_SCANS = 50;

/** The bytes are not a picture that can be read; the message says which formats can. */
export class UnreadablePictureError extends Error {
  override readonly name = "UnreadablePictureError";
}

/** The picture, or what it unpacks to, is larger than is read here. */
class TooLarge extends Error {}

/** Reads a PNG of any kind, or a JPEG. What it says of its size is looked at before anything is unpacked. */
export function decodePicture(bytes: Uint8Array): Picture {
  const isPng = bytes.length > 24 && hasPngSignature(bytes);
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isPng && !isJpeg) throw new UnreadablePictureError("only PNG and JPEG can be read here");
  try {
    return isPng ? fromPng(bytes) : fromJpeg(bytes);
  } catch (error) {
    if (error instanceof TooLarge) {
      const most = `${MOST_MEGAPIXELS} megapixels`;
      throw new UnreadablePictureError(`the picture is larger than ${most}`, { cause: error });
    }
    throw new UnreadablePictureError(`the ${isPng ? "PNG" : "JPEG"} is damaged`, { cause: error });
  }
}

function fromJpeg(bytes: Uint8Array): Picture {
  assertScans(bytes);
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    maxResolutionInMP: MOST_MEGAPIXELS,
    maxMemoryUsageInMB: 512,
  });
  return { width, height, data: new Uint8ClampedArray(data) };
}

function fromPng(bytes: Uint8Array): Picture {
  const png = decodePng(plainPng(bytes));
  const picture = blankPicture(png.width, png.height);
  const sample = sampler(png);
  const { channels, depth, palette } = png;
  const full = 2 ** depth - 1;
  const clear = png.transparency;
  for (let y = 0, to = 0; y < png.height; y++) {
    for (let x = 0; x < png.width; x++, to += 4) {
      const first = x * channels;
      if (palette) {
        const [r = 0, g = 0, b = 0, a = 255] = palette[sample(y, first)] ?? [];
        picture.data.set([r, g, b, a], to);
        continue;
      }
      const colours = channels >= 3 ? 3 : 1;
      let isClear = clear !== undefined;
      for (let c = 0; c < 3; c++) {
        const value = sample(y, first + Math.min(c, colours - 1));
        picture.data[to + c] = (value * 255) / full;
        if (clear && value !== clear[Math.min(c, colours - 1)]) isClear = false;
      }
      const hasAlpha = channels === 2 || channels === 4;
      picture.data[to + 3] = hasAlpha ? (sample(y, first + channels - 1) * 255) / full : isClear ? 0 : 255;
    }
  }
  return picture;
}

/**
 * The same picture, of the chunks that it is made of alone: profiles and texts are packed too, and unpack to anything.
 *
 * @throws {TooLarge} where it is, or where its data unpacks to more than its size needs.
 */
function plainPng(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width * height > MOST_MEGAPIXELS * 1e6) throw new TooLarge();
  const chunks = [bytes.subarray(0, 8)];
  const packed: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (["IHDR", "PLTE", "tRNS", "IDAT", "IEND"].includes(name))
      chunks.push(bytes.subarray(at, at + 12 + length));
    if (name === "IDAT") packed.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  // Four samples of sixteen bits at most, a byte for each row, and what seven passes take more.
  const most = (8 * width + 8) * (height + 8) * 2;
  try {
    inflateSync(Buffer.concat(packed), { maxOutputLength: most });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new TooLarge(undefined, { cause });
    throw cause;
  }
  return Buffer.concat(chunks);
}

/** @throws {TooLarge} */
function assertScans(bytes: Uint8Array): void {
  let scans = 0;
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1))
    if (bytes[at + 1] === 0xda) scans += 1;
  if (scans > MOST_SCANS) throw new TooLarge();
}

/** Reads one sample; those below eight bits are packed, and every row starts on a byte. */
function sampler({ data, width, channels, depth }: DecodedPng): (y: number, index: number) => number {
  if (depth >= 8) return (y, index) => data[y * width * channels + index] ?? 0;
  const stride = Math.ceil((width * channels * depth) / 8);
  const mask = 2 ** depth - 1;
  return (y, index) => {
    const bit = index * depth;
    return ((data[y * stride + (bit >> 3)] ?? 0) >> (8 - depth - (bit & 7))) & mask;
  };
}
