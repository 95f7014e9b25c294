import * as z from "zod";
import { type Model, refuseField } from "../model/model.ts";
import { ImageFile, loadPicture, storePicture } from "./files.ts";
import { enlarge, sharpen } from "./picture/upscale.ts";

const MOST_PIXELS = 64e6;
const SHARPNESS = 0.55;

const Input = z.object({
  image_url: z.string(),
  scale: z.number().min(1).max(8).default(2),
  tile: z.int().default(0),
  face: z.boolean().default(false),
  model: z
    .enum([
      "RealESRGAN_x4plus",
      "RealESRGAN_x2plus",
      "RealESRGAN_x4plus_anime_6B",
      "RealESRGAN_x4_v3",
      "RealESRGAN_x4_wdn_v3",
      "RealESRGAN_x4_anime_v3",
    ])
    .default("RealESRGAN_x4plus"),
  output_format: z.enum(["png", "jpeg"]).default("png"),
});

/** `fal-ai/esrgan`: the same picture, larger. */
export const esrgan: Model<z.output<typeof Input>> = {
  id: "fal-ai/esrgan",
  title: "Upscale Images (ESRGAN)",
  price: { unit: "compute seconds", unitPrice: 0.00111 },
  category: "image-to-image",
  description: "The same picture, larger.",
  input: Input,
  output: z.object({ image: ImageFile }),
  notice: "stand-in for fal-ai/esrgan: the picture is enlarged with a bicubic filter, no model runs",
  takes: [2, 4],
  stages: ({ scale }) => ["picture loaded", `scaling by ${scale}`, "sharpening"],
  async run(input, context) {
    const picture = await loadPicture(input.image_url, context);
    const width = Math.round(picture.width * input.scale);
    const height = Math.round(picture.height * input.scale);
    if (width * height > MOST_PIXELS) {
      const ctx = {
        max_width: Math.floor(Math.sqrt((MOST_PIXELS * width) / height) / input.scale),
        max_height: Math.floor(Math.sqrt((MOST_PIXELS * height) / width) / input.scale),
      };
      const msg = `The result would have ${width}x${height} pixels, more than ${MOST_PIXELS / 1e6} megapixels`;
      throw refuseField("image_url", "image_too_large", msg, { ctx });
    }
    const larger = await enlarge(picture, width, height, context.breathe);
    const crisp = await sharpen(larger, SHARPNESS, context.breathe);
    const format = input.output_format;
    return {
      output: { image: storePicture(crisp, { name: "upscaled", format }, context) },
      units: context.seconds,
    };
  },
};
