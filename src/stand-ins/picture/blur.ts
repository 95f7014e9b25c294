import { combine, type Plane } from "./plane.ts";

/** Mean over a square window of `radius` to each side, cut off at the border; running sums, so any radius costs the same. */
export function boxBlur({ width, height, data }: Plane, radius: number): Plane {
  const across = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let sum = 0;
    for (let x = 0; x < Math.min(radius, width); x++) sum += data[row + x] ?? 0;
    for (let x = 0; x < width; x++) {
      if (x + radius < width) sum += data[row + x + radius] ?? 0;
      if (x > radius) sum -= data[row + x - radius - 1] ?? 0;
      across[row + x] = sum / windowSize(x, width, radius);
    }
  }
  // Downwards all columns move together, which is how memory lies.
  const out = new Float32Array(width * height);
  const sums = new Float64Array(width);
  for (let y = -radius; y < height; y++) {
    const enters = (y + radius) * width;
    const leaves = (y - radius - 1) * width;
    const count = windowSize(y, height, radius);
    for (let x = 0; x < width; x++) {
      let sum = sums[x] ?? 0;
      if (y + radius < height) sum += across[enters + x] ?? 0;
      if (leaves >= 0) sum -= across[leaves + x] ?? 0;
      sums[x] = sum;
      if (y >= 0) out[y * width + x] = sum / count;
    }
  }
  return { width, height, data: out };
}

const windowSize = (at: number, length: number, radius: number): number =>
  Math.min(length - 1, at + radius) - Math.max(0, at - radius) + 1;

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
