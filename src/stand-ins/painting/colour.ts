/** Red, green and blue from 0 to 255, with fractions. */
export type Colour = readonly [red: number, green: number, blue: number];

/** `#f2a65a` */
export function hex(code: string): Colour {
  const value = Number.parseInt(code.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

export const clamp01 = (value: number): number => Math.min(1, Math.max(0, value));

export const mix = (a: Colour, b: Colour, share: number): Colour => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

export const lighter = (colour: Colour, share: number): Colour => mix(colour, [255, 250, 240], share);
export const darker = (colour: Colour, share: number): Colour => mix(colour, [12, 12, 28], share);

/** From 0 below `low` to 1 above `high`, with soft ends. */
export function smooth(low: number, high: number, value: number): number {
  const t = clamp01((value - low) / (high - low));
  return t * t * (3 - 2 * t);
}

/** A colour for every place between 0 and 1, from stops in ascending order. */
export function gradient(stops: readonly (readonly [at: number, colour: Colour])[]): (at: number) => Colour {
  return (place) => {
    let below = stops[0];
    for (const stop of stops) {
      if (stop[0] >= place) {
        if (!below || below === stop) return stop[1];
        return mix(below[1], stop[1], smooth(below[0], stop[0], place));
      }
      below = stop;
    }
    return below?.[1] ?? [0, 0, 0];
  };
}

/** Turns the hue by some degrees, keeping lightness roughly: a rotation around the grey axis. */
export function turnHue(colour: Colour, degrees: number): Colour {
  const angle = (degrees * Math.PI) / 180;
  const cos = Math.cos(angle);
  const side = Math.sin(angle) / Math.sqrt(3);
  const third = (1 - cos) / 3;
  const [r, g, b] = colour;
  const turn = (x: number, y: number, z: number) =>
    x * (cos + third) + y * (third - side) + z * (third + side);
  return [turn(r, g, b), turn(g, b, r), turn(b, r, g)].map((v) =>
    Math.min(255, Math.max(0, v)),
  ) as unknown as Colour;
}
