import * as z from "zod";
import type { Model } from "../model/model.ts";
import { wholeBetween } from "../model/random.ts";
import { ImageFile, storePicture } from "./files.ts";
import { paint } from "./painting/paint.ts";
import { imageSize, pixelsOf } from "./sizes.ts";

const Input = z.object({
  prompt: z.string().describe("The prompt to generate an image from."),
  image_size: imageSize.default("landscape_4_3").describe("The size of the generated image."),
  num_inference_steps: z.int().min(1).max(12).default(4).describe("The number of steps."),
  // Of any size: what no number of JavaScript holds is its digits.
  seed: z
    .union([z.int(), z.string().regex(/^-?\d{1,100}$/)])
    .nullish()
    .meta({ anyOf: [{ type: "integer" }, { type: "null" }] })
    .describe("The same seed and prompt give the same picture."),
  guidance_scale: z.number().min(1).max(20).default(3.5),
  num_images: z.int().min(1).max(4).default(1),
  enable_safety_checker: z.boolean().default(true),
  output_format: z.enum(["jpeg", "png"]).default("jpeg"),
  acceleration: z.enum(["none", "regular", "high"]).default("none"),
  sync_mode: z.boolean().default(false),
});

const Output = z.object({
  images: z.array(ImageFile.extend({ width: z.int(), height: z.int() }).meta({ id: "SizedImage" })),
  timings: z.record(z.string(), z.number()),
  seed: z.int(),
  has_nsfw_concepts: z.array(z.boolean()),
  prompt: z.string(),
});

/** As fal counts them: 1024 × 1024 is one, 1920 × 1080 are two. */
const MEGAPIXEL = 2 ** 20;

/** `fal-ai/flux/schnell`: a picture that has to do with the prompt, painted by rules. */
export const fluxSchnell: Model<z.output<typeof Input>> = {
  id: "fal-ai/flux/schnell",
  title: "FLUX.1 [schnell]",
  price: { unit: "megapixels", unitPrice: 0.003 },
  category: "text-to-image",
  description: "Pictures from texts, in few steps.",
  input: Input,
  output: Output,
  notice:
    "stand-in for fal-ai/flux/schnell: the picture is drawn from the prompt and the seed, no model runs",
  takes: [1.5, 2.5],
  stages: ({ num_inference_steps: steps }) =>
    Array.from({ length: steps }, (_, i) => `step ${i + 1} of ${steps}`),
  async run(input, context) {
    const { image_size: size, output_format: format, sync_mode: sync } = input;
    const [width, height] = pixelsOf(size);
    const seed = input.seed ?? wholeBetween(context.random, 0, 2 ** 31 - 1);
    const start = Number(BigInt(seed) % 2n ** 52n);
    const images: unknown[] = [];
    for (let i = 0; i < input.num_images; i++) {
      const picture = await paint(input.prompt, start + i, { width, height }, context.breathe);
      const { url, content_type } = storePicture(picture, { name: "picture", format, sync }, context);
      images.push({ url, width, height, content_type });
    }
    return {
      output: {
        images,
        timings: { inference: context.seconds },
        seed: asNumber(seed),
        has_nsfw_concepts: images.map(() => false),
        prompt: input.prompt,
      },
      units: input.num_images * Math.ceil((width * height) / MEGAPIXEL),
    };
  },
};

/** As JSON's number, however large. */
function asNumber(seed: number | string): unknown {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  return typeof seed === "string" ? rawJSON(`${BigInt(seed)}`) : seed;
}
