import * as z from "zod";
import type { Model } from "../model/model.ts";
import { cutOut } from "./cut-out/cut-out.ts";
import { ImageFile, loadPicture, storePicture } from "./files.ts";
import type { Picture } from "./picture/picture.ts";

const Input = z.object({
  image_url: z.string(),
  model: z
    .enum([
      "General Use (Light)",
      "General Use (Light 2K)",
      "General Use (Heavy)",
      "Matting",
      "Portrait",
      "General Use (Dynamic)",
    ])
    .default("General Use (Light)"),
  operating_resolution: z.enum(["1024x1024", "2048x2048", "2304x2304"]).default("1024x1024"),
  output_format: z.enum(["webp", "png", "gif"]).default("png"),
  output_mask: z.boolean().default(false),
  mask_only: z.boolean().default(false),
  refine_foreground: z.boolean().default(true),
  sync_mode: z.boolean().default(false),
});

/** `fal-ai/birefnet/v2`: the subject without its background. */
export const birefnet: Model<z.output<typeof Input>> = {
  id: "fal-ai/birefnet/v2",
  title: "BiRefNet v2 (background removal)",
  price: { unit: "compute seconds", unitPrice: 0 },
  category: "image-to-image",
  description: "The subject of a picture without its background.",
  input: Input,
  output: z.object({ image: ImageFile, mask_image: ImageFile.nullish() }),
  notice:
    "stand-in for fal-ai/birefnet/v2: the subject is told from the background by contrast and colour, no model runs",
  takes: [1, 2],
  stages: () => ["picture loaded", "looking for the subject", "cutting it out"],
  async run(input, context) {
    if (input.output_format !== "png")
      context.log(`this stand-in writes png only, not ${input.output_format}`);
    const picture = await loadPicture(input.image_url, context);
    const { subject, mask } = await cutOut(picture, input.refine_foreground, context.breathe);
    const store = (what: Picture, name: string) =>
      storePicture(what, { name, format: "png", sync: input.sync_mode }, context);
    return {
      output: {
        // Only an image is sure to be in an output of fal's, so that the mask alone is taken to be that.
        image: input.mask_only ? store(mask, "mask") : store(subject, "cutout"),
        ...(input.output_mask && { mask_image: store(mask, "mask") }),
      },
      units: context.seconds,
    };
  },
};
