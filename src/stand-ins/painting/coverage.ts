import type { Shape } from "./path.ts";

/** How much of each pixel a shape covers, for the rectangle of pixels that it touches. */
export interface Coverage {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/**
 * Exact area coverage: every edge adds, to the pixels that it crosses, the signed area to its right; a running sum
 * along each row then gives the covered share. What lies outside the canvas is cut off first.
 */
export function coverage(drawn: Shape, canvasWidth: number, canvasHeight: number): Coverage {
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const outline of drawn) {
    for (let i = 0; i < outline.length; i += 2) {
      minX = Math.min(minX, outline[i] ?? 0);
      maxX = Math.max(maxX, outline[i] ?? 0);
      minY = Math.min(minY, outline[i + 1] ?? 0);
      maxY = Math.max(maxY, outline[i + 1] ?? 0);
    }
  }
  const left = Math.max(0, Math.floor(minX));
  const top = Math.max(0, Math.floor(minY));
  const width = Math.max(0, Math.min(canvasWidth, Math.ceil(maxX)) - left);
  const height = Math.max(0, Math.min(canvasHeight, Math.ceil(maxY)) - top);
  const data = new Float32Array(width * height);
  if (data.length === 0) return { left, top, width, height, data };

  // One more column than the result, for areas right of the last pixel.
  const areas = new Float32Array((width + 1) * height);
  for (const outline of drawn) {
    for (let i = 0; i < outline.length; i += 2) {
      const j = (i + 2) % outline.length;
      addEdge(
        { areas, width, height },
        (outline[i] ?? 0) - left,
        (outline[i + 1] ?? 0) - top,
        (outline[j] ?? 0) - left,
        (outline[j + 1] ?? 0) - top,
      );
    }
  }
  for (let y = 0; y < height; y++) {
    let sum = 0;
    for (let x = 0; x < width; x++) {
      sum += areas[y * (width + 1) + x] ?? 0;
      data[y * width + x] = Math.min(1, Math.abs(sum));
    }
  }
  return { left, top, width, height, data };
}

interface Sheet {
  readonly areas: Float32Array;
  readonly width: number;
  readonly height: number;
}

function addEdge(sheet: Sheet, x0: number, y0: number, x1: number, y1: number): void {
  if (y0 === y1) return;
  const sign = y0 < y1 ? 1 : -1;
  const [xTop, yTop, xBottom, yBottom] = y0 < y1 ? [x0, y0, x1, y1] : [x1, y1, x0, y0];
  const slope = (xBottom - xTop) / (yBottom - yTop);
  const from = Math.max(0, yTop);
  const to = Math.min(sheet.height, yBottom);
  for (let row = Math.floor(from); row < to; row++) {
    const a = Math.max(from, row);
    const b = Math.min(to, row + 1);
    if (b <= a) continue;
    addPiece(sheet, row, xTop + (a - yTop) * slope, xTop + (b - yTop) * slope, sign * (b - a));
  }
}

/** An edge piece within one row, from `xa` to `xb`, with its signed height. */
function addPiece({ areas, width }: Sheet, row: number, xa: number, xb: number, height: number): void {
  const low = Math.min(width, Math.max(0, Math.min(xa, xb)));
  const high = Math.min(width, Math.max(0, Math.max(xa, xb)));
  const base = row * (width + 1);
  const first = Math.floor(low);
  const last = Math.ceil(high);
  if (last <= first + 1) {
    const covered = first + 1 - (low + high) / 2;
    areas[base + first] = (areas[base + first] ?? 0) + height * covered;
    if (first < width) areas[base + first + 1] = (areas[base + first + 1] ?? 0) + height * (1 - covered);
    return;
  }
  // What lies right of the edge up to and including this pixel, by differences.
  const perPixel = height / (high - low);
  let before = 0;
  for (let x = first; x < last; x++) {
    const start = Math.max(low, x);
    const end = Math.min(high, x + 1);
    const upTo = perPixel * (start - low + (end - start) * (x + 1 - (start + end) / 2));
    areas[base + x] = (areas[base + x] ?? 0) + upTo - before;
    before = upTo;
  }
  if (last <= width) areas[base + last] = (areas[base + last] ?? 0) + height - before;
}
