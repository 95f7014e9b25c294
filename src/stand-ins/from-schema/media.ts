import type { ModelContext } from "../../model/model.ts";
import { wholeBetween } from "../../model/random.ts";
import { encodePicture } from "../picture/encode.ts";
import { glbOf } from "./glb.ts";
import { mp4Of } from "./mp4.ts";
import { wavOf } from "./wav.ts";

export type Kind = "image" | "video" | "audio" | "model" | "text";

/** What names say of files, the most telling words first. */
const WORDS: readonly (readonly [Kind, RegExp])[] = [
  ["video", /video|movie|clip|mp4|animation/],
  ["audio", /audio|speech|voice|music|sound|song|wav|mp3/],
  ["model", /mesh|glb|gltf|3d|geometry|texture_map/],
  ["image", /image|picture|photo|mask|frame|thumbnail|png|jpe?g|depth|pose/],
  ["text", /text|transcript|subtitle|srt|json|log/],
];

/** What kind of file is meant, by the names that lead to it, the nearest first. */
export function kindOf(names: readonly string[]): Kind {
  for (const name of names) {
    const found = WORDS.find(([, words]) => words.test(name.toLowerCase()));
    if (found) return found[0];
  }
  return "image";
}

/** A file that is there, and what can be said of it. */
export interface Media {
  readonly url: string;
  readonly content_type: string;
  readonly file_name: string;
  readonly file_size: number;
  readonly width?: number;
  readonly height?: number;
  readonly duration?: number;
  readonly fps?: number;
  readonly num_frames?: number;
}

const FILM = { width: 160, height: 96, fps: 4, seconds: 2 };
const SOUND_SECONDS = 2;
const PICTURE = { width: 512, height: 512 };

/** What is made of: the prompt or what takes its place, and where chance begins. */
export interface Subject {
  readonly text: string;
  readonly seed: number;
  /** What it says of itself within the file, where a file can. */
  readonly note: string;
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  /** Of pictures. @default "png" */
  readonly format?: "png" | "jpeg" | undefined;
}

/** Makes a file of a kind and keeps it. */
export async function makeMedia(kind: Kind, subject: Subject, context: ModelContext): Promise<Media> {
  const { bytes, type, ending, ...facts } = await make(kind, subject, context);
  const file_name = `${kind}${ending}`;
  const url = context.storeFile(bytes, file_name, type);
  return { url, content_type: type, file_name, file_size: bytes.length, ...facts };
}

/** Loaded with the first picture: who starts an emulator does not wait for it. */
const painting = () => import("../painting/paint.ts");

async function make(
  kind: Kind,
  { text, seed, note, size = PICTURE, format = "png" }: Subject,
  { breathe }: ModelContext,
) {
  switch (kind) {
    case "image": {
      const { paint } = await painting();
      const picture = await paint(text, seed, size, breathe);
      const { bytes, contentType } = encodePicture(picture, format);
      return { bytes, type: contentType, ending: `.${format}`, ...size };
    }
    case "video": {
      const { width, height, fps, seconds } = FILM;
      const { paint } = await painting();
      const pictures = [];
      for (let n = 0; n < fps * seconds; n++) {
        pictures.push(await paint(text, seed + n, { width, height }, breathe));
      }
      const bytes = mp4Of(pictures, fps, note);
      const facts = { width, height, duration: seconds, fps, num_frames: pictures.length };
      return { bytes, type: "video/mp4", ending: ".mp4", ...facts };
    }
    case "audio":
      return {
        bytes: wavOf(text, SOUND_SECONDS, seed),
        type: "audio/wav",
        ending: ".wav",
        duration: SOUND_SECONDS,
      };
    case "model":
      return { bytes: glbOf(note, { prompt: text, seed }), type: "model/gltf-binary", ending: ".glb" };
    case "text":
      return { bytes: Buffer.from(`${note}\n${text}\nseed ${seed}\n`), type: "text/plain", ending: ".txt" };
  }
}

/** Where chance begins for an input that says nothing of it. */
export const anySeed = ({ random }: Pick<ModelContext, "random">): number =>
  wholeBetween(random, 0, 2 ** 31 - 1);
