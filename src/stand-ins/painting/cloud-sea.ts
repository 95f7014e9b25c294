import type { Breathe } from "../picture/picture.ts";
import { blankPlane, resizePlane } from "../picture/plane.ts";
import { blend } from "./canvas.ts";
import { clamp01, lighter, mix, smooth } from "./colour.ts";
import type { Scene } from "./scene.ts";

const STEP = 3;

/** Banks of cloud seen from above, lit from the sun's side. `lift` lowers or raises the first bank, in rows. */
export async function paintCloudSea(scene: Scene, lift: number, breathe: Breathe, banks = 4): Promise<void> {
  const { canvas, mood, noise, random, horizon, unit, sun } = scene;
  const bright = mix(lighter(mood.cloud, 0.55), mood.light, 0.25);
  const shaded = mix(mood.cloud, mix(mood.sky[1], mood.haze, 0.4), 0.62);
  for (let bank = 0; bank < banks; bank++) {
    const share = bank / Math.max(1, banks - 1);
    const top = horizon - lift + (canvas.height - horizon) * share * 0.82;
    const scale = 2.2 - share * 1.1;
    const swell = unit * (0.035 + share * 0.06);
    const shift = random() * 100;
    const billow = blankPlane(Math.ceil(canvas.width / STEP), Math.ceil(canvas.height / STEP));
    const first = Math.max(0, Math.floor((top - swell * 3) / STEP));
    for (let y = first; y < billow.height; y++) {
      for (let x = 0; x < billow.width; x++) {
        billow.data[y * billow.width + x] = noise.plane(
          ((x * STEP) / unit) * scale * 2 + shift,
          ((y * STEP) / unit) * scale * 4.4 + shift,
          4,
        );
      }
    }
    await breathe();
    const full = resizePlane(billow, canvas.width, canvas.height);
    const crests = Float32Array.from(
      { length: canvas.width },
      (_, x) => top - (noise.line((x / unit) * scale * 1.7 + shift, 2) - 0.5) * swell * 3,
    );
    // The next bank hides what lies deeper.
    const floor = bank === banks - 1 ? canvas.height : Math.min(canvas.height, top + unit * 0.42);
    for (let y = Math.max(0, Math.floor(top - swell * 3)); y < floor; y++) {
      for (let x = 0; x < canvas.width; x++) {
        const puff = full.data[y * canvas.width + x] ?? 0;
        const edge = (crests[x] ?? 0) - (puff - 0.5) * swell * 2.4;
        const cover = smooth(edge - unit * 0.012, edge + unit * 0.03, y);
        if (cover < 0.01) continue;
        const depth = clamp01((y - edge) / (unit * 0.2));
        const near = 1 - clamp01(Math.abs(x - sun.x) / (unit * 1.1));
        const light = clamp01(0.75 - depth * 0.75 + (puff - 0.5) * 1.1 + near * 0.2);
        blend(canvas, x, y, mix(shaded, bright, light), cover * (0.93 + share * 0.05));
      }
    }
    await breathe();
  }
}
