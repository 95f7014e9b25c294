import jpeg from "jpeg-js";
import type { Picture } from "./picture.ts";
import { encodePng } from "./png.ts";

export interface EncodedPicture {
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

const JPEG_QUALITY = 92;

export function encodePicture(picture: Picture, format: "png" | "jpeg"): EncodedPicture {
  if (format === "png") return { bytes: encodePng(picture), contentType: "image/png" };
  const { data } = jpeg.encode(onWhite(picture), JPEG_QUALITY);
  return { bytes: data, contentType: "image/jpeg" };
}

export const dataUri = ({ bytes, contentType }: EncodedPicture): string =>
  `data:${contentType};base64,${Buffer.from(bytes).toString("base64")}`;

/** JPEG knows no transparency. */
function onWhite(picture: Picture): Picture {
  const data = new Uint8ClampedArray(picture.data);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = (data[i + 3] ?? 0) / 255;
    if (alpha === 1) continue;
    for (let c = i; c < i + 3; c++) data[c] = (data[c] ?? 0) * alpha + 255 * (1 - alpha);
    data[i + 3] = 255;
  }
  return { ...picture, data };
}
