import { createProxy } from "fal-chain/proxy";

const proxy = createProxy({ allow: ["fal-ai/flux/*"], authorize: () => true });

export { proxy as GET, proxy as POST, proxy as PUT };
