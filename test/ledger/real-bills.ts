/** What fal has billed for an input. Units, not dollars: of most endpoints the price then is not known. */
export interface RealBill {
  readonly endpoint: string;
  /** What a unit is by fal's price list; `units` where that is not known. */
  readonly unit: string;
  /** Those fields that were recorded; files and texts are left out. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly billed: number;
}

const FILE = "https://a.example/file";
const silent = { generate_audio: false };

/**
 * Pairs of an endpoint and an input, and the units that fal bills for them. Most are from recorded answers; those of kling with
 * sound, h3-max, 4K and flux are from what fal's pages and other projects' bills say. The inputs of topaz and grok's edit-video
 * say nothing of how long the film is: one that was billed is taken.
 */
export const REAL_BILLS: readonly RealBill[] = [
  {
    endpoint: "bytedance/seedance-2.0/text-to-video",
    unit: "units",
    input: { resolution: "480p", duration: "4", aspect_ratio: "1:1", ...silent },
    billed: 38.8,
  },
  {
    endpoint: "bytedance/seedance-2.0/fast/image-to-video",
    unit: "units",
    input: { image_url: FILE, resolution: "480p", duration: "4", aspect_ratio: "1:1", ...silent },
    billed: 38.8,
  },
  {
    endpoint: "fal-ai/kling-video/v3/pro/image-to-video",
    unit: "seconds",
    input: { start_image_url: FILE, duration: "5", ...silent },
    billed: 4,
  },
  {
    endpoint: "fal-ai/kling-video/v3/pro/image-to-video",
    unit: "seconds",
    input: { start_image_url: FILE, duration: "5", generate_audio: true },
    billed: 12,
  },
  {
    endpoint: "fal-ai/kling-video/v3/standard/text-to-video",
    unit: "seconds",
    input: { duration: "5", aspect_ratio: "1:1", ...silent },
    billed: 3,
  },
  {
    endpoint: "fal-ai/kling-video/o3/4k/text-to-video",
    unit: "seconds",
    input: { duration: "5", aspect_ratio: "16:9", ...silent },
    billed: 5,
  },
  {
    endpoint: "fal-ai/veo3.1",
    unit: "seconds",
    input: { duration: "4s", resolution: "720p", aspect_ratio: "16:9", ...silent },
    billed: 2,
  },
  {
    endpoint: "fal-ai/veo3.1/image-to-video",
    unit: "seconds",
    input: { image_url: FILE, duration: "4s", resolution: "720p", aspect_ratio: "16:9", ...silent },
    billed: 2,
  },
  {
    endpoint: "fal-ai/sora-2/image-to-video",
    unit: "seconds",
    input: { image_url: FILE, duration: 4, aspect_ratio: "16:9" },
    billed: 4,
  },
  {
    endpoint: "minimax/h3-max/image-to-video",
    unit: "units",
    input: { image_url: FILE, duration: 5, resolution: "768p" },
    billed: 8,
  },
  {
    endpoint: "xai/grok-imagine-video/image-to-video",
    unit: "units",
    input: { image_url: FILE, duration: 6, resolution: "720p", aspect_ratio: "16:9" },
    billed: 8.439999999999998,
  },
  {
    endpoint: "xai/grok-imagine-video/reference-to-video",
    unit: "units",
    input: { reference_image_urls: [FILE], duration: 6, resolution: "480p", aspect_ratio: "16:9" },
    billed: 6,
  },
  {
    endpoint: "xai/grok-imagine-video/edit-video",
    unit: "units",
    input: { video_url: FILE, resolution: "480p" },
    billed: 9.6,
  },
  {
    endpoint: "topaz/upscale/video/precision",
    unit: "units",
    input: { video_url: FILE, target: "1080p" },
    billed: 20,
  },
  { endpoint: "fal-ai/nano-banana-2/edit", unit: "images", input: { image_urls: [FILE] }, billed: 1 },
  {
    endpoint: "fal-ai/nano-banana-2",
    unit: "images",
    input: { resolution: "1K", thinking: "high" },
    billed: 1.025,
  },
  {
    endpoint: "fal-ai/nano-banana-pro",
    unit: "images",
    input: { num_images: 1, resolution: "1K" },
    billed: 1,
  },
  {
    endpoint: "fal-ai/nano-banana-pro",
    unit: "images",
    input: { num_images: 1, resolution: "4K" },
    billed: 2,
  },
  {
    endpoint: "fal-ai/gpt-image-1.5",
    unit: "units",
    input: { num_images: 1, image_size: "1024x1024", quality: "low" },
    billed: 0.02,
  },
  {
    endpoint: "fal-ai/gpt-image-1.5/edit",
    unit: "units",
    input: { image_urls: [FILE], num_images: 1, quality: "low" },
    billed: 0.02,
  },
  {
    endpoint: "xai/grok-imagine-image/edit",
    unit: "images",
    input: { image_urls: [FILE], num_images: 1, resolution: "1k" },
    billed: 1.1,
  },
  {
    endpoint: "fal-ai/qwen-image",
    unit: "megapixels",
    input: { num_images: 1, image_size: "square_hd" },
    billed: 1,
  },
  {
    endpoint: "fal-ai/qwen-image-edit",
    unit: "images",
    input: { image_url: FILE, num_images: 1 },
    billed: 1,
  },
  {
    endpoint: "fal-ai/bytedance/seedream/v5/lite/text-to-image",
    unit: "images",
    input: { num_images: 1 },
    billed: 1,
  },
  { endpoint: "fal-ai/wan/v2.7/pro/text-to-image", unit: "images", input: { max_images: 1 }, billed: 1 },
  {
    endpoint: "fal-ai/flux/schnell",
    unit: "megapixels",
    input: { image_size: { width: 1024, height: 1024 } },
    billed: 1,
  },
  {
    endpoint: "fal-ai/flux/schnell",
    unit: "megapixels",
    input: { image_size: { width: 1920, height: 1080 }, num_images: 2 },
    billed: 4,
  },
  { endpoint: "fal-ai/kling-video/create-voice", unit: "requests", input: { voice_url: FILE }, billed: 1 },
];
