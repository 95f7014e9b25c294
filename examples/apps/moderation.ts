// A gate before and behind the models: what a prompt must not say is refused before anything is paid, a picture that must not
// be shown does not leave, and where one model cannot answer, the next one does.
//
//   fal-chain dev examples/apps/moderation.ts

import { fal } from "fal-chain";
import { defineApp, FieldError, isMain } from "fal-chain/app";
import * as z from "zod";

const Prompt = z.object({ prompt: z.string().min(1) });
const Pictures = z.object({
  images: z.tuple([z.object({ url: z.string() })], z.unknown()),
  has_nsfw_concepts: z.array(z.boolean()),
});

/** The better one first. The emulator does not have it: there the next one answers. */
const better = fal.endpoint("fal-ai/flux/dev", { input: Prompt, output: Pictures });
const faster = fal.endpoint("fal-ai/flux/schnell", { input: Prompt, output: Pictures });

const FORBIDDEN = /\b(gore|nude)\b/i;

/** A 422 as fal's own models give it; it costs the caller nothing. */
const refused = (why: string) => new FieldError("prompt", why, { type: "content_policy_violation" });

const app = defineApp({
  name: "moderation",
  about: "Makes a picture that may be shown.",
  endpoints: {
    "/": {
      input: Prompt,
      output: z.object({ url: z.string(), model: z.string() }),
      async handler(input, { reply }) {
        if (FORBIDDEN.test(input.prompt)) throw refused("The prompt asks for what is not made here.");
        const { data, model } = await fal.fallback([
          async () => ({ model: better.id, ...(await fal.subscribe(better, { input })) }),
          async () => ({ model: faster.id, ...(await fal.subscribe(faster, { input })) }),
        ]);
        if (data.has_nsfw_concepts.includes(true)) throw refused("The picture may not be shown.");
        reply.billableUnits = 1;
        return { url: data.images[0].url, model };
      },
    },
  },
});

export default app;
if (isMain(import.meta)) await app.serve();
