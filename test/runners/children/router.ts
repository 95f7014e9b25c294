// An app that chains another app of the same owner.
import { fal } from "fal-chain";
import { defineApp, isMain } from "fal-chain/app";
import * as z from "zod";

const app = defineApp({
  name: "router",
  endpoints: {
    "/": {
      input: z.object({ prompt: z.string() }),
      handler: async ({ prompt }) => {
        const owner = process.env["FAL_USER_NICKNAME"];
        const { data } = await fal.subscribe(`${owner}/ads`, { input: { prompt } });
        return data;
      },
    },
  },
});

export default app;
if (isMain(import.meta)) await app.serve();
