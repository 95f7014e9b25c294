import { fill, fillBelow } from "./canvas.ts";
import { type Colour, clamp01, darker, lighter, mix } from "./colour.ts";
import type { Scene } from "./scene.ts";

export interface RidgeOptions {
  /** Mean height of the crest, as a row. */
  readonly crest: number;
  /** How far the crest goes up and down. */
  readonly swing: number;
  /** Features across one unit. */
  readonly detail: number;
  readonly octaves?: number;
  /** Sharp crests instead of rolling ones. */
  readonly sharp?: boolean;
  readonly colour: Colour;
  /** The last row to paint, where nearer layers cover the rest. @default the lower edge */
  readonly floor?: number;
  /** Which mist gathers at the foot, and how much. */
  readonly mist?: { readonly colour: Colour; readonly amount: number; readonly reach: number };
}

/** The crest of a ridge as a row for each column. */
function crestOf(
  scene: Scene,
  options: Omit<RidgeOptions, "colour" | "mist" | "floor">,
): (x: number) => number {
  const { noise, random, unit } = scene;
  const { crest, swing, detail, octaves = 5, sharp = false } = options;
  const shift = random() * 200;
  return (x) => {
    const value = noise.line((x / unit) * detail + shift, octaves);
    const shaped = sharp ? 1 - Math.abs(value * 2 - 1) * 1.6 : value;
    return crest - (shaped - 0.5) * 2 * swing;
  };
}

/** One layer of land, fading into mist at its foot: a few of them behind each other give distance. */
export function paintRidge(scene: Scene, options: RidgeOptions): (x: number) => number {
  const { canvas } = scene;
  const line = crestOf(scene, options);
  const { colour, mist } = options;
  fillBelow(
    canvas,
    line,
    (_x, _y, depth) => (mist ? mix(colour, mist.colour, clamp01(depth / mist.reach) * mist.amount) : colour),
    options.floor,
  );
  return line;
}

/** Ridges from the haze to the foreground. */
export function paintRange(scene: Scene, layers: number, options: { sharp: boolean; rise: number }): void {
  const { mood, horizon, unit } = scene;
  for (let i = 0; i < layers; i++) {
    const near = (i + 1) / (layers + 1);
    paintRidge(scene, {
      crest: horizon - unit * options.rise * (1 - near) + unit * 0.05 * near,
      swing: unit * (0.16 - 0.06 * near),
      detail: 1.2 + near * 1.4,
      sharp: options.sharp,
      colour: mix(mood.haze, mood.near, near * 0.82),
      mist: { colour: mood.haze, amount: 0.75 * (1 - near * 0.5), reach: unit * 0.3 },
      floor: horizon + unit * 0.2,
    });
  }
}

/** Rolling ground with a lit and a shaded flank, up to the lower edge. */
export function paintGround(scene: Scene, top: number, colour: Colour, layers = 3): void {
  const { canvas, mood, noise, unit, sun } = scene;
  for (let i = 0; i < layers; i++) {
    const share = layers === 1 ? 0 : i / (layers - 1);
    const crest = top + (canvas.height * 0.88 - top) * share;
    const swing = unit * 0.045;
    const line = crestOf(scene, { crest, swing, detail: 1.1, octaves: 2 });
    const slopes = Float32Array.from({ length: canvas.width }, (_, x) => (line(x + 2) - line(x - 2)) / 4);
    const step = (canvas.height * 0.88 - top) / Math.max(1, layers - 1);
    const floor = i === layers - 1 ? canvas.height : crest + step + swing * 2;
    const base = mix(mix(colour, mood.haze, 0.35 * (1 - share)), mood.near, 0.18 * share * mood.contrast);
    fillBelow(
      canvas,
      line,
      (x, y, depth) => {
        const toward = (slopes[x] ?? 0) * Math.min(1, Math.max(-1, ((sun.x - x) / unit) * 3));
        const light = clamp01(0.5 + toward * 2.2) - 0.5;
        const texture = (noise.plane((x / unit) * 26, (y / unit) * 60, 2) - 0.5) * 0.16;
        const shade = clamp01(depth / (unit * 0.5)) * 0.25 * mood.contrast - light * 0.35 - texture;
        return shade > 0 ? darker(base, shade) : lighter(base, -shade);
      },
      floor,
    );
  }
}

/** A conifer as a stack of jagged tiers, its foot at the origin, one unit tall. */
export function conifer(
  scene: Scene,
  x: number,
  foot: number,
  size: number,
  colour: Colour,
  snow: number,
): void {
  const { canvas, random } = scene;
  const tiers = 6;
  const points: number[] = [0, -1];
  const left: number[] = [];
  for (let i = 1; i <= tiers; i++) {
    const y = -1 + (i / tiers) * 0.92;
    const half = 0.05 + (i / tiers) * 0.19 * (0.85 + random() * 0.3);
    points.push(half, y + 0.025, half * 0.5, y - 0.01);
    left.unshift(-half * 0.5, y - 0.01, -half, y + 0.025);
  }
  points.push(0.025, -0.06, 0.025, 0, -0.025, 0, -0.025, -0.06);
  // The left side was collected bottom up, each pair in reverse.
  for (let i = 0; i < left.length; i += 4)
    points.push(left[i] ?? 0, left[i + 1] ?? 0, left[i + 2] ?? 0, left[i + 3] ?? 0);
  const outline = points.map((v, i) => (i % 2 ? foot + v * size : x + v * size));
  fill(canvas, [outline], (px, py) => {
    const side = clamp01((px - x) / (size * 0.3) + 0.5);
    // Each tier hangs down a little towards its ends.
    const tier = ((py - foot - Math.abs(px - x) * 0.28) / size + 1) * tiers;
    const white = snow * clamp01(1 - ((tier % 1) + 0.1) * 1.7) * (0.5 + side * 0.5);
    return mix(mix(darker(colour, 0.18), lighter(colour, 0.06), side), [238, 244, 250], white);
  });
}
