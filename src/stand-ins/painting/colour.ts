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

/** Darker by a positive amount, lighter by a negative one. */
export const shaded = (colour: Colour, amount: number): Colour =>
  amount > 0 ? darker(colour, amount) : lighter(colour, -amount);

/** From 0 at `low` to 1 at `high`, with soft ends. */
export function smooth(low: number, high: number, value: number): number {
  const t = clamp01((value - low) / (high - low));
  return t * t * (3 - 2 * t);
}
