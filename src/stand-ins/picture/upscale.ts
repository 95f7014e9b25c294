import { type Breathe, blankPicture, type Picture, rowsPerBreath } from "./picture.ts";

/** Places that are read on each axis. */
const TAPS = 4;

/** Keys's cubic with a = -1/2: it interpolates exactly and rings little. */
function cubic(distance: number): number {
  const d = Math.abs(distance);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

/** For each place along one side of the result: which places of the source it reads, and with which weights. */
function tapsFor(from: number, to: number) {
  const places = new Int32Array(to * TAPS);
  const weights = new Float32Array(to * TAPS);
  for (let i = 0; i < places.length; i++) {
    const centre = ((Math.floor(i / TAPS) + 0.5) * from) / to - 0.5;
    const place = Math.floor(centre) - 1 + (i % TAPS);
    places[i] = Math.min(from - 1, Math.max(0, place));
    weights[i] = cubic(place - centre);
  }
  return { places, weights };
}

type Taps = ReturnType<typeof tapsFor>;

/** One source row, wider; colours are multiplied by their alpha, so that transparent pixels do not bleed. */
function widenRow({ width, data }: Picture, y: number, { places, weights }: Taps): Float32Array {
  const row = new Float32Array(places.length);
  for (let tap = 0; tap < places.length; tap++) {
    const from = (y * width + (places[tap] ?? 0)) * 4;
    const to = tap - (tap % TAPS);
    const alpha = (weights[tap] ?? 0) * (data[from + 3] ?? 0);
    for (let c = 0; c < 3; c++) row[to + c] = (row[to + c] ?? 0) + alpha * (data[from + c] ?? 0);
    row[to + 3] = (row[to + 3] ?? 0) + alpha;
  }
  return row;
}

/** Enlarges with a bicubic filter. */
export async function enlarge(
  picture: Picture,
  width: number,
  height: number,
  breathe: Breathe,
): Promise<Picture> {
  const across = tapsFor(picture.width, width);
  const down = tapsFor(picture.height, height);
  const result = blankPicture(width, height);
  /** Source rows that are widened already; only those that the current row needs. */
  const rows = new Map<number, Float32Array>();
  for (let y = 0; y < height; y++) {
    const sum = new Float32Array(width * 4);
    for (let tap = y * TAPS; tap < (y + 1) * TAPS; tap++) {
      const place = down.places[tap] ?? 0;
      const weight = down.weights[tap] ?? 0;
      const row = rows.get(place) ?? widenRow(picture, place, across);
      rows.set(place, row);
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + weight * (row[i] ?? 0);
    }
    for (const place of rows.keys()) if (place < (down.places[y * TAPS] ?? 0)) rows.delete(place);
    for (let i = 0; i < sum.length; i += 4) {
      const alpha = sum[i + 3] ?? 0;
      const to = y * width * 4 + i;
      if (alpha > 0) for (let c = 0; c < 3; c++) result.data[to + c] = (sum[i + c] ?? 0) / alpha;
      result.data[to + 3] = alpha;
    }
    if (y % rowsPerBreath(width) === 0) await breathe();
  }
  return result;
}

/**
 * Unsharp masking against a 3×3 blur. The correction is kept within the range of the neighbours, so edges get
 * steeper without the bright and dark seams that give sharpening away.
 */
export async function sharpen(picture: Picture, amount: number, breathe: Breathe): Promise<Picture> {
  const { width, height, data } = picture;
  const sharp = new Uint8ClampedArray(data);
  for (let y = 1; y < height - 1; y++) {
    for (let i = (y * width + 1) * 4; i < ((y + 1) * width - 1) * 4; i++) {
      if (i % 4 === 3) continue;
      const here = data[i] ?? 0;
      const above = data[i - width * 4] ?? 0;
      const below = data[i + width * 4] ?? 0;
      const left = data[i - 4] ?? 0;
      const right = data[i + 4] ?? 0;
      const value = here + amount * (here - (above + below + left + right) / 4);
      sharp[i] = Math.min(
        Math.max(here, above, below, left, right),
        Math.max(Math.min(here, above, below, left, right), value),
      );
    }
    if (y % rowsPerBreath(width) === 0) await breathe();
  }
  return { width, height, data: sharp };
}
