import type { Random } from "../../model/random.ts";
import { type Breathe, blankPicture, type Picture, rowsPerBreath, type Size } from "../picture/picture.ts";
import { type Colour, smooth } from "./colour.ts";
import type { Shape } from "./shapes.ts";

/** One colour, or one for each place. */
export type Paint = Colour | ((x: number, y: number) => Colour);

/** Three floats a pixel: many thin layers go over each other before anything is rounded. */
export interface Canvas extends Size {
  readonly data: Float32Array<ArrayBuffer>;
}

export const createCanvas = (width: number, height: number): Canvas => ({
  width,
  height,
  data: new Float32Array(width * height * 3),
});

/** Lays a colour over a pixel. */
export function blend({ width, data }: Canvas, x: number, y: number, colour: Colour, opacity: number): void {
  const i = (y * width + x) * 3;
  for (let c = 0; c < 3; c++) data[i + c] = (data[i + c] ?? 0) * (1 - opacity) + (colour[c] ?? 0) * opacity;
}

export function colourAt({ width, data }: Canvas, x: number, y: number): Colour {
  const i = (y * width + x) * 3;
  return [data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0];
}

/** Whole rows from `top` up to but without `bottom`. */
export async function paintRows(
  canvas: Canvas,
  [top, bottom]: readonly [number, number],
  paint: (x: number, y: number) => Colour,
  breathe: Breathe,
): Promise<void> {
  for (let y = top; y < bottom; y++) {
    for (let x = 0; x < canvas.width; x++) blend(canvas, x, y, paint(x, y), 1);
    if (y % rowsPerBreath(canvas.width) === 0) await breathe();
  }
}

/** Everything below a line; `paint` gets the depth below the line as well. */
export function fillBelow(
  canvas: Canvas,
  line: (x: number) => number,
  paint: (x: number, y: number, depth: number) => Colour,
): void {
  for (let x = 0; x < canvas.width; x++) {
    const top = line(x);
    for (let y = Math.max(0, Math.floor(top)); y < canvas.height; y++) {
      blend(canvas, x, y, paint(x, y, y - top), Math.min(1, y + 1 - top));
    }
  }
}

/** Lines that are looked at within each row of pixels. */
const SCANS = 5;

export function fill(canvas: Canvas, drawn: Shape, paint: Paint, opacity = 1): void {
  const ys = drawn.flatMap((outline) => outline.filter((_, i) => i % 2 === 1));
  const bottom = Math.min(canvas.height, Math.ceil(Math.max(...ys)));
  for (let y = Math.max(0, Math.floor(Math.min(...ys))); y < bottom; y++) {
    for (const [x, covered] of coverage(drawn, y, canvas.width)) {
      const colour = typeof paint === "function" ? paint(x, y) : paint;
      blend(canvas, x, y, colour, Math.min(1, covered) * opacity);
    }
  }
}

/** How much of each pixel of a row a shape covers: the parts of a few lines that lie inside. */
function coverage(drawn: Shape, y: number, width: number): Map<number, number> {
  const covered = new Map<number, number>();
  for (let scan = 0; scan < SCANS; scan++) {
    const crossings = drawn.flatMap((outline) => crossingsOf(outline, y + (scan + 0.5) / SCANS));
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.max(0, crossings[i] ?? 0);
      const to = Math.min(width, crossings[i + 1] ?? 0);
      for (let x = Math.floor(from); x < to; x++) {
        covered.set(x, (covered.get(x) ?? 0) + (Math.min(to, x + 1) - Math.max(from, x)) / SCANS);
      }
    }
  }
  return covered;
}

function crossingsOf(outline: readonly number[], y: number): number[] {
  const crossings: number[] = [];
  let [x0, y0] = [outline.at(-2) ?? 0, outline.at(-1) ?? 0];
  for (let i = 0; i < outline.length; i += 2) {
    const [x1, y1] = [outline[i] ?? 0, outline[i + 1] ?? 0];
    if (y0 <= y !== y1 <= y) crossings.push(x0 + ((y - y0) * (x1 - x0)) / (y1 - y0));
    [x0, y0] = [x1, y1];
  }
  return crossings;
}

/** A patch without an edge: light around a lamp, the shadow where something stands. */
export function softPatch(
  canvas: Canvas,
  { x: cx, y: cy, rx, ry = rx }: { x: number; y: number; rx: number; ry?: number },
  colour: Colour,
  strength: number,
): void {
  for (let y = Math.max(0, Math.floor(cy - ry)); y < Math.min(canvas.height, cy + ry); y++) {
    for (let x = Math.max(0, Math.floor(cx - rx)); x < Math.min(canvas.width, cx + rx); x++) {
      const near = smooth(1, 0, Math.hypot((x - cx) / rx, (y - cy) / ry));
      if (near > 0) blend(canvas, x, y, colour, near * strength);
    }
  }
}

/** Rounds to eight bits. A little grain hides the steps of long gradients. */
export function develop({ width, height, data }: Canvas, random: Random): Picture {
  const picture = blankPicture(width, height);
  for (let i = 0, from = 0; i < picture.data.length; i += 4, from += 3) {
    const grain = (random() + random() - 1) * 3;
    for (let c = 0; c < 3; c++) picture.data[i + c] = (data[from + c] ?? 0) + grain;
    picture.data[i + 3] = 255;
  }
  return picture;
}
