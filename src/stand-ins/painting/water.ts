import { type Breathe, rowsPerBreath } from "../picture/picture.ts";
import { blend } from "./canvas.ts";
import { type Colour, clamp01, lighter, mix } from "./colour.ts";
import type { Scene } from "./scene.ts";

/** Water from the horizon down: the sky upside down, broken by waves that grow towards the viewer. */
export async function paintSea(scene: Scene, breathe: Breathe): Promise<void> {
  const { canvas, mood, noise, horizon, sun, unit } = scene;
  const { width, height, data } = canvas;
  const first = Math.max(0, Math.round(horizon));
  const sparkle = lighter(mood.light, 0.4);
  for (let y = first; y < height; y++) {
    const depth = (y - first) / Math.max(1, height - first);
    const distance = 1 / (0.04 + depth);
    const rows = (y - first) * (1.05 - depth * 0.3);
    for (let x = 0; x < width; x++) {
      const u = ((x - width / 2) / unit) * distance;
      const wave = noise.plane(u * 1.9 + 11, distance * 9, 3) - 0.5;
      const source = Math.round(first - 1 - rows - wave * unit * 0.1 * (0.25 + depth));
      const i = (Math.min(first - 1, Math.max(0, source)) * width + x) * 3;
      const mirrored: Colour = [data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0];
      let colour = mix(mirrored, mood.water, 0.34 + depth * 0.34);
      colour = wave > 0 ? lighter(colour, wave * 0.4) : mix(colour, mood.near, -wave * 0.5);
      const reach = unit * (0.035 + depth * 0.16);
      const path = Math.exp(-(((x - sun.x) / reach) ** 2));
      const glitter = clamp01((wave + 0.08) * 5) * path * (mood.stars > 0.5 ? 0.5 : 0.85);
      blend(canvas, x, y, mix(colour, sparkle, glitter), 1);
    }
    if (y % rowsPerBreath(width) === 0) await breathe();
  }
}
