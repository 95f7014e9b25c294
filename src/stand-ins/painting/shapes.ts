/** Closed outlines as x, y, x, y… */
export type Shape = readonly (readonly number[])[];

const CURVE_PIECES = 14;

/** Reads the absolute commands M, L, C and Z of SVG path data, curves already cut into straight pieces. */
export function shape(data: string): Shape {
  const outlines: number[][] = [];
  for (const [, command = "", rest = ""] of data.matchAll(/([MLCZ])([^MLCZ]*)/g)) {
    const numbers = rest
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(Number);
    const current = outlines.at(-1) ?? [];
    if (command === "M") outlines.push(numbers);
    else if (command === "C") curve(current, numbers);
    else current.push(...numbers);
  }
  return outlines;
}

function curve(outline: number[], points: readonly number[]): void {
  const [x0 = 0, y0 = 0] = outline.slice(-2);
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0] = points;
  for (let i = 1; i <= CURVE_PIECES; i++) {
    const t = i / CURVE_PIECES;
    const u = 1 - t;
    const [w0, w1, w2, w3] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
    outline.push(w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3, w0 * y0 + w1 * y1 + w2 * y2 + w3 * y3);
  }
}

export function ellipse(cx: number, cy: number, rx: number, ry = rx, pieces = 48): Shape {
  const angles = Array.from({ length: pieces }, (_, i) => (i / pieces) * Math.PI * 2);
  return [angles.flatMap((angle) => [cx + Math.cos(angle) * rx, cy + Math.sin(angle) * ry])];
}

export const rectangle = (left: number, top: number, right: number, bottom: number): Shape => [
  [left, top, right, top, right, bottom, left, bottom],
];

export const mirrored = (drawn: Shape): Shape =>
  drawn.map((outline) => outline.map((value, i) => (i % 2 ? value : -value)));
