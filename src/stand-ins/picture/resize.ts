import { type Breathe, blankPicture, type Picture, rowsPerBreath } from "./picture.ts";

/** For each place along one side of the result: which places of the source it reads, and with which weights. */
interface Taps {
  readonly places: Int32Array;
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
  const count = Math.ceil(spread * 4);
  const places = new Int32Array(to * count);
  const weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * ratio - 0.5;
    const start = Math.floor(centre - spread * 2) + 1;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const weight = cubic((start + k - centre) / spread);
      places[i * count + k] = Math.min(from - 1, Math.max(0, start + k));
      weights[i * count + k] = weight;
      sum += weight;
    }
    for (let k = 0; k < count; k++) weights[i * count + k] = (weights[i * count + k] ?? 0) / sum;
  }
  return { places, weights, count };
}

/** One source row scaled across, colours multiplied by their alpha so that transparent pixels do not bleed. */
function scaleRow({ width, data }: Picture, y: number, across: Taps, to: Float32Array): Float32Array {
  const { places, weights, count } = across;
  const base = y * width * 4;
  for (let x = 0, t = 0; x < to.length; x += 4) {
    let [r, g, b, a] = [0, 0, 0, 0];
    for (let k = 0; k < count; k++, t++) {
      const from = base + (places[t] ?? 0) * 4;
      const alpha = (weights[t] ?? 0) * (data[from + 3] ?? 0);
      r += alpha * (data[from] ?? 0);
      g += alpha * (data[from + 1] ?? 0);
      b += alpha * (data[from + 2] ?? 0);
      a += alpha;
    }
    to[x] = r;
    to[x + 1] = g;
    to[x + 2] = b;
    to[x + 3] = a;
  }
  return to;
}

function addRow(sum: Float32Array, row: Float32Array, weight: number, isFirst: boolean): void {
  if (isFirst) for (let i = 0; i < sum.length; i++) sum[i] = weight * (row[i] ?? 0);
  else for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + weight * (row[i] ?? 0);
}

/** Scales with a bicubic filter. */
export async function resize(
  picture: Picture,
  width: number,
  height: number,
  breathe: Breathe = async () => {},
): Promise<Picture> {
  const across = tapsFor(picture.width, width);
  const down = tapsFor(picture.height, height);
  const result = blankPicture(width, height);
  /** Source rows that are scaled across already; only those that the current row needs. */
  const rows = new Map<number, Float32Array>();
  const sum = new Float32Array(width * 4);
  for (let y = 0; y < height; y++) {
    for (let k = 0; k < down.count; k++) {
      const place = down.places[y * down.count + k] ?? 0;
      const row = rows.get(place) ?? scaleRow(picture, place, across, new Float32Array(width * 4));
      rows.set(place, row);
      addRow(sum, row, down.weights[y * down.count + k] ?? 0, k === 0);
    }
    const base = y * width * 4;
    for (let i = 0; i < sum.length; i += 4) {
      const alpha = sum[i + 3] ?? 0;
      if (alpha <= 0) continue;
      result.data[base + i] = (sum[i] ?? 0) / alpha;
      result.data[base + i + 1] = (sum[i + 1] ?? 0) / alpha;
      result.data[base + i + 2] = (sum[i + 2] ?? 0) / alpha;
      result.data[base + i + 3] = alpha;
    }
    const first = down.places[y * down.count] ?? 0;
    for (const known of rows.keys()) if (known < first) rows.delete(known);
    if (y % rowsPerBreath(width) === 0) await breathe();
  }
  return result;
}
