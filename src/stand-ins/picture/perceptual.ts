import type { Picture } from "./picture.ts";

/** Lightness and two colour axes, three floats a pixel, about 0 to 1 and scaled so that distances look right. */
export interface Perceptual {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

const LINEAR = Float32Array.from({ length: 256 }, (_, i) => {
  const v = i / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
});

/** Colour differences count more than those of lightness: shadows fall on backgrounds and subjects alike. */
const COLOUR_WEIGHT = 2;

/** Ottosson's OKLab. */
export function toPerceptual({ width, height, data }: Picture): Perceptual {
  const out = new Float32Array(width * height * 3);
  for (let i = 0, to = 0; i < data.length; i += 4, to += 3) {
    const r = LINEAR[data[i] ?? 0] ?? 0;
    const g = LINEAR[data[i + 1] ?? 0] ?? 0;
    const b = LINEAR[data[i + 2] ?? 0] ?? 0;
    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    out[to] = 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s;
    out[to + 1] = COLOUR_WEIGHT * (1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s);
    out[to + 2] = COLOUR_WEIGHT * (0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s);
  }
  return { width, height, data: out };
}
