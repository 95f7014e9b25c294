import { decodePicture } from "../../src/stand-ins/picture/decode.ts";
import { blankPicture, type Picture } from "../../src/stand-ins/picture/picture.ts";
import type { Json, Stage } from "../support/stage.ts";

export interface FileOut {
  readonly url: string;
  readonly width: number;
  readonly height: number;
  readonly content_type: string;
}

/** Runs a model and gives the body of its result. */
export async function run(stage: Stage, endpoint: string, input: unknown): Promise<Json> {
  const { status, body } = await stage.finish(await stage.submit(endpoint, input));
  if (status !== 200) throw new Error(`${endpoint} answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

/** Runs a model that refuses, and gives the first entry of its error. */
export async function refusal(stage: Stage, endpoint: string, input: unknown): Promise<Json> {
  const { status, body } = await stage.finish(await stage.submit(endpoint, input));
  return { status, ...(body["detail"] as Json[])[0] };
}

export async function download({ send }: Stage, url: string): Promise<Uint8Array> {
  return new Uint8Array(await (await send("GET", url, { anonymous: true })).arrayBuffer());
}

export const open = async (stage: Stage, url: string): Promise<Picture> =>
  decodePicture(await download(stage, url));

/** Draws a picture pixel by pixel. */
export function drawn(
  width: number,
  height: number,
  colour: (x: number, y: number) => readonly number[],
): Picture {
  const picture = blankPicture(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) picture.data.set([...colour(x, y), 255].slice(0, 4), (y * width + x) * 4);
  }
  return picture;
}

/** Mean absolute difference of two pictures of one size, per channel, from 0 to 255. */
export function difference(a: Picture, b: Picture): number {
  let sum = 0;
  a.data.forEach((value, i) => {
    sum += Math.abs(value - (b.data[i] ?? 0));
  });
  return sum / a.data.length;
}
