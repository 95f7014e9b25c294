import { type ModelContext, refuseField } from "../model/model.ts";
import { decodePicture, UnreadablePictureError } from "./picture/decode.ts";
import type { Picture } from "./picture/picture.ts";

/** Reads the picture that `image_url` names, or refuses it as the real models do. */
export async function loadPicture(url: string, context: ModelContext): Promise<Picture> {
  const bytes = await context.loadFile(url);
  await context.breathe();
  try {
    return decodePicture(bytes);
  } catch (error) {
    if (!(error instanceof UnreadablePictureError)) throw error;
    throw refuseField("image_url", "image_load_error", `Failed to load the image: ${error.message}`, {
      input: url.length <= 200 ? url : `${url.slice(0, 200)}…`,
      cause: error,
    });
  }
}
