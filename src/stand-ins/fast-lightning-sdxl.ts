import * as z from "zod";
import type { Model, ModelContext } from "../model/model.ts";
import { wholeBetween } from "../model/random.ts";
import { ImageFile, storePicture } from "./files.ts";
import { paint } from "./painting/paint.ts";
import { encodePicture } from "./picture/encode.ts";
import { imageSize, pixelsOf } from "./sizes.ts";

const Input = z.object({
  prompt: z.string(),
  image_size: imageSize.default("square_hd"),
  seed: z.int().nullish(),
  format: z.enum(["jpeg", "png"]).default("jpeg"),
  request_id: z.string().default(""),
});

/** `fal-ai/fast-lightning-sdxl`: as flux, and over a realtime connection too, where pictures are bytes and small. */
export const fastLightningSdxl: Model<z.output<typeof Input>> = {
  id: "fal-ai/fast-lightning-sdxl",
  title: "Stable Diffusion XL Lightning",
  // The real one is paid by the second of computing; how much that is here nobody knows.
  price: { unit: "compute seconds", unitPrice: 0.00111 },
  category: "text-to-image",
  description: "Pictures from texts, while they are typed.",
  input: Input,
  output: z.object({
    images: z.array(ImageFile),
    seed: z.int(),
    has_nsfw_concepts: z.array(z.boolean()),
    request_id: z.string(),
  }),
  notice:
    "stand-in for fal-ai/fast-lightning-sdxl: the picture is drawn from the prompt and the seed, no model runs",
  takes: [0.3, 0.6],
  stages: () => ["drawing"],
  async run(input, context) {
    const { picture, seed } = await draw(input, pixelsOf(input.image_size), context);
    const { url, width, height, content_type } = storePicture(
      picture,
      { name: "picture", format: input.format },
      context,
    );
    return { output: output({ url, width, height, content_type }, seed, input), units: context.seconds };
  },
  async realtime(input, context) {
    const { picture, seed } = await draw(input, SMALL, context);
    const { bytes, contentType } = encodePicture(picture, input.format);
    return {
      output: output({ content: bytes, content_type: contentType }, seed, input),
      units: context.seconds,
    };
  },
};

/** Whoever types wants to see something at once. */
const SMALL = [256, 256] as const;

async function draw(
  { prompt, seed: asked }: z.output<typeof Input>,
  [width, height]: readonly [number, number],
  { random, breathe }: ModelContext,
) {
  const seed = asked ?? wholeBetween(random, 0, 2 ** 31 - 1);
  return { seed, picture: await paint(prompt, seed, { width, height }, breathe) };
}

const output = (image: object, seed: number, { request_id }: z.output<typeof Input>) => ({
  images: [image],
  seed,
  has_nsfw_concepts: [false],
  request_id,
});
