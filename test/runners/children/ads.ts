// An app of fal-chain's own: a picture, then two things that are made of it at the same time.
import { fal } from "fal-chain";
import { defineApp, isMain } from "fal-chain/app";
import * as z from "zod";

const app = defineApp({
  name: "ads",
  endpoints: {
    "/": {
      input: z.object({ prompt: z.string() }),
      handler: async ({ prompt }, { reply }) => {
        const input = { prompt, image_size: { width: 64, height: 64 }, seed: 7 } as const;
        const { data } = await fal.subscribe("fal-ai/flux/schnell", { input });
        const image_url = data.images[0]!.url;
        const [large, cutout] = await Promise.all([
          fal.subscribe("fal-ai/esrgan", { input: { image_url, scale: 2 } }),
          fal.subscribe("fal-ai/birefnet/v2", { input: { image_url } }),
        ]);
        reply.billableUnits = 3;
        return { large: large.data.image.url, cutout: cutout.data.image.url };
      },
    },
  },
});

export default app;
if (isMain(import.meta)) await app.serve();
