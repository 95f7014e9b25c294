import { blend, type Canvas, fill, type Paint } from "../canvas.ts";
import { type Colour, clamp01, darker, lighter, mix, smooth } from "../colour.ts";
import { type Placement, place, type Shape } from "../path.ts";
import type { Scene } from "../scene.ts";

/** Paints shapes that are drawn around their own foot, one unit tall. Paints get drawing coordinates too. */
export interface Brush {
  (drawn: Shape, paint: Colour | ((x: number, y: number) => Colour), opacity?: number): void;
  readonly to: Placement;
}

export function brushAt(canvas: Canvas, to: Placement): Brush {
  const across = to.mirrored ? -to.scale : to.scale;
  const brush = (drawn: Shape, paint: Parameters<Brush>[1], opacity = 1) => {
    const onCanvas: Paint =
      typeof paint === "function"
        ? (x, y) => paint((x + 0.5 - to.x) / across, (y + 0.5 - to.y) / to.scale)
        : paint;
    fill(canvas, place(drawn, to), onCanvas, opacity);
  };
  return Object.assign(brush, { to });
}

/** 1 on the side of the sun, -1 on the other: -1 or 1 in drawing coordinates. */
export const sunSide = ({ sun, stand }: Scene): 1 | -1 => (sun.x > stand.x ? 1 : -1);

/** A colour lit from one side: `across` runs from -1 to 1 over the body. */
export function lit(scene: Scene, colour: Colour, across: number, depth = 1): Colour {
  const toward = across * sunSide(scene);
  const amount = scene.mood.contrast * depth;
  const shaded = toward < 0.15 ? darker(colour, (0.15 - toward) * 0.42 * amount) : colour;
  const warm = toward > 0 ? mix(shaded, lighter(scene.mood.light, 0.2), toward * 0.3 * amount) : shaded;
  return mix(warm, scene.mood.haze, 0.06);
}

/** Objects keep their own colours at night, only dimmer and bluer. */
export function inTheLightOf(scene: Scene, colour: Colour): Colour {
  const { mood } = scene;
  if (mood.stars > 0.3) return mix(colour, mood.ground, 0.38);
  return mix(colour, mood.light, 0.06);
}

/** A soft dark patch where something stands. */
export function groundShadow(
  scene: Scene,
  cx: number,
  cy: number,
  rx: number,
  ry: number,
  strength: number,
): void {
  const { canvas, mood } = scene;
  const shade = darker(mood.near, 0.3);
  for (let y = Math.max(0, Math.floor(cy - ry)); y < Math.min(canvas.height, cy + ry); y++) {
    for (let x = Math.max(0, Math.floor(cx - rx)); x < Math.min(canvas.width, cx + rx); x++) {
      const distance = Math.hypot((x - cx) / rx, (y - cy) / ry);
      if (distance < 1) blend(canvas, x, y, shade, clamp01(smooth(1, 0.15, distance)) * strength);
    }
  }
}
