/**
 * Webhooks from fal, checked and read in one call, as `fal-chain/webhooks`. It needs no client and no key, and nothing
 * but `fetch` and WebCrypto with Ed25519 (Node, Deno, Bun, Workers).
 *
 * @example
 * ```ts
 * export async function POST(request: Request): Promise<Response> {
 *   try {
 *     const hook = await receiveWebhook(request);
 *     await keep(hook.requestId, hook.payload); // once for each requestId: a hook may come again
 *     return new Response(null, { status: 204 });
 *   } catch (error) {
 *     if (error instanceof WebhookError) return new Response(error.message, { status: error.status });
 *     throw error;
 *   }
 * }
 * ```
 * @module
 */
export type { WebhookErrorCode } from "../errors/codes.ts";
export { WebhookError } from "../errors/webhooks.ts";
export type { Jwks } from "./keys.ts";
export { type RawWebhook, receiveWebhook, type Webhook, type WebhookOptions } from "./receive.ts";
export type { HeadersLike } from "./request.ts";
export { type SignedWebhook, type SignOptions, signWebhook, type WebhookKeys, webhookKeys } from "./sign.ts";
