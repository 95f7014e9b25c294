import * as z from "zod";
import { refuseField } from "../model/model.ts";

const PRESETS = {
  square_hd: [1024, 1024],
  square: [512, 512],
  portrait_4_3: [768, 1024],
  portrait_16_9: [576, 1024],
  landscape_4_3: [1024, 768],
  landscape_16_9: [1024, 576],
} as const;

const side = z.int().positive().max(14142).default(512);
/** fal says nothing of the product of the two; this keeps a picture within memory. */
const MOST_PIXELS = 4096 ** 2;

/** What models of pictures take for a size. */
export const imageSize = z.union([
  z.enum(Object.keys(PRESETS) as (keyof typeof PRESETS)[]),
  z.object({ width: side, height: side }).meta({ id: "ImageSize" }),
]);

/** @throws {ModelFailure} for more than is painted here. */
export function pixelsOf(size: z.output<typeof imageSize>): readonly [width: number, height: number] {
  const [width, height] = typeof size === "string" ? PRESETS[size] : [size.width, size.height];
  if (width * height <= MOST_PIXELS) return [width, height];
  const msg = `The picture would have ${width}x${height} pixels, more than this stand-in paints (${MOST_PIXELS})`;
  throw refuseField("image_size", "image_too_large", msg, { input: size });
}
