import type { Perceptual } from "./perceptual.ts";
import type { Plane } from "./plane.ts";

const SWEEPS = 6;
/** What a step costs where nothing changes, so that of two ways without an edge the shorter one counts. */
const STEP = 0.002;

/** As much change as this on the way from the background is an edge, and what lies behind it no leak. */
const EDGE = 0.16;

/**
 * How much change of colour must be crossed, at least, to get to each pixel from the nearest seed. Found by sweeping
 * the picture to and fro.
 */
function distanceFrom({ width, height, data }: Perceptual, isSeed: (pixel: number) => boolean) {
  const distance = new Float32Array(width * height);
  for (let i = 0; i < distance.length; i++) distance[i] = isSeed(i) ? 0 : Number.POSITIVE_INFINITY;
  const reach = (i: number, from: number) => {
    const l = (data[i * 3] ?? 0) - (data[from * 3] ?? 0);
    const a = (data[i * 3 + 1] ?? 0) - (data[from * 3 + 1] ?? 0);
    const b = (data[i * 3 + 2] ?? 0) - (data[from * 3 + 2] ?? 0);
    const way = (distance[from] ?? 0) + Math.sqrt(l * l + a * a + b * b) + STEP;
    if (way < (distance[i] ?? 0)) distance[i] = way;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forward = sweep % 2 === 0;
    for (let step = 0; step < width * height; step++) {
      const i = forward ? step : width * height - 1 - step;
      const x = i % width;
      if (forward ? x > 0 : x < width - 1) reach(i, forward ? i - 1 : i + 1);
      if (forward ? i >= width : i < width * (height - 1)) reach(i, forward ? i - width : i + width);
    }
  }
  return distance;
}

/**
 * Takes back what leaked: a part of the subject that no edge parts from the background, but one parts from the
 * subject's surest half, is background.
 */
export function withoutLeaks(picture: Perceptual, mask: Plane, sureness: Plane): Plane {
  const inside: number[] = [];
  for (let i = 0; i < mask.data.length; i++) {
    if ((mask.data[i] ?? 0) >= 0.5) inside.push(sureness.data[i] ?? 0);
  }
  inside.sort((a, b) => a - b);
  const sure = inside[Math.floor(inside.length * 0.55)] ?? 1;
  const toSubject = distanceFrom(
    picture,
    (i) => (mask.data[i] ?? 0) >= 0.5 && (sureness.data[i] ?? 0) >= sure,
  );
  const toBackground = distanceFrom(picture, (i) => (mask.data[i] ?? 0) < 0.5);
  const data = mask.data.map((value, i) => {
    const away = toBackground[i] ?? 0;
    return value >= 0.5 && (away > EDGE || (toSubject[i] ?? 0) <= away * 1.9) ? 1 : 0;
  });
  return { ...mask, data };
}
