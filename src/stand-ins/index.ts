import type { Model } from "../model/model.ts";
import { birefnet } from "./birefnet.ts";
import { esrgan } from "./esrgan.ts";
import { fluxSchnell } from "./flux-schnell.ts";

export { birefnet, esrgan, fluxSchnell };

/** The endpoints of an emulator that was not told otherwise. */
export const standIns: readonly Model[] = [fluxSchnell, esrgan, birefnet];
