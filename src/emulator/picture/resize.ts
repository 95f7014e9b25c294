import { type Breathe, blankPicture, type Picture, type Plane, rowsPerBreath } from "./picture.ts";

/** For each place along one side of the result: where it starts to read, and with which weights. */
interface Taps {
  readonly starts: Int32Array;
  readonly weights: Float32Array;
  readonly count: number;
}

/** Keys's cubic with a = -1/2: it interpolates exactly and rings little. */
function cubic(distance: number): number {
  const d = Math.abs(distance);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

function tapsFor(from: number, to: number): Taps {
  const ratio = from / to;
  // When it shrinks, the kernel widens, so that every source pixel counts.
  const spread = Math.max(1, ratio);
  const count = Math.ceil(spread * 2) * 2 + 1;
  const starts = new Int32Array(to);
  const weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * ratio - 0.5;
    const start = Math.ceil(centre - spread * 2);
    starts[i] = start;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const weight = cubic((start + k - centre) / spread);
      weights[i * count + k] = weight;
      sum += weight;
    }
    for (let k = 0; k < count; k++) weights[i * count + k] = (weights[i * count + k] ?? 0) / sum;
  }
  return { starts, weights, count };
}

/** Scales with a bicubic filter, colours weighted by their alpha so that transparent pixels do not bleed. */
export async function resize(
  picture: Picture,
  width: number,
  height: number,
  breathe: Breathe = async () => {},
): Promise<Picture> {
  const { width: w, height: h, data } = picture;
  const across = tapsFor(w, width);
  const down = tapsFor(h, height);
  const result = blankPicture(width, height);
  /** Source rows, already scaled across, premultiplied; only those that the current row needs. */
  const rows = new Map<number, Float32Array>();

  const scaledRow = (y: number): Float32Array => {
    const known = rows.get(y);
    if (known) return known;
    const row = new Float32Array(width * 4);
    const base = y * w * 4;
    for (let x = 0; x < width; x++) {
      let r = 0;
      let g = 0;
      let b = 0;
      let a = 0;
      const start = across.starts[x] ?? 0;
      for (let k = 0; k < across.count; k++) {
        const weight = across.weights[x * across.count + k] ?? 0;
        if (weight === 0) continue;
        const sx = start + k;
        const from = base + (sx < 0 ? 0 : sx >= w ? w - 1 : sx) * 4;
        const alpha = weight * (data[from + 3] ?? 0);
        r += alpha * (data[from] ?? 0);
        g += alpha * (data[from + 1] ?? 0);
        b += alpha * (data[from + 2] ?? 0);
        a += alpha;
      }
      row[x * 4] = r;
      row[x * 4 + 1] = g;
      row[x * 4 + 2] = b;
      row[x * 4 + 3] = a;
    }
    rows.set(y, row);
    return row;
  };

  const sum = new Float32Array(width * 4);
  for (let y = 0; y < height; y++) {
    sum.fill(0);
    const start = down.starts[y] ?? 0;
    for (let k = 0; k < down.count; k++) {
      const weight = down.weights[y * down.count + k] ?? 0;
      if (weight === 0) continue;
      const row = scaledRow(Math.min(h - 1, Math.max(0, start + k)));
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + weight * (row[i] ?? 0);
    }
    const base = y * width * 4;
    for (let i = 0; i < sum.length; i += 4) {
      const a = sum[i + 3] ?? 0;
      if (a <= 0) continue;
      result.data[base + i] = (sum[i] ?? 0) / a;
      result.data[base + i + 1] = (sum[i + 1] ?? 0) / a;
      result.data[base + i + 2] = (sum[i + 2] ?? 0) / a;
      result.data[base + i + 3] = a;
    }
    for (const known of rows.keys()) if (known < start) rows.delete(known);
    if (y % rowsPerBreath(width) === 0) await breathe();
  }
  return result;
}

/** Bilinear, for masks: they are smooth already. */
export function resizePlane(plane: Plane, width: number, height: number): Plane {
  const { width: w, height: h, data } = plane;
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const sy = Math.min(h - 1, Math.max(0, ((y + 0.5) * h) / height - 0.5));
    const top = Math.floor(sy);
    const bottom = Math.min(h - 1, top + 1);
    const fy = sy - top;
    for (let x = 0; x < width; x++) {
      const sx = Math.min(w - 1, Math.max(0, ((x + 0.5) * w) / width - 0.5));
      const left = Math.floor(sx);
      const right = Math.min(w - 1, left + 1);
      const fx = sx - left;
      const above = (data[top * w + left] ?? 0) * (1 - fx) + (data[top * w + right] ?? 0) * fx;
      const below = (data[bottom * w + left] ?? 0) * (1 - fx) + (data[bottom * w + right] ?? 0) * fx;
      out[y * width + x] = above * (1 - fy) + below * fy;
    }
  }
  return { width, height, data: out };
}
