import { type Breathe, rowsPerBreath } from "../picture/picture.ts";
import { blankPlane, resizePlane } from "../picture/plane.ts";
import { blend, fill, glow } from "./canvas.ts";
import { type Colour, clamp01, gradient, lighter, mix, smooth } from "./colour.ts";
import { ellipse } from "./path.ts";
import type { Scene } from "./scene.ts";

/** Clouds are soft: a quarter of the resolution is enough for their shape. */
const CLOUD_STEP = 4;

/** Gradient, stars, sun or moon, clouds: everything above the horizon, and the base colour below it. */
export async function paintSky(scene: Scene, breathe: Breathe): Promise<void> {
  const { canvas, mood, horizon, sun, unit } = scene;
  const [top, upper, lower, low] = mood.sky;
  const colourAt = gradient([
    [0, top],
    [0.45, upper],
    [0.82, lower],
    [1, low],
  ]);
  for (let y = 0; y < canvas.height; y++) {
    const colour = colourAt(clamp01(y / horizon));
    for (let x = 0; x < canvas.width; x++) blend(canvas, x, y, colour, 1);
    if (y % rowsPerBreath(canvas.width) === 0) await breathe();
  }
  if (mood.stars > 0) paintStars(scene);
  glow(canvas, sun.x, sun.y, unit * 0.75, mood.light, mood.stars > 0.5 ? 0.3 : 0.55);
  glow(canvas, sun.x, sun.y, unit * 0.22, mood.light, 0.5);
  const radius = unit * (mood.height > 0.5 ? 0.04 : 0.055);
  if (mood.name !== "neon") fill(canvas, ellipse(sun.x, sun.y, radius), lighter(mood.light, 0.5), 0.96);
  await breathe();
  await paintClouds(scene, breathe);
}

function paintStars({ canvas, mood, random, horizon, unit }: Scene) {
  const count = Math.round(mood.stars * 140);
  for (let i = 0; i < count; i++) {
    const [x, y] = [random() * canvas.width, random() ** 1.4 * horizon * 0.85];
    const size = unit * (0.0008 + random() ** 4 * 0.0022);
    fill(
      canvas,
      ellipse(x, y, Math.max(size, 0.45), Math.max(size, 0.45), 10),
      [255, 250, 235],
      0.35 + random() * 0.6,
    );
  }
}

async function paintClouds({ canvas, mood, noise, horizon, sun, unit }: Scene, breathe: Breathe) {
  const { width, height } = canvas;
  const coarse = blankPlane(Math.ceil(width / CLOUD_STEP), Math.ceil(height / CLOUD_STEP));
  for (let y = 0; y < coarse.height; y++) {
    const depth = (y * CLOUD_STEP) / horizon;
    if (depth > 1) break;
    // Clouds lie flatter the nearer they are to the horizon.
    const v = 1 / (1.25 - depth * 0.95);
    for (let x = 0; x < coarse.width; x++) {
      const u = (x * CLOUD_STEP - width / 2) / unit;
      const density = noise.plane(u * (1.1 + v * 0.35) + 40, v * 3.1 + depth * 5, 5);
      coarse.data[y * coarse.width + x] = smooth(0.52, 0.8, density) * smooth(1.02, 0.8, depth);
    }
  }
  await breathe();
  const full = resizePlane(coarse, width, height);
  const lit: Colour = lighter(mood.cloud, 0.35);
  for (let y = 0; y < Math.min(height, horizon); y++) {
    for (let x = 0; x < width; x++) {
      const density = full.data[y * width + x] ?? 0;
      if (density < 0.01) continue;
      const near = 1 - clamp01(Math.sqrt((x - sun.x) ** 2 + (y - sun.y) ** 2) / (unit * 0.9));
      blend(canvas, x, y, mix(mood.cloud, lit, near), density * (mood.stars > 0.5 ? 0.35 : 0.72));
    }
    if (y % rowsPerBreath(width) === 0) await breathe();
  }
}
