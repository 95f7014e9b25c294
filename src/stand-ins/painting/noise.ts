import type { Random } from "../../model/random.ts";

/** Smooth noise in [0, 1) over a plane, in octaves. */
export type Noise = (x: number, y: number, octaves?: number) => number;

const SIZE = 8192;
/** The next row of the lattice begins this much further on in the table. */
const STRIDE = 613;

/** Value noise over a lattice of random values. */
export function noiseFrom(random: Random): Noise {
  const values = Float32Array.from({ length: SIZE }, random);
  const ease = (t: number) => t * t * (3 - 2 * t);

  const once = (x: number, y: number): number => {
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const at = left + top * STRIDE;
    const across = ease(x - left);
    const a = values[at & (SIZE - 1)] ?? 0;
    const b = values[(at + 1) & (SIZE - 1)] ?? 0;
    const c = values[(at + STRIDE) & (SIZE - 1)] ?? 0;
    const d = values[(at + STRIDE + 1) & (SIZE - 1)] ?? 0;
    const above = a + (b - a) * across;
    return above + (c + (d - c) * across - above) * ease(y - top);
  };

  return (x, y, octaves = 4) => {
    let [sum, total, weight] = [0, 0, 0.5];
    for (let octave = 0; octave < octaves; octave++) {
      sum += weight * once(x, y);
      total += weight;
      weight /= 2;
      // Not exactly two, and shifted: lattice points of the octaves must not meet.
      x = x * 2.03 + 17.1;
      y = y * 2.03 + 9.7;
    }
    return sum / total;
  };
}
