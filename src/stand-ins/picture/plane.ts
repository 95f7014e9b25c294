/** One channel, mostly in [0, 1]: a mask, a guide, a density. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

export const blankPlane = (width: number, height: number): Plane => ({
  width,
  height,
  data: new Float32Array(width * height),
});

/** Applies a function to planes of the same size, pixel by pixel. */
export function combine(first: Plane, second: Plane, f: (a: number, b: number) => number): Plane {
  const data = new Float32Array(first.data.length);
  for (let i = 0; i < data.length; i++) data[i] = f(first.data[i] ?? 0, second.data[i] ?? 0);
  return { width: first.width, height: first.height, data };
}

/** Bilinear scaling: planes are smooth already. */
export function resizePlane(plane: Plane, width: number, height: number): Plane {
  const { width: w, height: h, data } = plane;
  const out = new Float32Array(width * height);
  const lefts = new Int32Array(width);
  const rights = new Int32Array(width);
  const shares = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const sx = Math.min(w - 1, Math.max(0, ((x + 0.5) * w) / width - 0.5));
    lefts[x] = Math.floor(sx);
    rights[x] = Math.min(w - 1, Math.floor(sx) + 1);
    shares[x] = sx - Math.floor(sx);
  }
  for (let y = 0, to = 0; y < height; y++) {
    const sy = Math.min(h - 1, Math.max(0, ((y + 0.5) * h) / height - 0.5));
    const above = Math.floor(sy) * w;
    const below = Math.min(h - 1, Math.floor(sy) + 1) * w;
    const down = sy - Math.floor(sy);
    for (let x = 0; x < width; x++, to++) {
      const left = lefts[x] ?? 0;
      const right = rights[x] ?? 0;
      const share = shares[x] ?? 0;
      const upper = (data[above + left] ?? 0) * (1 - share) + (data[above + right] ?? 0) * share;
      const lower = (data[below + left] ?? 0) * (1 - share) + (data[below + right] ?? 0) * share;
      out[to] = upper + (lower - upper) * down;
    }
  }
  return { width, height, data: out };
}
