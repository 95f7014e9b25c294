import type { Random } from "../../model/random.ts";
import { blankPicture, type Picture } from "../picture/picture.ts";
import type { Colour } from "./colour.ts";
import { coverage } from "./coverage.ts";
import type { Shape } from "./path.ts";

/** One colour, or one for each place. */
export type Paint = Colour | ((x: number, y: number) => Colour);

/** Three floats a pixel: many thin layers go over each other before anything is rounded. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

export const createCanvas = (width: number, height: number): Canvas => ({
  width,
  height,
  data: new Float32Array(width * height * 3),
});

/** Lays a colour over a pixel. */
export function blend(canvas: Canvas, x: number, y: number, colour: Colour, opacity: number): void {
  const { data } = canvas;
  const i = (y * canvas.width + x) * 3;
  data[i] = (data[i] ?? 0) + (colour[0] - (data[i] ?? 0)) * opacity;
  data[i + 1] = (data[i + 1] ?? 0) + (colour[1] - (data[i + 1] ?? 0)) * opacity;
  data[i + 2] = (data[i + 2] ?? 0) + (colour[2] - (data[i + 2] ?? 0)) * opacity;
}

export function fill(canvas: Canvas, drawn: Shape, paint: Paint, opacity = 1): void {
  const { left, top, width, height, data } = coverage(drawn, canvas.width, canvas.height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const covered = (data[y * width + x] ?? 0) * opacity;
      if (covered < 0.002) continue;
      const colour = typeof paint === "function" ? paint(left + x, top + y) : paint;
      blend(canvas, left + x, top + y, colour, covered);
    }
  }
}

/**
 * Everything below a line, column by column, down to `floor`, below which something else will cover it anyway.
 * `paint` gets the depth below the line as well.
 */
export function fillBelow(
  canvas: Canvas,
  line: (x: number) => number,
  paint: (x: number, y: number, depth: number) => Colour,
  floor = canvas.height,
): void {
  const bottom = Math.min(canvas.height, Math.ceil(floor));
  for (let x = 0; x < canvas.width; x++) {
    const top = line(x);
    for (let y = Math.max(0, Math.floor(top)); y < bottom; y++) {
      blend(canvas, x, y, paint(x, y, y - top), Math.min(1, y + 1 - top));
    }
  }
}

/** Light that adds to what is there and fades with distance. */
export function glow(
  canvas: Canvas,
  cx: number,
  cy: number,
  radius: number,
  light: Colour,
  strength: number,
): void {
  const { width, height, data } = canvas;
  const [left, right] = [Math.max(0, Math.floor(cx - radius)), Math.min(width, Math.ceil(cx + radius))];
  const [top, bottom] = [Math.max(0, Math.floor(cy - radius)), Math.min(height, Math.ceil(cy + radius))];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const near = 1 - Math.sqrt((x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2) / radius;
      if (near <= 0) continue;
      const gain = near * near * strength;
      const i = (y * width + x) * 3;
      for (let c = 0; c < 3; c++) {
        const here = data[i + c] ?? 0;
        data[i + c] = here + ((light[c] ?? 0) * gain * (255 - here)) / 255;
      }
    }
  }
}

/** Rounds to eight bits. A little grain hides the steps of long gradients. */
export function develop(canvas: Canvas, random: Random, grain = 3): Picture {
  const picture = blankPicture(canvas.width, canvas.height);
  // A short table read from a new place in every row is as good as fresh chance for each pixel, and much faster.
  const table = Float32Array.from({ length: 8191 }, () => (random() + random() - 1) * grain);
  let from = 0;
  for (let i = 0, to = 0; i < canvas.data.length; i += 3, to += 4) {
    if (to % (canvas.width * 4) === 0) from = Math.floor(random() * table.length);
    from = from + 1 === table.length ? 0 : from + 1;
    const offset = table[from] ?? 0;
    picture.data[to] = (canvas.data[i] ?? 0) + offset;
    picture.data[to + 1] = (canvas.data[i + 1] ?? 0) + offset;
    picture.data[to + 2] = (canvas.data[i + 2] ?? 0) + offset;
    picture.data[to + 3] = 255;
  }
  return picture;
}
