/**
 * The endpoints whose input and output are known to TypeScript. Add your own by declaration merging:
 *
 * ```ts
 * declare module "fal-chain" {
 *   interface EndpointTypeMap {
 *     "acme/painter": { input: { prompt: string }; output: { image: Image } };
 *   }
 * }
 * ```
 *
 * Sources: https://fal.ai/models/fal-ai/flux/schnell/api, https://fal.ai/models/fal-ai/esrgan/api,
 * https://fal.ai/models/fal-ai/birefnet/v2/api
 */
export interface EndpointTypeMap {
  "fal-ai/flux/schnell": { input: FluxSchnellInput; output: FluxSchnellOutput };
  "fal-ai/esrgan": { input: EsrganInput; output: EsrganOutput };
  "fal-ai/birefnet/v2": { input: BirefnetInput; output: BirefnetOutput };
}

/** A file that a model reads: its URL, a data: URI, or its bytes, which are uploaded before the call. */
export type FileInput = string | Blob | ArrayBufferLike | ArrayBufferView;

/** A file that a model made. */
export interface File {
  url: string;
  content_type?: string;
  file_name?: string;
  /** Bytes. */
  file_size?: number;
}

export interface Image extends File {
  /** Pixels. */
  width?: number;
  /** Pixels. */
  height?: number;
}

export type ImageSize =
  | "square_hd"
  | "square"
  | "portrait_4_3"
  | "portrait_16_9"
  | "landscape_4_3"
  | "landscape_16_9"
  | { readonly width: number; readonly height: number };

export interface FluxSchnellInput {
  readonly prompt: string;
  /** @default "landscape_4_3" */
  readonly image_size?: ImageSize;
  /** 1 to 12. @default 4 */
  readonly num_inference_steps?: number;
  /** The same seed and prompt give the same picture. @default random, and returned */
  readonly seed?: number;
  /** @default 3.5 */
  readonly guidance_scale?: number;
  /** @default 1 */
  readonly num_images?: number;
  /** @default true */
  readonly enable_safety_checker?: boolean;
  /** @default "jpeg" */
  readonly output_format?: "jpeg" | "png";
  /** @default "none" */
  readonly acceleration?: "none" | "regular" | "high";
  /** Gives data URIs, and keeps the output out of the account's request history. @default false */
  readonly sync_mode?: boolean;
}

export interface FluxSchnellOutput {
  images: Image[];
  /** Seconds, by phase. */
  timings: Record<string, number>;
  seed: number;
  has_nsfw_concepts: boolean[];
  prompt: string;
}

export interface EsrganInput {
  readonly image_url: FileInput;
  /** 1 to 8. @default 2 */
  readonly scale?: number;
  /** @default 0 */
  readonly tile?: number;
  /** Restores faces. @default false */
  readonly face?: boolean;
  /** @default "RealESRGAN_x4plus" */
  readonly model?:
    | "RealESRGAN_x4plus"
    | "RealESRGAN_x2plus"
    | "RealESRGAN_x4plus_anime_6B"
    | "RealESRGAN_x4_v3"
    | "RealESRGAN_x4_wdn_v3"
    | "RealESRGAN_x4_anime_v3";
  /** @default "png" */
  readonly output_format?: "png" | "jpeg";
}

export interface EsrganOutput {
  image: Image;
}

export interface BirefnetInput {
  readonly image_url: FileInput;
  /** @default "General Use (Light)" */
  readonly model?: "General Use (Light)" | "General Use (Heavy)" | "Portrait";
  /** @default "1024x1024" */
  readonly operating_resolution?: "1024x1024" | "2048x2048";
  /** @default "png" */
  readonly output_format?: "webp" | "png" | "gif";
  /** Gives the mask as `mask_image` too. @default false */
  readonly output_mask?: boolean;
  /** @default true */
  readonly refine_foreground?: boolean;
  /** @default false */
  readonly sync_mode?: boolean;
}

export interface BirefnetOutput {
  image: Image;
  mask_image?: Image;
}
