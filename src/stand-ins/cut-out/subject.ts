import type { Breathe, Picture } from "../picture/picture.ts";
import { blur, type Plane, planeOf } from "./plane.ts";

/** A pixel of the subject stands out so many times as much as the mean pixel. */
const STANDS_OUT = 1.75;

/** Which pixels of a small picture belong to its subject, as ones and zeros. */
export async function findSubject(picture: Picture, breathe: Breathe): Promise<Plane> {
  const salient = saliency(picture);
  await breathe();
  const mean = salient.data.reduce((sum, value) => sum + value, 0) / salient.data.length;
  const standsOut = planeOf(picture, (i) => ((salient.data[i] ?? 0) > mean * STANDS_OUT ? 1 : 0));
  return largestPatches(blur(standsOut, 2));
}

/** Colours differ along these as they do to the eye, roughly. */
type Axes = readonly [lightness: number, red: number, yellow: number];

function axesOf({ data }: Picture, pixel: number): Axes {
  const [r, g, b] = [0, 1, 2].map((c) => (data[pixel * 4 + c] ?? 0) / 255) as [number, number, number];
  return [(r + g + b) / 3, r - g, (r + g) / 2 - b];
}

const squaredDistance = (a: Axes, b: Axes) => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;

/**
 * How unlike a pixel is to the picture's two sides near its row, and more in the middle: scenery lies in layers, so
 * what a row's background looks like can be seen at its two ends.
 */
function saliency(picture: Picture): Plane {
  const { width, height } = picture;
  const axes = Array.from({ length: width * height }, (_, i) => axesOf(picture, i));
  const margin = Math.max(1, Math.round(width * 0.1));
  const reach = Math.max(5, Math.round(height * 0.18));
  // A few places stand for all of the two sides.
  const sides = axes
    .map((colour, i) => ({ colour, x: i % width, y: Math.floor(i / width) }))
    .filter(({ x, y }) => (x < margin || x >= width - margin) && x % 4 === 0 && y % 5 === 0);
  const nearRow = Array.from({ length: height }, (_, row) =>
    sides.filter(({ y }) => Math.abs(y - row) <= reach).map(({ colour }) => colour),
  );
  const salient = planeOf(picture, (i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const own = axes[i] ?? [0, 0, 0];
    let unlike = 1;
    for (const side of nearRow[y] ?? []) unlike = Math.min(unlike, squaredDistance(own, side));
    const away = ((x / width - 0.5) / 0.34) ** 2 + ((y / height - 0.55) / 0.6) ** 2;
    return Math.min(0.28, Math.sqrt(unlike)) * (0.35 + 0.65 * Math.exp(-0.7 * away));
  });
  return blur(salient, 1);
}

/** The patch that is large and in the middle, and those that matter beside it, without holes. */
function largestPatches(mask: Plane): Plane {
  const { width, height, data } = mask;
  const weightOf = (i: number) => Math.exp(-3 * (((i % width) / width - 0.5) * 2) ** 2);
  const seen = new Uint8Array(data.length);
  const patches = Array.from(data.keys(), (i) => flood(mask, [i], seen, (pixel) => (data[pixel] ?? 0) >= 0.5))
    .filter((pixels) => pixels.length > 0)
    .map((pixels) => ({ pixels, weight: pixels.reduce((sum, pixel) => sum + weightOf(pixel), 0) }));
  const least = Math.max(...patches.map(({ weight }) => weight)) * 0.3;
  const subject = new Set(patches.filter(({ weight }) => weight > least).flatMap(({ pixels }) => pixels));
  const border = Array.from(data.keys()).filter(
    (i) => i < width || i >= width * (height - 1) || i % width === 0 || i % width === width - 1,
  );
  const around = new Uint8Array(data.length);
  flood(mask, border, around, (pixel) => !subject.has(pixel));
  return planeOf(mask, (i) => 1 - (around[i] ?? 0));
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
  // What is visited on the way is visited from in turn.
  for (const pixel of reached) {
    if (pixel % width > 0) visit(pixel - 1);
    if (pixel % width < width - 1) visit(pixel + 1);
    visit(pixel - width);
    visit(pixel + width);
  }
  return reached;
}
