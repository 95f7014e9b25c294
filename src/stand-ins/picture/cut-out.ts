import { boxBlur, guidedLines } from "./blur.ts";
import { type Breathe, blankPicture, type Picture, rowsPerBreath, shrink } from "./picture.ts";
import { blankPlane, type Plane, resizePlane } from "./plane.ts";
import { segment } from "./segment.ts";

/** The side on which the subject is searched for, and the one on which its edge is found. */
const SEARCH_SIDE = 200;
const EDGE_SIDE = 512;

/** How much of each pixel belongs to the subject: found on a small copy, fitted to the edges of a larger one. */
export async function findSubject(picture: Picture, breathe: Breathe): Promise<Plane> {
  const medium = within(picture, EDGE_SIDE);
  await breathe();
  const rough = await segment(within(medium, SEARCH_SIDE), breathe);
  await breathe();
  const mask = resizePlane(rough, medium.width, medium.height);
  const toGuide = contrastAxis(medium, mask);
  const guide = toGuide(medium);
  await breathe();
  const radius = Math.max(2, Math.round(Math.max(medium.width, medium.height) / 130));
  const { a, b } = guidedLines(guide, mask, radius, 0.0008);
  await breathe();
  const slopes = resizePlane(a, picture.width, picture.height);
  await breathe();
  const offsets = resizePlane(b, picture.width, picture.height);
  await breathe();
  const alpha = toGuide(picture);
  await breathe();
  for (let i = 0; i < alpha.data.length; i++) {
    const value = (slopes.data[i] ?? 0) * (alpha.data[i] ?? 0) + (offsets.data[i] ?? 0);
    const t = Math.min(1, Math.max(0, (value - 0.22) / 0.56));
    alpha.data[i] = t * t * (3 - 2 * t);
  }
  return alpha;
}

/** The subject on nothing. With `refine`, the background's colour is taken out of the half-covered edge. */
export async function cutOut(
  picture: Picture,
  alpha: Plane,
  refine: boolean,
  breathe: Breathe,
): Promise<Picture> {
  const { width, height } = picture;
  const result: Picture = { width, height, data: new Uint8ClampedArray(picture.data) };
  const inner = refine ? subjectColours(picture, alpha) : undefined;
  await breathe();
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const share = alpha.data[i] ?? 0;
      if (share <= 0.004) result.data.fill(0, i * 4, i * 4 + 4);
      else {
        result.data[i * 4 + 3] = share * 255;
        if (inner && share < 0.98) inner(result.data, i, x, y, 1 - share);
      }
    }
    if (y % rowsPerBreath(width) === 0) await breathe();
  }
  return result;
}

/** The mask as a grey picture. */
export function maskPicture({ width, height, data }: Plane): Picture {
  const picture = blankPicture(width, height);
  for (let i = 0; i < data.length; i++) {
    const value = (data[i] ?? 0) * 255;
    picture.data.set([value, value, value, 255], i * 4);
  }
  return picture;
}

function within(picture: Picture, side: number): Picture {
  const share = side / Math.max(picture.width, picture.height);
  if (share >= 1) return picture;
  const size = (length: number) => Math.max(1, Math.round(length * share));
  return shrink(picture, size(picture.width), size(picture.height));
}

/** The direction in colour space that parts subject and background best, as one channel: edges show most along it. */
function contrastAxis({ data }: Picture, mask: Plane): (picture: Picture) => Plane {
  const inside = [0, 0, 0, 1e-6];
  const outside = [0, 0, 0, 1e-6];
  for (let i = 0; i < mask.data.length; i++) {
    const group = (mask.data[i] ?? 0) >= 0.5 ? inside : outside;
    for (let c = 0; c < 3; c++) group[c] = (group[c] ?? 0) + (data[i * 4 + c] ?? 0);
    group[3] = (group[3] ?? 0) + 1;
  }
  const axis = [0, 1, 2].map(
    (c) => (inside[c] ?? 0) / (inside[3] ?? 0) - (outside[c] ?? 0) / (outside[3] ?? 0),
  );
  const length = Math.hypot(...axis);
  // Subject and background of the same mean colour: lightness is as good a guide as any.
  const [r = 0, g = 0, b = 0] = length < 12 ? [0.58, 0.77, 0.26] : axis.map((value) => value / length);
  return (picture) => {
    const plane = blankPlane(picture.width, picture.height);
    for (let i = 0; i < plane.data.length; i++) {
      const j = i * 4;
      plane.data[i] =
        (r * (picture.data[j] ?? 0) + g * (picture.data[j + 1] ?? 0) + b * (picture.data[j + 2] ?? 0)) / 255;
    }
    return plane;
  };
}

/** Moves a pixel of the edge towards the mean colour of what is surely subject around it. */
function subjectColours(picture: Picture, alpha: Plane) {
  // Means are smooth, so those of a small copy will do.
  const small = within(picture, EDGE_SIDE);
  const { width, height } = small;
  const sure = resizePlane(alpha, width, height);
  const weights = blankPlane(width, height);
  for (let i = 0; i < weights.data.length; i++) weights.data[i] = (sure.data[i] ?? 0) > 0.95 ? 1 : 0;
  const radius = Math.max(2, Math.round(Math.max(width, height) / 160));
  const blurred = (channel: number) => {
    const plane = blankPlane(width, height);
    for (let i = 0; i < plane.data.length; i++) {
      plane.data[i] = (weights.data[i] ?? 0) * (small.data[i * 4 + channel] ?? 0);
    }
    return boxBlur(plane, radius).data;
  };
  const weight = boxBlur(weights, radius).data;
  const channels = [blurred(0), blurred(1), blurred(2)];

  return (data: Uint8ClampedArray, pixel: number, x: number, y: number, amount: number) => {
    const near = Math.floor((y * height) / picture.height) * width + Math.floor((x * width) / picture.width);
    const known = weight[near] ?? 0;
    if (known < 0.02) return;
    channels.forEach((channel, c) => {
      const own = data[pixel * 4 + c] ?? 0;
      data[pixel * 4 + c] = own + ((channel[near] ?? 0) / known - own) * amount;
    });
  };
}
