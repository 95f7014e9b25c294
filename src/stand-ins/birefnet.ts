import * as z from "zod";
import { type Model, refuseField } from "../model/model.ts";
import { cutOut } from "./cut-out/cut-out.ts";
import { loadPicture, storePicture } from "./files.ts";

const Input = z.object({
  image_url: z.string(),
  model: z.enum(["General Use (Light)", "General Use (Heavy)", "Portrait"]).default("General Use (Light)"),
  operating_resolution: z.enum(["1024x1024", "2048x2048"]).default("1024x1024"),
  output_format: z.enum(["webp", "png", "gif"]).default("png"),
  output_mask: z.boolean().default(false),
  refine_foreground: z.boolean().default(true),
  sync_mode: z.boolean().default(false),
});

/** `fal-ai/birefnet/v2`: the subject without its background. */
export const birefnet: Model<z.output<typeof Input>> = {
  id: "fal-ai/birefnet/v2",
  title: "BiRefNet v2 (background removal)",
  price: { unit: "compute seconds", unitPrice: 0 },
  input: Input,
  notice:
    "stand-in for fal-ai/birefnet/v2: the subject is told from the background by contrast and colour, no model runs",
  takes: [1, 2],
  stages: () => ["picture loaded", "looking for the subject", "cutting it out"],
  async run(input, context) {
    if (input.output_format !== "png") {
      const msg = `This stand-in writes png only, not ${input.output_format}`;
      throw refuseField("output_format", "feature_not_supported", msg, { input: input.output_format });
    }
    const picture = await loadPicture(input.image_url, context);
    const { subject, mask } = await cutOut(picture, input.refine_foreground, context.breathe);
    const kept = { format: "png", sync: input.sync_mode } as const;
    return {
      output: {
        image: storePicture(subject, { ...kept, name: "cutout" }, context),
        ...(input.output_mask && { mask_image: storePicture(mask, { ...kept, name: "mask" }, context) }),
      },
      units: context.seconds,
    };
  },
};
