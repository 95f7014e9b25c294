import { type DecodedPng, decode as decodePng, hasPngSignature } from "fast-png";
import jpeg from "jpeg-js";
import { blankPicture, type Picture } from "./picture.ts";

const MOST_MEGAPIXELS = 64;

/** The bytes are not a picture that can be read; the message says which formats can. */
export class UnreadablePictureError extends Error {
  override readonly name = "UnreadablePictureError";
}

/** Reads a PNG of any kind, or a JPEG. */
export function decodePicture(bytes: Uint8Array): Picture {
  const isPng = bytes.length > 24 && hasPngSignature(bytes);
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isPng && !isJpeg) throw new UnreadablePictureError("only PNG and JPEG can be read here");
  try {
    return isPng ? fromPng(bytes) : fromJpeg(bytes);
  } catch (error) {
    throw new UnreadablePictureError(`the ${isPng ? "PNG" : "JPEG"} is damaged`, { cause: error });
  }
}

function fromJpeg(bytes: Uint8Array): Picture {
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    maxResolutionInMP: MOST_MEGAPIXELS,
    maxMemoryUsageInMB: 1024,
  });
  return { width, height, data: new Uint8ClampedArray(data) };
}

function fromPng(bytes: Uint8Array): Picture {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(16) / 1e6;
  const tall = new DataView(bytes.buffer, bytes.byteOffset).getUint32(20);
  if (size * tall > MOST_MEGAPIXELS) throw new RangeError("too many pixels");

  const png = decodePng(bytes);
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
