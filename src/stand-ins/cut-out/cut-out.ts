import { type Breathe, type Picture, rowsPerBreath, shrink } from "../picture/picture.ts";
import { blur, pictureOf, planeOf, sampler } from "./plane.ts";
import { findSubject } from "./subject.ts";

/** The side on which the subject is searched for, and the one on which colours around its edge are compared. */
const SEARCH_SIDE = 200;
const EDGE_SIDE = 512;

/** The subject on nothing, and its mask. With `refine`, the background's colour is taken out of its edge. */
export async function cutOut(
  picture: Picture,
  refine: boolean,
  breathe: Breathe,
): Promise<{ subject: Picture; mask: Picture }> {
  const { width } = picture;
  const edge = await edgeOf(picture, breathe);
  const alpha = planeOf(picture, () => 0);
  const subject: Picture = { ...picture, data: new Uint8ClampedArray(picture.data) };
  for (let i = 0; i < alpha.data.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (x === 0 && y % rowsPerBreath(width) === 0) await breathe();
    let share = edge.shareAt(x, y);
    if (share > 0.02 && share < 0.98) {
      const inner = edge.subjectAt(x, y);
      share = judged(picture.data.subarray(i * 4, i * 4 + 3), share, inner, edge.backgroundAt(x, y));
      for (let c = 0; refine && c < 3; c++) {
        const own = picture.data[i * 4 + c] ?? 0;
        subject.data[i * 4 + c] = own + ((inner[c] ?? 0) - own) * (1 - share);
      }
    }
    alpha.data[i] = share;
    if (share <= 0.02) subject.data.fill(0, i * 4, i * 4 + 4);
    else subject.data[i * 4 + 3] = share * 255;
  }
  return { subject, mask: pictureOf(alpha) };
}

/** Roughly where the subject ends, and which colours meet there. */
async function edgeOf(picture: Picture, breathe: Breathe) {
  const medium = within(picture, EDGE_SIDE);
  const rough = sampler(await findSubject(within(medium, SEARCH_SIDE), breathe), medium);
  const radius = Math.max(1, Math.round(Math.max(medium.width, medium.height) / 170));
  const blurred = blur(
    planeOf(medium, (i) => rough(i % medium.width, Math.floor(i / medium.width))),
    radius,
  );
  const colours = (weight: (share: number) => number) => {
    const weights = planeOf(medium, (i) => weight(blurred.data[i] ?? 0));
    const total = sampler(blur(weights, radius * 2), picture);
    const sums = [0, 1, 2].map((c) => {
      const weighted = planeOf(medium, (i) => (weights.data[i] ?? 0) * (medium.data[i * 4 + c] ?? 0));
      return sampler(blur(weighted, radius * 2), picture);
    });
    return (x: number, y: number) => sums.map((sum) => sum(x, y) / (total(x, y) + 1e-6));
  };
  await breathe();
  return {
    shareAt: sampler(blurred, picture),
    subjectAt: colours((share) => share ** 4),
    backgroundAt: colours((share) => (1 - share) ** 4),
  };
}

/**
 * How much of a pixel of the edge is subject: how far its colour is on the way from the background's to the
 * subject's. Where the two hardly differ, the rough share has to do.
 */
function judged(
  colour: Uint8ClampedArray,
  share: number,
  inner: readonly number[],
  outer: readonly number[],
): number {
  let [way, length] = [0, 0];
  colour.forEach((value, c) => {
    const step = (inner[c] ?? 0) - (outer[c] ?? 0);
    way += (value - (outer[c] ?? 0)) * step;
    length += step * step;
  });
  const trust = length / (length + 2000);
  const t = Math.min(1, Math.max(0, (way / (length + 1e-6)) * trust + share * (1 - trust) - 0.25) / 0.5);
  return t * t * (3 - 2 * t);
}

function within(picture: Picture, side: number): Picture {
  const share = side / Math.max(picture.width, picture.height);
  if (share >= 1) return picture;
  const size = (length: number) => Math.max(1, Math.round(length * share));
  return shrink(picture, size(picture.width), size(picture.height));
}
