import { createFal } from "fal-chain";
import { poster } from "./poster.mjs";

export default {
  async fetch(request) {
    const FAL_HOST = new URL(request.url).searchParams.get("host");
    const fal = createFal({ env: { FAL_KEY: "any:key", FAL_HOST } });
    return Response.json(await poster(fal).catch((error) => String(error.stack)));
  },
};
