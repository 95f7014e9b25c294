import type { Picture } from "../picture/picture.ts";

// A film of whole pictures in H.264, each macroblock written as it is (I_PCM): long, and as simple as a film that every
// player shows can be. Source: ITU-T H.264, 7.3.

/** Whole macroblocks of 16 by 16. */
const BLOCK = 16;

/** What a decoder has to know before the first picture. */
export interface Parameters {
  readonly sequence: Uint8Array;
  readonly picture: Uint8Array;
}

/** @param size In pixels, whole macroblocks. */
export function parametersFor({ width, height }: Pick<Picture, "width" | "height">): Parameters {
  const sequence = bits()
    .fixed(66, 8) // Baseline
    .fixed(0b11000000, 8)
    .fixed(30, 8) // level 3.0
    .ue(0, 0, 2, 1)
    .fixed(0, 1)
    .ue(width / BLOCK - 1, height / BLOCK - 1)
    .fixed(0b1100, 4); // whole frames, direct inference, nothing cut off, nothing about use
  // Without entropy coding of its own; the filter between blocks can be turned off.
  const picture = bits().ue(0, 0).fixed(0, 2).ue(0, 0, 0).fixed(0, 3).ue(0, 0, 0).fixed(0b100, 3);
  return { sequence: unit(0x67, sequence.ended()), picture: unit(0x68, picture.ended()) };
}

/** One picture of a film. @param nth Two that follow each other have different numbers. */
export function frameOf(picture: Picture, nth: number): Uint8Array {
  const slice = bits()
    .ue(0, 7, 0)
    .fixed(0, 4)
    .ue(nth % 2)
    .fixed(0, 2)
    .ue(0, 1);
  for (let y = 0; y < picture.height; y += BLOCK) {
    for (let x = 0; x < picture.width; x += BLOCK) slice.ue(25).bytes(samplesOf(picture, x, y));
  }
  return unit(0x65, slice.ended());
}

/** Brightness of each pixel, and two colours of each four. */
function samplesOf({ data, width }: Picture, left: number, top: number): Uint8Array {
  const samples = new Uint8Array(384);
  const at = (x: number, y: number) => ((top + y) * width + left + x) * 4;
  const limited = (value: number) => Math.max(1, Math.min(254, Math.round(value)));
  for (let y = 0; y < BLOCK; y++) {
    for (let x = 0; x < BLOCK; x++) {
      const [r = 0, g = 0, b = 0] = data.subarray(at(x, y), at(x, y) + 3);
      samples[y * BLOCK + x] = limited(16 + 0.257 * r + 0.504 * g + 0.098 * b);
      if (x % 2 || y % 2) continue;
      const half = (y / 2) * 8 + x / 2;
      samples[256 + half] = limited(128 - 0.148 * r - 0.291 * g + 0.439 * b);
      samples[320 + half] = limited(128 + 0.439 * r - 0.368 * g - 0.071 * b);
    }
  }
  return samples;
}

/** A unit of the stream: where its bytes look like the beginning of another one, a 3 stands between. */
function unit(header: number, payload: Uint8Array): Uint8Array {
  const out = [header];
  let zeros = 0;
  for (const byte of payload) {
    if (zeros === 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(out);
}

interface Bits {
  fixed(value: number, count: number): Bits;
  /** Numbers from 0 up, small ones in few bits (Exp-Golomb). */
  ue(...values: readonly number[]): Bits;
  /** Whole bytes, from the next one on. */
  bytes(values: Uint8Array): Bits;
  /** What there is, with a 1 after the last bit. */
  ended(): Uint8Array;
}

function bits(): Bits {
  const done: number[] = [];
  let current = 0;
  let used = 0;
  const push = (bit: number) => {
    current = (current << 1) | bit;
    used += 1;
    if (used < 8) return;
    done.push(current);
    current = 0;
    used = 0;
  };
  const written: Bits = {
    fixed(value, count) {
      for (let bit = count - 1; bit >= 0; bit--) push((value >> bit) & 1);
      return written;
    },
    ue(...values) {
      for (const value of values) {
        const length = Math.floor(Math.log2(value + 1));
        written.fixed(0, length).fixed(value + 1, length + 1);
      }
      return written;
    },
    bytes(values) {
      while (used > 0) push(0);
      for (const value of values) done.push(value);
      return written;
    },
    ended() {
      push(1);
      while (used > 0) push(0);
      return Uint8Array.from(done);
    },
  };
  return written;
}
