import type { Plane } from "./picture.ts";

/** Mean over a square window of `radius` to each side, cut off at the border; running sums, so any radius costs the same. */
export function boxBlur({ width, height, data }: Plane, radius: number): Plane {
  const across = new Float32Array(width * height);
  for (let y = 0; y < height; y++) blurLine(data, across, y * width, 1, width, radius);
  const out = new Float32Array(width * height);
  for (let x = 0; x < width; x++) blurLine(across, out, x, width, height, radius);
  return { width, height, data: out };
}

function blurLine(
  from: Float32Array,
  to: Float32Array,
  start: number,
  step: number,
  count: number,
  radius: number,
) {
  let sum = 0;
  let inside = 0;
  for (let i = 0; i < Math.min(radius, count); i++, inside++) sum += from[start + i * step] ?? 0;
  for (let i = 0; i < count; i++) {
    const enters = i + radius;
    const leaves = i - radius - 1;
    if (enters < count) {
      sum += from[start + enters * step] ?? 0;
      inside += 1;
    }
    if (leaves >= 0) {
      sum -= from[start + leaves * step] ?? 0;
      inside -= 1;
    }
    to[start + i * step] = sum / inside;
  }
}

/** Applies a function to planes of the same size, pixel by pixel. */
export function combine(first: Plane, second: Plane, f: (a: number, b: number) => number): Plane {
  const data = new Float32Array(first.data.length);
  for (let i = 0; i < data.length; i++) data[i] = f(first.data[i] ?? 0, second.data[i] ?? 0);
  return { width: first.width, height: first.height, data };
}

/**
 * The guided filter: `plane` smoothed, except where `guide` has an edge. It is the line a·guide + b that fits best
 * around each pixel, so its two coefficients can be found on a small copy and used on the large one.
 */
export function guidedLines(
  guide: Plane,
  plane: Plane,
  radius: number,
  epsilon: number,
): { a: Plane; b: Plane } {
  const product = (x: number, y: number) => x * y;
  const meanGuide = boxBlur(guide, radius);
  const meanPlane = boxBlur(plane, radius);
  const squares = boxBlur(combine(guide, guide, product), radius);
  const products = boxBlur(combine(guide, plane, product), radius);
  const a = new Float32Array(guide.data.length);
  const b = new Float32Array(guide.data.length);
  for (let i = 0; i < a.length; i++) {
    const mg = meanGuide.data[i] ?? 0;
    const mp = meanPlane.data[i] ?? 0;
    const slope = ((products.data[i] ?? 0) - mg * mp) / ((squares.data[i] ?? 0) - mg * mg + epsilon);
    a[i] = slope;
    b[i] = mp - slope * mg;
  }
  const { width, height } = guide;
  return {
    a: boxBlur({ width, height, data: a }, radius),
    b: boxBlur({ width, height, data: b }, radius),
  };
}
