import { blend, fill, paintRows, softPatch } from "./canvas.ts";
import { clamp01, lighter, mix, smooth } from "./colour.ts";
import type { Scene } from "./scene.ts";
import { ellipse } from "./shapes.ts";

/** Gradient, stars, sun or moon, clouds: everything above the horizon, and the base colour below it. */
export async function paintSky(scene: Scene): Promise<void> {
  const { canvas, mood, horizon, sun, unit, breathe } = scene;
  const [top, upper, lower, low] = mood.sky;
  const row = (y: number) => {
    const at = y / horizon;
    if (at < 0.45) return mix(top, upper, smooth(0, 0.45, at));
    return at < 0.82 ? mix(upper, lower, smooth(0.45, 0.82, at)) : mix(lower, low, smooth(0.82, 1, at));
  };
  await paintRows(canvas, [0, canvas.height], (_x, y) => row(y), breathe);
  paintStars(scene);
  softPatch(canvas, { ...sun, rx: unit * 0.6 }, mood.light, mood.darkness > 0.5 ? 0.12 : 0.25);
  softPatch(canvas, { ...sun, rx: unit * 0.2 }, mood.light, 0.4);
  fill(canvas, ellipse(sun.x, sun.y, unit * (mood.height > 0.5 ? 0.04 : 0.055)), lighter(mood.light, 0.5));
  await breathe();
  await paintClouds(scene);
}

function paintStars({ canvas, mood, random, horizon, unit }: Scene): void {
  for (let i = 0; i < mood.darkness * 140; i++) {
    const [x, y] = [random() * canvas.width, random() ** 1.4 * horizon * 0.85];
    const size = Math.max(0.45, unit * (0.0008 + random() ** 4 * 0.0022));
    fill(canvas, ellipse(x, y, size, size, 10), [255, 250, 235], 0.35 + random() * 0.6);
  }
}

async function paintClouds({ canvas, mood, noise, horizon, sun, unit, breathe }: Scene): Promise<void> {
  const lit = lighter(mood.cloud, 0.35);
  for (let y = 0; y < Math.min(canvas.height, horizon); y++) {
    const depth = y / horizon;
    // Clouds lie flatter the nearer they are to the horizon.
    const v = 1 / (1.25 - depth * 0.95);
    for (let x = 0; x < canvas.width; x++) {
      const u = (x - canvas.width / 2) / unit;
      const density = smooth(0.52, 0.8, noise(u * (1.1 + v * 0.35) + 40, v * 3.1 + depth * 5));
      if (density < 0.01) continue;
      const near = 1 - clamp01(Math.hypot(x - sun.x, y - sun.y) / (unit * 0.9));
      const opacity = density * smooth(1.02, 0.8, depth) * (mood.darkness > 0.5 ? 0.35 : 0.6);
      blend(canvas, x, y, mix(mood.cloud, lit, near), opacity);
    }
    if (y % 64 === 0) await breathe();
  }
}
