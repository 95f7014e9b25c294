/** Closed outlines as x, y, x, y… */
export type Outline = readonly number[];
export type Shape = readonly Outline[];

const CURVE_PIECES = 14;

/** Reads the absolute commands M, L, C, Q and Z of SVG path data, curves already cut into straight pieces. */
export function shape(data: string): Shape {
  const outlines: number[][] = [];
  let current: number[] = [];
  for (const [, command = "", rest = ""] of data.matchAll(/([MLCQZ])([^MLCQZ]*)/g)) {
    const n = rest
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(Number);
    if (command === "M") {
      current = [];
      outlines.push(current);
    }
    if (command === "M" || command === "L") current.push(...n);
    const step = command === "C" ? 6 : command === "Q" ? 4 : 0;
    for (let i = 0; step > 0 && i < n.length; i += step) curve(current, n.slice(i, i + step));
  }
  return outlines;
}

function curve(outline: number[], points: readonly number[]) {
  const x0 = outline[outline.length - 2] ?? 0;
  const y0 = outline[outline.length - 1] ?? 0;
  const [a = 0, b = 0, c = 0, d = 0] = points;
  const quadratic = points.length === 4;
  const [x1, y1] = quadratic ? [x0 + ((a - x0) * 2) / 3, y0 + ((b - y0) * 2) / 3] : [a, b];
  const [x3, y3] = quadratic ? [c, d] : [points[4] ?? 0, points[5] ?? 0];
  const [x2, y2] = quadratic ? [x3 + ((a - x3) * 2) / 3, y3 + ((b - y3) * 2) / 3] : [c, d];
  for (let i = 1; i <= CURVE_PIECES; i++) {
    const t = i / CURVE_PIECES;
    const u = 1 - t;
    const [w0, w1, w2, w3] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
    outline.push(w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3, w0 * y0 + w1 * y1 + w2 * y2 + w3 * y3);
  }
}

export function ellipse(cx: number, cy: number, rx: number, ry = rx, pieces = 48): Shape {
  const outline: number[] = [];
  for (let i = 0; i < pieces; i++) {
    const angle = (i / pieces) * Math.PI * 2;
    outline.push(cx + Math.cos(angle) * rx, cy + Math.sin(angle) * ry);
  }
  return [outline];
}

export const rectangle = (left: number, top: number, right: number, bottom: number): Shape => [
  [left, top, right, top, right, bottom, left, bottom],
];

/** Where a drawing made around its own origin stands on the canvas. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  readonly mirrored?: boolean;
}

export function place(drawn: Shape, { x, y, scale, mirrored }: Placement): Shape {
  const across = mirrored ? -scale : scale;
  return drawn.map((outline) => outline.map((value, i) => (i % 2 ? y + value * scale : x + value * across)));
}
