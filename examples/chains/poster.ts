// A poster from one prompt: a picture, and at the same time its upscale and its cut-out.

import type { Fal } from "fal-chain";

/** Passed on to the model as it is. */
interface PosterInput {
  readonly prompt: string;
  readonly image_size?: "square";
}

/** The chain on a client: where its calls go, and where its runs are kept, is the client's business. */
export const posterOf = (fal: Fal) =>
  fal.chain("poster", async (input: PosterInput) => {
    const { data } = await fal.subscribe("fal-ai/flux/schnell", { step: "picture", input, logs: true });
    const image_url = data.images[0]!.url;
    const [large, cutout] = await Promise.all([
      fal.subscribe("fal-ai/esrgan", { step: "large", input: { image_url, scale: 2 }, logs: true }),
      fal.subscribe("fal-ai/birefnet/v2", { step: "cutout", input: { image_url }, logs: true }),
    ]);
    return { picture: image_url, large: large.data.image.url, cutout: cutout.data.image.url };
  });
