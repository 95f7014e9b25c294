import { createFal } from "fal-chain";
import { createProxy } from "fal-chain/proxy";
import { poster } from "../../../poster.mjs";

export const runtime = "edge";
export const dynamic = "force-dynamic";

const proxy = createProxy({ allow: ["fal-ai/flux/*"], authorize: () => true });

export const GET = async (request) =>
  request.headers.has("x-fal-target-url")
    ? proxy(request)
    : Response.json(await poster(createFal({ store: "memory" })));
export { proxy as POST, proxy as PUT };
