/**
 * The endpoints whose input and output you made known to TypeScript, by declaration merging; `fal-chain pull` writes it
 * for any endpoint of fal's. What is said here of an endpoint wins over what is built in.
 *
 * ```ts
 * declare module "fal-chain" {
 *   interface EndpointTypeMap {
 *     "acme/painter": { input: { prompt: string }; output: { image: Image } };
 *   }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be merged into
export interface EndpointTypeMap {}

/**
 * The endpoints that are known without that. Apart, since a property that is declared twice must have the same type.
 *
 * Sources: https://fal.ai/api/openapi/queue/openapi.json?endpoint_id=fal-ai/flux/schnell, and so on
 */
export interface BuiltInEndpoints {
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

/** An image whose size is always told. */
export interface SizedImage extends Image {
  width: number;
  height: number;
}

export type ImageSize =
  | "square_hd"
  | "square"
  | "portrait_4_3"
  | "portrait_16_9"
  | "landscape_4_3"
  | "landscape_16_9"
  /** Pixels, 1 to 14142. @default 512 */
  | { readonly width?: number; readonly height?: number };

export interface FluxSchnellInput {
  readonly prompt: string;
  /** @default "landscape_4_3" */
  readonly image_size?: ImageSize;
  /** 1 to 12. @default 4 */
  readonly num_inference_steps?: number;
  /** The same seed and prompt give the same picture. @default random, and returned */
  readonly seed?: number | null;
  /** How closely it keeps to the prompt, 1 to 20. @default 3.5 */
  readonly guidance_scale?: number;
  /** 1 to 4. @default 1 */
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
  images: SizedImage[];
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
  /** Pixels, such as 400, where the picture is too large for the memory of the model. @default 0, the whole picture */
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
  readonly model?:
    | "General Use (Light)"
    | "General Use (Light 2K)"
    | "General Use (Heavy)"
    | "Matting"
    | "Portrait"
    | "General Use (Dynamic)";
  /** The largest is for `General Use (Dynamic)` only. @default "1024x1024" */
  readonly operating_resolution?: "1024x1024" | "2048x2048" | "2304x2304";
  /** @default "png" */
  readonly output_format?: "webp" | "png" | "gif";
  /** Gives the mask as `mask_image` too. @default false */
  readonly output_mask?: boolean;
  /** Gives the mask only, as `image`. @default false */
  readonly mask_only?: boolean;
  /** @default true */
  readonly refine_foreground?: boolean;
  /** @default false */
  readonly sync_mode?: boolean;
}

export interface BirefnetOutput {
  image: Image;
  mask_image?: Image;
}
