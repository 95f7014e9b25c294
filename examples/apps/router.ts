// A router: one address that sends each request to the app, or the model, that it is for. On fal it runs on a small machine and
// waits for others; what they cost adds up under the request that came here.
//
//   fal-chain dev examples/apps/router.ts examples/apps/ads.ts

import { fal } from "fal-chain";
import { defineApp, isMain, runner } from "fal-chain/app";
import * as z from "zod";

const Order = z.object({ kind: z.enum(["ad", "picture"]), prompt: z.string().min(1) });
const Ad = z.object({ picture: z.string(), large: z.string(), cutout: z.string() });

/** The app of the same owner, whoever that is. */
const ads = () =>
  fal.endpoint(`${runner.owner ?? "me"}/ads`, { input: z.object({ prompt: z.string() }), output: Ad });

const app = defineApp({
  name: "router",
  about: "Makes an ad or a picture.",
  endpoints: {
    "/": {
      input: Order,
      output: z.object({ urls: z.array(z.string()) }),
      async handler({ kind, prompt }) {
        if (kind === "picture") {
          const { data } = await fal.subscribe("fal-ai/flux/schnell", { input: { prompt } });
          return { urls: [data.images[0]!.url] };
        }
        const { data } = await fal.subscribe(ads(), { input: { prompt } });
        return { urls: [data.picture, data.large, data.cutout] };
      },
    },
  },
});

export default app;
if (isMain(import.meta)) await app.serve();
