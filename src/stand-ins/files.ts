import { type ModelContext, refuseField } from "../model/model.ts";
import { decodePicture, UnreadablePictureError } from "./picture/decode.ts";
import { dataUri, encodePicture } from "./picture/encode.ts";
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

/** Keeps a picture, or with `sync` puts it into the answer, and says of it what the real models say of a file. */
export function storePicture(
  picture: Picture,
  { name, format, sync = false }: { name: string; format: "png" | "jpeg"; sync?: boolean },
  context: ModelContext,
) {
  const file = encodePicture(picture, format);
  const file_name = `${name}.${format}`;
  return {
    url: sync ? dataUri(file) : context.storeFile(file.bytes, file_name, file.contentType),
    content_type: file.contentType,
    file_name,
    file_size: file.bytes.length,
    width: picture.width,
    height: picture.height,
  };
}
