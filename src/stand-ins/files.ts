import * as z from "zod";
import { type ModelContext, refuseField } from "../model/model.ts";
import { decodePicture, UnreadablePictureError } from "./picture/decode.ts";
import { dataUri, encodePicture } from "./picture/encode.ts";
import type { Picture } from "./picture/picture.ts";

/** What is said of a picture that is given, in documents. */
export const ImageFile = z
  .object({
    url: z.string().describe("The URL where the file can be downloaded from."),
    content_type: z.string().nullish().describe("The mime type of the file."),
    file_name: z.string().nullish(),
    file_size: z.int().nullish().describe("The size of the file in bytes."),
    width: z.int().nullish().describe("The width of the image in pixels."),
    height: z.int().nullish().describe("The height of the image in pixels."),
  })
  .meta({ id: "Image" });

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
