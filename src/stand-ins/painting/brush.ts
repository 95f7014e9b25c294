import { type Canvas, fill } from "./canvas.ts";
import { type Colour, darker, lighter, mix } from "./colour.ts";
import type { Scene } from "./scene.ts";
import type { Shape } from "./shapes.ts";

/** Fills a shape that is drawn around its own foot, one unit tall; paints get drawing coordinates too. */
export type Brush = (
  drawn: Shape,
  paint: Colour | ((x: number, y: number) => Colour),
  opacity?: number,
) => void;

/** Where a drawing stands on the canvas. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export const brushAt =
  (canvas: Canvas, { x, y, scale }: Placement): Brush =>
  (drawn, paint, opacity = 1) => {
    const placed = drawn.map((outline) => outline.map((value, i) => (i % 2 ? y : x) + value * scale));
    const onCanvas =
      typeof paint === "function"
        ? (px: number, py: number) => paint((px + 0.5 - x) / scale, (py + 0.5 - y) / scale)
        : paint;
    fill(canvas, placed, onCanvas, opacity);
  };

/** 1 where the sun is to the right of the subject, -1 where it is to the left. */
export const sunSide = ({ sun, stand }: Scene): 1 | -1 => (sun.x > stand.x ? 1 : -1);

/** A colour lit from one side: `across` runs from -1 to 1 over the body. */
export function lit(scene: Scene, colour: Colour, across: number, depth = 1): Colour {
  const toward = across * sunSide(scene);
  const shaded = toward < 0.15 ? darker(colour, (0.15 - toward) * 0.3 * depth) : colour;
  const warm = mix(shaded, lighter(scene.mood.light, 0.2), Math.max(0, toward) * 0.22 * depth);
  return mix(warm, scene.mood.haze, 0.06);
}

/** Things keep their own colours at night, only dimmer and bluer. */
export const inTheLightOf = ({ mood }: Scene, colour: Colour): Colour =>
  mood.darkness > 0.3 ? mix(colour, mood.ground, 0.38) : mix(colour, mood.light, 0.06);
