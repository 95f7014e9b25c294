import { type Breathe, blankPicture, type Picture, rowsPerBreath } from "./picture.ts";

/**
 * Unsharp masking against a 3×3 blur. The correction is kept within the range of the neighbours, so edges get
 * steeper without the bright and dark seams that give sharpening away.
 */
export async function sharpen(picture: Picture, amount: number, breathe: Breathe): Promise<Picture> {
  const { width, height, data } = picture;
  const result = blankPicture(width, height);
  const out = result.data;
  for (let y = 0; y < height; y++) {
    const up = (y === 0 ? 0 : -width) * 4;
    const down = (y === height - 1 ? 0 : width) * 4;
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 4;
      const left = x === 0 ? 0 : -4;
      const right = x === width - 1 ? 0 : 4;
      for (let c = i; c < i + 3; c++) {
        const here = data[c] ?? 0;
        const n = data[c + up] ?? 0;
        const s = data[c + down] ?? 0;
        const w = data[c + left] ?? 0;
        const e = data[c + right] ?? 0;
        const value = here + amount * (here - (n + s + w + e) / 4);
        out[c] =
          value > here
            ? Math.min(value, Math.max(Math.max(here, n), Math.max(Math.max(s, w), e)))
            : Math.max(value, Math.min(Math.min(here, n), Math.min(Math.min(s, w), e)));
      }
      out[i + 3] = data[i + 3] ?? 0;
    }
    if (y % rowsPerBreath(width) === 0) await breathe();
  }
  return result;
}
