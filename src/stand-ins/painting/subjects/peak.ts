import type { Breathe } from "../../picture/picture.ts";
import { fill } from "../canvas.ts";
import { paintCloudSea } from "../cloud-sea.ts";
import { clamp01, darker, hex, lighter, mix, smooth } from "../colour.ts";
import type { Scene } from "../scene.ts";
import { paintGround } from "../terrain.ts";
import { inTheLightOf, sunSide } from "./brush.ts";

/** One great mountain, its flank towards the sun lit, snow where it is not too steep. */
export async function peak(scene: Scene, breathe: Breathe): Promise<void> {
  const { canvas, mood, motif, noise, random, unit, horizon, stand } = scene;
  const top = { x: stand.x, y: horizon - unit * (0.4 + random() * 0.06) };
  const foot = motif.setting === "clouds" ? horizon + unit * 0.22 : horizon + unit * 0.14;
  const height = foot - top.y;
  const half = height * (0.95 + random() * 0.15);
  const shift = random() * 100;
  const steps = 90;
  const points: number[] = [];
  for (let i = 0; i <= steps; i++) {
    const u = (i / steps) * 2 - 1;
    const slope = Math.abs(u) ** 0.9;
    const jag =
      (noise.line(u * 5 + shift, 4) - 0.5) * 0.24 * Math.min(1, Math.abs(u) * 5) * (1 - Math.abs(u) * 0.5);
    points.push(top.x + u * half, top.y + (slope + jag) * height);
  }
  const stone = inTheLightOf(scene, mix(hex("#5a5f75"), mood.near, 0.25));
  const snow = inTheLightOf(scene, mix(hex("#fbf7f2"), mood.light, 0.15));
  const shadow = mix(mix(mood.sky[0], mood.sky[1], 0.5), hex("#3f4a78"), 0.3);
  const side = sunSide(scene);
  fill(canvas, [points], (x, y) => {
    const down = (y - top.y) / height;
    const u = (x - top.x) / half;
    // The ridge that parts light from shade wanders down from the summit, with ribs to both sides.
    const ridge = (noise.line(down * 5 + shift + 7, 3) - 0.5) * 0.3 * clamp01(down * 3);
    const ribs = noise.plane(u * 8 - Math.abs(u - ridge) * 6 + shift, down * 3.4, 4) - 0.5;
    const lightShare = smooth(-0.05, 0.05, (u - ridge) * side + ribs * 0.34);
    const line = 0.5 + (noise.line(u * 9 + shift, 3) - 0.5) * 0.35 + ribs * 0.6;
    const white = smooth(0.05, -0.04, down - line);
    // Gullies run down from the ridge; without them the snow would be one flat patch.
    const gully = noise.plane(u * 11 + ribs * 2 + shift, down * 6 - Math.abs(u) * 7, 5) - 0.5;
    const lightStone = mix(lighter(stone, 0.12 + ribs * 0.2), mood.light, 0.25);
    const bright = mix(
      lightStone,
      mix(darker(mix(snow, mood.light, 0.3), 0.06), shadow, clamp01(gully * 1.2)),
      white,
    );
    const dim = mix(darker(stone, 0.25 - ribs * 0.2), mix(snow, shadow, clamp01(0.58 + gully * 0.9)), white);
    return mix(mix(dim, bright, lightShare), mood.haze, smooth(0.45, 1.05, down) * 0.75);
  });
  await breathe();
  if (motif.setting === "clouds") {
    await paintCloudSea(scene, -unit * 0.08, breathe, 3);
  } else {
    const ground = motif.snow ? hex("#eef3fa") : mood.ground;
    paintGround(scene, horizon + unit * 0.07, ground);
  }
}
