import type { Model } from "../model/model.ts";
import { birefnet } from "./birefnet.ts";
import { esrgan } from "./esrgan.ts";
import { fastLightningSdxl } from "./fast-lightning-sdxl.ts";
import { fluxSchnell } from "./flux-schnell.ts";
import { router } from "./router.ts";

export { birefnet, esrgan, fastLightningSdxl, fluxSchnell, router };

/** The endpoints of an emulator that was not told otherwise. */
export const standIns: readonly Model[] = [fluxSchnell, esrgan, birefnet, router, fastLightningSdxl];
