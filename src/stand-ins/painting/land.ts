import { fill, fillBelow } from "./canvas.ts";
import { type Colour, clamp01, darker, hex, lighter, mix, shaded } from "./colour.ts";
import type { Scene } from "./scene.ts";
import { ellipse } from "./shapes.ts";

interface Crest {
  /** Mean height, as a row. */
  readonly at: number;
  /** How far it goes up and down. */
  readonly swing: number;
  /** Features across one unit. */
  readonly detail: number;
  readonly octaves?: number;
  /** Peaks instead of rolling hills. */
  readonly sharp?: boolean;
}

/** A crest as a row for each column. */
function lineOf({ noise, random, unit }: Scene, { at, swing, detail, octaves = 5, sharp }: Crest) {
  const shift = random() * 200;
  return (x: number): number => {
    const value = noise((x / unit) * detail + shift, 0.37, octaves);
    return at - ((sharp ? 1 - Math.abs(value * 2 - 1) * 1.6 : value) - 0.5) * 2 * swing;
  };
}

/** Ridges from the haze to the foreground, each fading into mist at its foot. */
export async function paintRange(
  scene: Scene,
  { layers, rise, sharp = false }: { layers: number; rise: number; sharp?: boolean },
): Promise<void> {
  const { canvas, mood, horizon, unit } = scene;
  for (let i = 0; i < layers; i++) {
    const near = (i + 1) / (layers + 1);
    const at = horizon - unit * rise * (1 - near) + unit * 0.05 * near;
    const line = lineOf(scene, { at, swing: unit * (0.16 - 0.06 * near), detail: 1.2 + near * 1.4, sharp });
    const colour = mix(mood.haze, mood.near, near * 0.82);
    const mist = 0.75 * (1 - near * 0.5);
    fillBelow(canvas, line, (_x, _y, depth) => mix(colour, mood.haze, clamp01(depth / (unit * 0.3)) * mist));
    await scene.breathe();
  }
}

/** Rolling ground up to the lower edge, under snow where it has snowed. */
export async function paintGround(scene: Scene, top: number): Promise<void> {
  const { canvas, mood, motif, noise, unit } = scene;
  const white = mix(hex("#eef3fa"), mood.haze, 0.15 + 0.45 * mood.darkness);
  const colour = motif.snow ? white : mood.ground;
  for (const share of [0, 0.5, 1]) {
    const at = top + (canvas.height * 0.88 - top) * share;
    const line = lineOf(scene, { at, swing: unit * 0.045, detail: 1.1, octaves: 2 });
    const base = mix(mix(colour, mood.haze, 0.35 * (1 - share)), mood.near, 0.14 * share);
    fillBelow(canvas, line, (x, y, depth) => {
      const texture = (noise((x / unit) * 26, (y / unit) * 60, 2) - 0.5) * 0.16;
      return shaded(base, clamp01(depth / (unit * 0.5)) * 0.2 - texture);
    });
    await scene.breathe();
  }
}

/** Rows of conifers that come out of the haze, a clearing in front. */
export async function paintForest(scene: Scene): Promise<void> {
  const { canvas, mood, horizon, random, unit, stand } = scene;
  for (const near of [0, 0.5, 1]) {
    const size = unit * (0.3 + near * 0.36);
    const colour = mix(mood.haze, mix(mood.leaves, mood.near, 0.35 * near), 0.3 + near * 0.5);
    const step = size * 0.3;
    for (let x = -step * random(); x < canvas.width + step; x += step * (0.55 + random() * 0.7)) {
      // The nearest row leaves the clearing free.
      if (near === 1 && Math.abs(x - stand.x) < unit * 0.3) continue;
      const foot = horizon + unit * (0.03 + 0.05 * near);
      conifer(scene, { x, y: foot, size: size * (0.75 + random() * 0.5) }, colour);
    }
    await scene.breathe();
  }
}

/** A stack of jagged tiers. */
function conifer(
  { canvas, motif, random }: Scene,
  { x, y, size }: { x: number; y: number; size: number },
  colour: Colour,
): void {
  const tiers = 6;
  const right = [0, -1];
  for (let i = 1; i <= tiers; i++) {
    const tip = -1 + (i / tiers) * 0.92;
    const half = 0.05 + (i / tiers) * 0.19 * (0.85 + random() * 0.3);
    right.push(half, tip + 0.025, half * 0.5, tip - 0.01);
  }
  right.push(0.025, -0.06, 0.025, 0);
  const left: number[] = [];
  for (let i = right.length - 2; i > 0; i -= 2) left.push(-(right[i] ?? 0), right[i + 1] ?? 0);
  const outline = [...right, ...left].map((value, i) => (i % 2 ? y : x) + value * size);
  fill(canvas, [outline], (px, py) => {
    const side = clamp01((px - x) / (size * 0.3) + 0.5);
    const green = mix(darker(colour, 0.18), lighter(colour, 0.06), side);
    if (!motif.snow) return green;
    // Snow lies on each tier, which hangs down a little towards its ends.
    const tier = ((py - y - Math.abs(px - x) * 0.28) / size + 1) * tiers;
    return mix(green, [238, 244, 250], clamp01(1 - ((tier % 1) + 0.1) * 1.7) * (0.45 + side * 0.45));
  });
}

export function paintSnowfall({ canvas, random, unit }: Scene): void {
  for (let i = 0; i < 110; i++) {
    const size = Math.max(0.5, unit * (0.0015 + random() ** 3 * 0.006));
    const flake = ellipse(random() * canvas.width, random() * canvas.height, size, size, 14);
    fill(canvas, flake, [255, 255, 255], 0.4 + random() * 0.45);
  }
}
