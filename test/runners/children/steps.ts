// A chain of steps, one after the other: each is made of what the one before it gave.
import { fal } from "fal-chain";
import { defineApp, isMain } from "fal-chain/app";
import * as z from "zod";

const app = defineApp({
  name: "steps",
  endpoints: {
    "/": {
      input: z.object({ order: z.string(), steps: z.int() }),
      handler: async ({ order, steps }) => {
        let before: unknown = null;
        for (let step = 1; step <= steps; step++) {
          const { data } = await fal.subscribe("acme/step", { input: { order, step, before } });
          before = data;
        }
        return { last: before };
      },
    },
  },
});

export default app;
if (isMain(import.meta)) await app.serve();
