import type { Breathe } from "../picture/picture.ts";
import { fill } from "./canvas.ts";
import { type Colour, mix } from "./colour.ts";
import { ellipse } from "./path.ts";
import type { Scene } from "./scene.ts";
import { conifer, paintGround, paintRange } from "./terrain.ts";

/** Rows of conifers that come out of the haze, a clearing in front. */
export async function paintWoods(scene: Scene, ground: Colour, breathe: Breathe): Promise<void> {
  const { canvas, mood, motif, horizon, random, unit, stand } = scene;
  paintRange(scene, 1, { sharp: false, rise: 0.14 });
  await breathe();
  const rows = 3;
  for (let row = 0; row < rows; row++) {
    const near = row / (rows - 1);
    const size = unit * (0.3 + near * 0.36);
    const colour = mix(mood.haze, mix(mood.leaves, mood.near, 0.35 * near), 0.3 + near * 0.5);
    const step = size * 0.3;
    for (let x = -step * random(); x < canvas.width + step; x += step * (0.55 + random() * 0.7)) {
      // The nearest row leaves the clearing free.
      const away = Math.abs(x - stand.x) / unit;
      if (row === rows - 1 && away < 0.3) continue;
      conifer(
        scene,
        x,
        horizon + unit * (0.03 + 0.05 * near),
        size * (0.75 + random() * 0.5),
        colour,
        motif.snow ? 0.9 : 0,
      );
    }
    await breathe();
  }
  paintGround(scene, horizon + unit * 0.05, ground);
  await breathe();
  if (motif.snow) snowfall(scene);
}

function snowfall({ canvas, random, unit }: Scene) {
  for (let i = 0; i < 110; i++) {
    const radius = unit * (0.0015 + random() ** 3 * 0.006);
    fill(
      canvas,
      ellipse(
        random() * canvas.width,
        random() * canvas.height,
        Math.max(0.5, radius),
        Math.max(0.5, radius),
        14,
      ),
      [255, 255, 255],
      0.4 + random() * 0.45,
    );
  }
}
