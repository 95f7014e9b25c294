import { colourAt, paintRows } from "./canvas.ts";
import { clamp01, lighter, mix } from "./colour.ts";
import type { Scene } from "./scene.ts";

/** Water from the horizon down: the sky upside down, broken by waves that grow towards the viewer. */
export async function paintSea({ canvas, mood, noise, horizon, sun, unit, breathe }: Scene): Promise<void> {
  const { width, height } = canvas;
  const first = Math.round(horizon);
  const sparkle = lighter(mood.light, 0.4);
  const water = (x: number, y: number) => {
    const depth = (y - first) / Math.max(1, height - first);
    const distance = 1 / (0.04 + depth);
    const wave = noise(((x - width / 2) / unit) * distance * 1.9 + 11, distance * 9, 3) - 0.5;
    const above = first - 1 - (y - first) * (1.05 - depth * 0.3) - wave * unit * 0.1 * (0.25 + depth);
    const mirrored = colourAt(canvas, x, Math.min(first - 1, Math.max(0, Math.round(above))));
    const deep = mix(mirrored, mood.water, 0.34 + depth * 0.34);
    const lit = wave > 0 ? lighter(deep, wave * 0.4) : mix(deep, mood.near, -wave * 0.5);
    const path = Math.exp(-(((x - sun.x) / (unit * (0.035 + depth * 0.16))) ** 2));
    const glitter = clamp01((wave + 0.08) * 5) * path * (1 - depth);
    return mix(lit, sparkle, glitter * (mood.darkness > 0.5 ? 0.5 : 0.85));
  };
  await paintRows(canvas, [first, height], water, breathe);
}
