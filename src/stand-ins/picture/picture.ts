export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Eight bits a channel, red green blue alpha, row by row. Colour is not premultiplied. */
export interface Picture extends Size {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

export const blankPicture = (width: number, height: number): Picture => ({
  width,
  height,
  data: new Uint8ClampedArray(width * height * 4),
});

/** Called between pieces of long work, so that the rest of the process gets its turn. */
export type Breathe = () => Promise<void>;

/** Rows that are worked on between two breaths: a few milliseconds of work. */
export const rowsPerBreath = (width: number): number => Math.max(1, Math.floor(65_536 / width));

/** Shrinks by taking means of whole blocks: crude, fast, and enough for looking at a picture. */
export function shrink(picture: Picture, width: number, height: number): Picture {
  const { width: w, height: h, data } = picture;
  const result = blankPicture(width, height);
  for (let y = 0; y < height; y++) {
    const top = Math.floor((y * h) / height);
    const bottom = Math.max(top + 1, Math.floor(((y + 1) * h) / height));
    for (let x = 0; x < width; x++) {
      const left = Math.floor((x * w) / width);
      const right = Math.max(left + 1, Math.floor(((x + 1) * w) / width));
      let [r, g, b, a] = [0, 0, 0, 0];
      for (let sy = top; sy < bottom; sy++) {
        for (let i = (sy * w + left) * 4; i < (sy * w + right) * 4; i += 4) {
          r += data[i] ?? 0;
          g += data[i + 1] ?? 0;
          b += data[i + 2] ?? 0;
          a += data[i + 3] ?? 0;
        }
      }
      const count = (bottom - top) * (right - left);
      const to = (y * width + x) * 4;
      result.data[to] = r / count;
      result.data[to + 1] = g / count;
      result.data[to + 2] = b / count;
      result.data[to + 3] = a / count;
    }
  }
  return result;
}
