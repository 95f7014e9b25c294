import type { Random } from "../../model/random.ts";

const SIZE = 256;

export interface Noise {
  /** Smooth noise in [0, 1) along a line, in octaves. */
  line(x: number, octaves?: number): number;
  /** Smooth noise in [0, 1) over a plane, in octaves. */
  plane(x: number, y: number, octaves?: number): number;
}

/** Value noise over a shuffled lattice. */
export function noiseFrom(random: Random): Noise {
  const values = Float32Array.from({ length: SIZE }, random);
  const shuffled = Uint8Array.from({ length: SIZE }, (_, i) => i);
  for (let i = SIZE - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const kept = shuffled[i] ?? 0;
    shuffled[i] = shuffled[j] ?? 0;
    shuffled[j] = kept;
  }
  const lattice = (x: number, y: number) => values[shuffled[(x + (shuffled[y & 255] ?? 0)) & 255] ?? 0] ?? 0;
  const ease = (t: number) => t * t * (3 - 2 * t);

  const once = (x: number, y: number): number => {
    const left = Math.floor(x);
    const top = Math.floor(y);
    const fx = ease(x - left);
    const fy = ease(y - top);
    const above = lattice(left, top) * (1 - fx) + lattice(left + 1, top) * fx;
    const below = lattice(left, top + 1) * (1 - fx) + lattice(left + 1, top + 1) * fx;
    return above * (1 - fy) + below * fy;
  };

  const plane = (x: number, y: number, octaves = 4): number => {
    let sum = 0;
    let weight = 0.5;
    let total = 0;
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

  return { plane, line: (x, octaves) => plane(x, 0.37, octaves) };
}
