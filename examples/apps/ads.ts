// An ad from one prompt: a picture, then at the same time its upscale and its cut-out, with status as it goes.
//
//   fal-chain dev examples/apps/ads.ts                at home, as fal would run it
//   fal-chain emulate -- node examples/apps/ads.ts    the app alone, on port 8080
//   curl -N localhost:8080/stream -d '{"prompt":"a fox"}'

import { fal } from "fal-chain";
import { defineApp, isMain } from "fal-chain/app";
import * as z from "zod";

const Brief = z.object({ prompt: z.string().min(1) });
const Ad = z.object({ picture: z.url(), large: z.url(), cutout: z.url() });
const Status = z.object({ step: z.string().optional(), status: z.string() });

const ad = fal.chain("ad", async ({ prompt }: z.output<typeof Brief>) => {
  const square = { prompt, image_size: "square" } as const;
  const { data } = await fal.subscribe("fal-ai/flux/schnell", { step: "picture", input: square });
  const image_url = data.images[0]!.url;
  const [large, cutout] = await Promise.all([
    fal.subscribe("fal-ai/esrgan", { step: "large", input: { image_url, scale: 2 } }),
    fal.subscribe("fal-ai/birefnet/v2", { step: "cutout", input: { image_url } }),
  ]);
  return { picture: image_url, large: large.data.image.url, cutout: cutout.data.image.url };
});

const app = defineApp({
  name: "ads",
  about: "Makes an ad: a picture, large, and cut out.",
  endpoints: {
    "/": {
      input: Brief,
      output: Ad,
      async handler(brief, { cost, reply }) {
        const made = await ad.start(brief);
        // The unit costs callers $0.001; a fifth is ours.
        reply.billableUnits = Math.ceil(((await cost()).nanoUsd * 1.2) / 1_000_000);
        return made;
      },
    },
    "/stream": {
      input: Brief,
      output: z.union([Ad, Status]),
      async *handler(brief) {
        const run = ad.start(brief);
        for await (const event of run) {
          if (event.type === "call") yield { step: event.call.step, status: event.event.type };
        }
        return run;
      },
    },
  },
});

export default app;
if (isMain(import.meta)) await app.serve();
