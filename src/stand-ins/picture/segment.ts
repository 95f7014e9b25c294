import { boxBlur, guidedLines } from "./blur.ts";
import { withoutLeaks } from "./geodesic.ts";
import { type Perceptual, toPerceptual } from "./perceptual.ts";
import type { Breathe, Picture } from "./picture.ts";
import { blankPlane, combine, type Plane } from "./plane.ts";
import { saliency } from "./saliency.ts";

const BINS = 10;
const ROUNDS = 4;

/**
 * Which pixels of a small picture belong to its subject, from 0 to 1. What stands out gives a first guess; then the
 * colours inside and outside of the guess are counted, every pixel is judged again by its colour and its guess, and
 * the judgement is smoothed along the picture's edges, a few times over.
 */
export async function segment(picture: Picture, breathe: Breathe): Promise<Plane> {
  const perceptual = toPerceptual(picture);
  const salient = saliency(perceptual);
  await breathe();
  const threshold = splitPoint(salient.data);
  const guess = combine(salient, salient, (s) => sigmoid((s - threshold) * 9));
  const light = lightness(perceptual);
  let mask = guess;
  for (let round = 0; round < ROUNDS; round++) {
    await breathe();
    const colour = byColour(perceptual, mask);
    const judged = combine(colour, guess, (c, g) => sigmoid(c * 0.85 + logit(g) * 0.95));
    const { a, b } = guidedLines(light, judged, 3, 0.002);
    const fitted = combine(
      combine(a, light, (x, y) => x * y),
      b,
      (x, y) => x + y,
    );
    mask = combine(fitted, judged, (f) => Math.min(1, Math.max(0, f)));
  }
  await breathe();
  return withoutCrumbs(decided(withoutLeaks(perceptual, decided(mask), salient)));
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const logit = (p: number) => Math.log(Math.max(0.02, p) / Math.max(0.02, 1 - p));

function lightness({ width, height, data }: Perceptual): Plane {
  const plane = blankPlane(width, height);
  for (let i = 0; i < plane.data.length; i++) plane.data[i] = data[i * 3] ?? 0;
  return plane;
}

/** Otsu's threshold: it parts the values into two groups that differ as much as possible. */
function splitPoint(values: Float32Array): number {
  const counts = new Float64Array(256);
  for (const value of values) {
    const bin = Math.min(255, Math.floor(value * 256));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  let [all, below, belowSum, best, bestSplit] = [0, 0, 0, -1, 128];
  counts.forEach((count, i) => {
    all += count * i;
  });
  for (let i = 0; i < 256; i++) {
    below += counts[i] ?? 0;
    belowSum += (counts[i] ?? 0) * i;
    const above = values.length - below;
    if (below === 0 || above === 0) continue;
    const gap = belowSum / below - (all - belowSum) / above;
    if (below * above * gap * gap > best) {
      best = below * above * gap * gap;
      bestSplit = i;
    }
  }
  return (bestSplit + 0.5) / 256;
}

/** The logarithm of how much more often a pixel's colour occurs in the subject than outside of it. */
function byColour({ width, height, data }: Perceptual, mask: Plane): Plane {
  const inside = new Float32Array(BINS ** 3);
  const outside = new Float32Array(BINS ** 3);
  const bins = new Uint16Array(width * height);
  let [insideTotal, outsideTotal] = [0, 0];
  const step = (value: number, low: number, high: number) =>
    Math.min(BINS - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * BINS)));
  for (let i = 0; i < bins.length; i++) {
    const bin =
      (step(data[i * 3] ?? 0, 0, 1) * BINS + step(data[i * 3 + 1] ?? 0, -0.35, 0.45)) * BINS +
      step(data[i * 3 + 2] ?? 0, -0.45, 0.4);
    bins[i] = bin;
    const share = mask.data[i] ?? 0;
    inside[bin] = (inside[bin] ?? 0) + share;
    outside[bin] = (outside[bin] ?? 0) + 1 - share;
    insideTotal += share;
    outsideTotal += 1 - share;
  }
  const result = blankPlane(width, height);
  const doubt = width * height * 0.0006;
  for (let i = 0; i < bins.length; i++) {
    const bin = bins[i] ?? 0;
    const p = ((inside[bin] ?? 0) + doubt) / (insideTotal + doubt * 50);
    const q = ((outside[bin] ?? 0) + doubt) / (outsideTotal + doubt * 50);
    result.data[i] = Math.max(-3, Math.min(3, Math.log(p / q)));
  }
  return result;
}

/** Yes or no for every pixel, by the majority around it: threads and notches of a pixel or two disappear. */
function decided(mask: Plane): Plane {
  const around = boxBlur(
    combine(mask, mask, (value) => (value >= 0.5 ? 1 : 0)),
    1,
  );
  return combine(around, mask, (share) => (share >= 0.5 ? 1 : 0));
}

/** Keeps the patch that is large and in the middle, and those beside it that matter; fills small holes. */
function withoutCrumbs(mask: Plane): Plane {
  const { width } = mask;
  const subject = patches(mask, (value) => value >= 0.5);
  const weights = subject.sizes.map(() => 0);
  subject.labels.forEach((label, i) => {
    if (label === 0) return;
    const away = Math.abs((i % width) / width - 0.5) * 2;
    weights[label - 1] = (weights[label - 1] ?? 0) + Math.exp(-3 * away * away);
  });
  const main = Math.max(0, ...weights);
  const largest = Math.max(0, ...subject.sizes);
  const data = Float32Array.from(mask.data, (value, i) => {
    const patch = (subject.labels[i] ?? 0) - 1;
    return patch >= 0 && (weights[patch] ?? 0) < main * 0.05 ? 0 : value;
  });
  const holes = patches({ ...mask, data }, (value) => value < 0.5);
  const filled = data.map((value, i) => {
    const hole = (holes.labels[i] ?? 0) - 1;
    return hole >= 0 && (holes.sizes[hole] ?? 0) < largest * 0.08 ? 1 : value;
  });
  return { ...mask, data: filled };
}

/** Connected regions of pixels that satisfy a condition: a label from 1 for each pixel, and the size of each region. */
function patches({ width, height, data }: Plane, belongs: (value: number) => boolean) {
  const labels = new Int32Array(width * height);
  const sizes: number[] = [];
  const open: number[] = [];
  for (let start = 0; start < labels.length; start++) {
    if ((labels[start] ?? 0) > 0 || !belongs(data[start] ?? 0)) continue;
    const label = sizes.push(0);
    open.push(start);
    labels[start] = label;
    let size = 0;
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      size += 1;
      const x = i % width;
      for (const next of [x > 0 ? i - 1 : i, x < width - 1 ? i + 1 : i, i - width, i + width]) {
        if (next < 0 || next >= labels.length || (labels[next] ?? 0) > 0 || !belongs(data[next] ?? 0))
          continue;
        labels[next] = label;
        open.push(next);
      }
    }
    sizes[label - 1] = size;
  }
  return { labels, sizes };
}
