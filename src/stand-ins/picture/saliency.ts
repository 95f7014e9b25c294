import { boxBlur } from "./blur.ts";
import type { Perceptual } from "./perceptual.ts";
import { blankPlane, type Plane } from "./plane.ts";

/** How much of the lower edge, to each side, counts as background: subjects stand on the middle of it. */
const LOWER_CORNERS = 0.16;

/**
 * How much each pixel stands out, from 0 to 1. Two hints, both from the idea that the border is background: how high a
 * barrier of contrast lies between a pixel and the border, and how unlike its colour is to the border's near its row.
 */
export function saliency(picture: Perceptual): Plane {
  const { width, height } = picture;
  const barriers = blankPlane(width, height);
  for (let channel = 0; channel < 3; channel++) addBarriers(picture, channel, barriers);
  const unlike = unlikeTheSides(picture);
  const result = blankPlane(width, height);
  const barrierTop = percentile(barriers.data, 0.97);
  const unlikeTop = percentile(unlike.data, 0.97);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const u = (x / width - 0.5) / 0.34;
      const v = (y / height - 0.55) / 0.6;
      const central = Math.exp(-0.7 * (u * u + v * v));
      const barrier = Math.min(1, (barriers.data[i] ?? 0) / barrierTop);
      const contrast = Math.min(1, (unlike.data[i] ?? 0) / unlikeTop);
      result.data[i] = (0.45 * barrier + 0.55 * contrast) * (0.35 + 0.65 * central);
    }
  }
  return boxBlur(result, 1);
}

const isBorder = (x: number, y: number, width: number, height: number): boolean =>
  y === 0 ||
  x === 0 ||
  x === width - 1 ||
  (y === height - 1 && Math.abs(x / width - 0.5) > 0.5 - LOWER_CORNERS);

/**
 * The minimum barrier distance in one channel: over all ways from the border to a pixel, the smallest difference between
 * the highest and the lowest value met. Found by sweeping the picture to and fro.
 */
function addBarriers({ width, height, data }: Perceptual, channel: number, sum: Plane): void {
  const distance = new Float32Array(width * height).fill(Number.POSITIVE_INFINITY);
  const low = new Float32Array(width * height);
  const high = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const value = data[i * 3 + channel] ?? 0;
      low[i] = value;
      high[i] = value;
      if (isBorder(x, y, width, height)) distance[i] = 0;
    }
  }
  const reach = (i: number, from: number) => {
    const value = data[i * 3 + channel] ?? 0;
    const newLow = Math.min(low[from] ?? 0, value);
    const newHigh = Math.max(high[from] ?? 0, value);
    if (newHigh - newLow >= (distance[i] ?? 0)) return;
    if ((distance[from] ?? 0) === Number.POSITIVE_INFINITY) return;
    distance[i] = newHigh - newLow;
    low[i] = newLow;
    high[i] = newHigh;
  };
  for (let sweep = 0; sweep < 4; sweep++) {
    const forward = sweep % 2 === 0;
    for (let step = 0; step < width * height; step++) {
      const i = forward ? step : width * height - 1 - step;
      const x = i % width;
      if (forward ? x > 0 : x < width - 1) reach(i, forward ? i - 1 : i + 1);
      if (forward ? i >= width : i < width * (height - 1)) reach(i, forward ? i - width : i + width);
    }
  }
  for (let i = 0; i < distance.length; i++) sum.data[i] = (sum.data[i] ?? 0) + (distance[i] ?? 0);
}

/** Scenery lies in layers, so what a row's background looks like can be seen at its two ends. */
function unlikeTheSides({ width, height, data }: Perceptual): Plane {
  const result = blankPlane(width, height);
  const margin = Math.max(1, Math.round(width * 0.1));
  const rows = Math.max(2, Math.round(height * 0.18));
  const stepX = Math.max(1, Math.floor(margin / 5));
  const samples: number[] = [];
  for (let y = 0; y < height; y++) {
    samples.length = 0;
    for (let sy = Math.max(0, y - rows); sy <= Math.min(height - 1, y + rows); sy += 4) {
      for (let sx = 0; sx < margin; sx += stepX) {
        samples.push((sy * width + sx) * 3, (sy * width + width - 1 - sx) * 3);
      }
    }
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 3;
      let nearest = Number.POSITIVE_INFINITY;
      for (const s of samples) {
        const l = (data[i] ?? 0) - (data[s] ?? 0);
        const a = (data[i + 1] ?? 0) - (data[s + 1] ?? 0);
        const b = (data[i + 2] ?? 0) - (data[s + 2] ?? 0);
        nearest = Math.min(nearest, l * l + a * a + b * b);
      }
      result.data[y * width + x] = Math.sqrt(nearest);
    }
  }
  return result;
}

/** The value below which this share of all values lies; never zero, as one divides by it. */
function percentile(values: Float32Array, share: number): number {
  const sorted = Float32Array.from(values).sort();
  return Math.max(1e-3, sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
}
