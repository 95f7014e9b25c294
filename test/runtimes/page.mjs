import { createFal } from "fal-chain";

const fal = createFal({ proxyUrl: "/api/fal" });

export const draw = (prompt) => fal.subscribe("fal-ai/flux/schnell", { input: { prompt } });
