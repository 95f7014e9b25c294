import { blankPicture, type Picture, type Size } from "../picture/picture.ts";

/** One number for each pixel of a picture. */
export interface Plane extends Size {
  readonly data: Float32Array<ArrayBuffer>;
}

export const planeOf = ({ width, height }: Size, value: (pixel: number) => number): Plane => ({
  width,
  height,
  data: Float32Array.from({ length: width * height }, (_, i) => value(i)),
});

/** Mean over a square window of `radius` to each side, cut off at the border, whatever the radius at the same cost. */
export function blur(plane: Plane, radius: number): Plane {
  return blurRows(blurRows(plane, radius), radius);
}

/** Blurs along the rows and turns the result on its side, so that doing it twice does both directions. */
function blurRows({ width, height, data }: Plane, radius: number): Plane {
  const turned = new Float32Array(width * height);
  const sums = new Float64Array(width + 1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) sums[x + 1] = (sums[x] ?? 0) + (data[y * width + x] ?? 0);
    for (let x = 0; x < width; x++) {
      const [from, to] = [Math.max(0, x - radius), Math.min(width, x + radius + 1)];
      turned[x * height + y] = ((sums[to] ?? 0) - (sums[from] ?? 0)) / (to - from);
    }
  }
  return { width: height, height: width, data: turned };
}

/** Reads a plane at a place of a larger picture, between its pixels. */
export function sampler({ width, height, data }: Plane, larger: Size) {
  return (x: number, y: number): number => {
    const sx = Math.min(width - 1, Math.max(0, ((x + 0.5) * width) / larger.width - 0.5));
    const sy = Math.min(height - 1, Math.max(0, ((y + 0.5) * height) / larger.height - 0.5));
    const [left, top] = [Math.floor(sx), Math.floor(sy)];
    const [right, below] = [Math.min(width - 1, left + 1), Math.min(height - 1, top + 1) * width];
    const upper =
      (data[top * width + left] ?? 0) * (left + 1 - sx) + (data[top * width + right] ?? 0) * (sx - left);
    const lower = (data[below + left] ?? 0) * (left + 1 - sx) + (data[below + right] ?? 0) * (sx - left);
    return upper + (lower - upper) * (sy - top);
  };
}

/** As a grey picture. */
export function pictureOf({ width, height, data }: Plane): Picture {
  const picture = blankPicture(width, height);
  data.forEach((value, i) => {
    picture.data.set([value * 255, value * 255, value * 255, 255], i * 4);
  });
  return picture;
}
