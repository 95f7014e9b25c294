import type { Breathe, Picture } from "../picture/picture.ts";
import { blur, type Plane, planeOf } from "./plane.ts";

const ROUNDS = 4;
/** Colours are counted in so many steps of each channel. */
const STEPS = 10;

/**
 * Which pixels of a small picture belong to its subject, from 0 to 1. What stands out gives a first guess; then the
 * colours inside and outside of it are counted, and every pixel is judged again by its colour and the guess.
 */
export async function findSubject(picture: Picture, breathe: Breathe): Promise<Plane> {
  const salient = saliency(picture);
  const mean = salient.data.reduce((sum, value) => sum + value, 0) / salient.data.length;
  const guess = planeOf(picture, (i) => sigmoid(((salient.data[i] ?? 0) - mean * 1.9) * 9));
  let mask = guess;
  for (let round = 0; round < ROUNDS; round++) {
    await breathe();
    const colour = byColour(picture, mask);
    mask = blur(
      planeOf(picture, (i) => sigmoid((colour[i] ?? 0) * 0.85 + logit(guess.data[i] ?? 0) * 0.95)),
      1,
    );
  }
  await breathe();
  return largestPatch(mask);
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const logit = (p: number) => Math.log(Math.max(0.02, p) / Math.max(0.02, 1 - p));

/** Lightness and two colour axes, about 0 to 1. Colours count more: shadows fall on backgrounds and subjects alike. */
function axesOf({ data }: Picture, pixel: number): readonly [number, number, number] {
  const [r, g, b] = [0, 1, 2].map((c) => (data[pixel * 4 + c] ?? 0) / 255) as [number, number, number];
  return [(r + g + b) / 3, r - g, (r + g) / 2 - b];
}

/**
 * How unlike a pixel is to the picture's two sides near its row, from 0 to 1, and more in the middle: scenery lies in
 * layers, so what a row's background looks like can be seen at its two ends.
 */
function saliency(picture: Picture): Plane {
  const { width, height } = picture;
  const axes = Array.from({ length: width * height }, (_, i) => axesOf(picture, i));
  const margin = Math.max(1, Math.round(width * 0.1));
  const reach = Math.max(2, Math.round(height * 0.18));
  const unlike = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const sides: (readonly [number, number, number])[] = [];
    for (let sy = Math.max(0, y - reach); sy <= Math.min(height - 1, y + reach); sy += 4) {
      for (let sx = 0; sx < margin; sx += Math.max(1, Math.floor(margin / 5))) {
        for (const x of [sx, width - 1 - sx]) sides.push(axes[sy * width + x] ?? [0, 0, 0]);
      }
    }
    for (let x = 0; x < width; x++) {
      const [l, a, b] = axes[y * width + x] ?? [0, 0, 0];
      let nearest = Number.POSITIVE_INFINITY;
      for (const [sl, sa, sb] of sides)
        nearest = Math.min(nearest, (l - sl) ** 2 + (a - sa) ** 2 + (b - sb) ** 2);
      unlike[y * width + x] = Math.sqrt(nearest);
    }
  }
  const top = Math.max(1e-3, unlike.toSorted()[Math.floor(unlike.length * 0.97)] ?? 0);
  const central = (i: number) =>
    Math.exp(-0.7 * ((((i % width) / width - 0.5) / 0.34) ** 2 + ((i / width / height - 0.55) / 0.6) ** 2));
  const salient = planeOf(picture, (i) => Math.min(1, (unlike[i] ?? 0) / top) * (0.35 + 0.65 * central(i)));
  return blur(salient, 1);
}

/** The logarithm of how much more often a pixel's colour occurs in the subject than outside of it. */
function byColour(picture: Picture, mask: Plane): number[] {
  const step = (value: number) => Math.min(STEPS - 1, Math.max(0, Math.floor(value * STEPS)));
  const bins = Array.from(mask.data, (_, i) => {
    const [l, a, b] = axesOf(picture, i);
    return (step(l) * STEPS + step((a + 0.6) / 1.2)) * STEPS + step((b + 0.6) / 1.2);
  });
  const doubt = mask.data.length * 0.0006;
  const inside = new Float32Array(STEPS ** 3).fill(doubt);
  const outside = new Float32Array(STEPS ** 3).fill(doubt);
  bins.forEach((bin, i) => {
    const share = mask.data[i] ?? 0;
    inside[bin] = (inside[bin] ?? 0) + share;
    outside[bin] = (outside[bin] ?? 0) + 1 - share;
  });
  const total = mask.data.reduce((sum, share) => sum + share, doubt * 50);
  const odds = (mask.data.length + doubt * 100 - total) / total;
  return bins.map((bin) =>
    Math.max(-3, Math.min(3, Math.log(((inside[bin] ?? 0) / (outside[bin] ?? 1)) * odds))),
  );
}

/** The patch that is large and in the middle, without holes, as ones and zeros. */
function largestPatch(mask: Plane): Plane {
  const { width, height, data } = mask;
  const weightOf = (i: number) => Math.exp(-3 * (Math.abs((i % width) / width - 0.5) * 2) ** 2);
  const seen = new Uint8Array(data.length);
  let best: { pixels: readonly number[]; weight: number } = { pixels: [], weight: 0 };
  for (let i = 0; i < data.length; i++) {
    const pixels = flood(mask, [i], seen, (pixel) => (data[pixel] ?? 0) >= 0.5);
    const weight = pixels.reduce((sum, pixel) => sum + weightOf(pixel), 0);
    if (weight > best.weight) best = { pixels, weight };
  }
  const patch = new Set(best.pixels);
  const border = Array.from(data.keys()).filter((i) => {
    const x = i % width;
    return i < width || x === 0 || x === width - 1 || i >= width * (height - 1);
  });
  const around = new Set(flood(mask, border, new Uint8Array(data.length), (pixel) => !patch.has(pixel)));
  return planeOf(mask, (i) => (around.has(i) ? 0 : 1));
}

/** The pixels that can be reached from the given ones through pixels that belong and were not seen before. */
function flood(
  { width, height }: Plane,
  from: readonly number[],
  seen: Uint8Array,
  belongs: (pixel: number) => boolean,
): number[] {
  const reached: number[] = [];
  const visit = (pixel: number) => {
    if (pixel < 0 || pixel >= width * height || seen[pixel] || !belongs(pixel)) return;
    seen[pixel] = 1;
    reached.push(pixel);
  };
  from.forEach(visit);
  for (let next = 0; next < reached.length; next++) {
    const pixel = reached[next] ?? 0;
    const x = pixel % width;
    if (x > 0) visit(pixel - 1);
    if (x < width - 1) visit(pixel + 1);
    visit(pixel - width);
    visit(pixel + width);
  }
  return reached;
}
