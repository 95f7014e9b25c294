import { type Breathe, rowsPerBreath } from "../picture/picture.ts";
import { blend, glow } from "./canvas.ts";
import { type Colour, clamp01, darker, hex, lighter, mix, smooth, turnHue } from "./colour.ts";
import type { Scene } from "./scene.ts";

const WALLS = ["#4f7a82", "#3f5f7d", "#6f7f68", "#7a6b84", "#556b6f"];

/** A plastered wall with light from a window, and a wooden table top. */
export async function paintTable(scene: Scene, breathe: Breathe): Promise<void> {
  const { canvas, noise, random, horizon, unit, sun, mood } = scene;
  const { width, height } = canvas;
  const dim = mood.stars > 0.3 ? 0.45 : 0;
  const wall = darker(
    turnHue(hex(WALLS[Math.floor(random() * WALLS.length)] ?? "#4f7a82"), (random() - 0.5) * 20),
    dim,
  );
  const wood = darker(mix(hex("#8a5a36"), hex("#a9764a"), random()), dim);
  const from = sun.x > width / 2 ? 1 : -1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      blend(canvas, x, y, y < horizon ? wallAt(x, y) : woodAt(x, y), 1);
    }
    if (y % rowsPerBreath(width) === 0) await breathe();
  }
  glow(canvas, width * (0.5 + from * 0.42), horizon * 0.1, unit * 1.05, hex("#fff1d6"), 0.5);

  function wallAt(x: number, y: number): Colour {
    const across = clamp01(0.5 + (from * (x - width / 2)) / width);
    const plaster = (noise.plane((x / unit) * 7, (y / unit) * 7, 3) - 0.5) * 0.1;
    const corner = smooth(horizon - unit * 0.16, horizon, y) * 0.22;
    const shade = 0.4 - across * 0.42 + corner - plaster;
    return shade > 0 ? darker(wall, shade) : lighter(wall, -shade);
  }

  function woodAt(x: number, y: number): Colour {
    const depth = (y - horizon) / (height - horizon);
    const grain = noise.plane((x / unit) * 1.6 + 3, ((y - horizon) / unit) * (34 - depth * 16), 3);
    const rings = Math.abs(Math.sin(grain * 22)) * 0.12;
    const across = clamp01(0.5 + (from * (x - width / 2)) / width);
    const edge = smooth(unit * 0.01, 0, y - horizon) * 0.25;
    const shade = 0.22 + rings - across * 0.26 - edge + (grain - 0.5) * 0.3;
    return shade > 0 ? darker(wood, shade) : lighter(wood, -shade);
  }
}
