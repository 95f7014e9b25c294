import { type Clock, systemClock } from "../base/clock.ts";
import type { Jwks } from "./keys.ts";
import { HEADERS, signedMessage } from "./signed.ts";

/** A key pair for tests: what signs, and what a receiver trusts then. */
export interface WebhookKeys {
  readonly privateKey: CryptoKey;
  /** For `receiveWebhook(…, { jwks })`. */
  readonly jwks: Jwks;
}

/** Makes a new Ed25519 key pair, for tests of your own receiver. */
export async function webhookKeys(): Promise<WebhookKeys> {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const { kty = "OKP", crv = "Ed25519", x = "" } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { privateKey: pair.privateKey, jwks: { keys: [{ kty, crv, x }] } };
}

export interface SignOptions {
  readonly keys: WebhookKeys;
  /** @default the body's `request_id` */
  readonly requestId?: string;
  /** @default "test-user" */
  readonly userId?: string;
  /** When it is signed: now, by this clock. @default the system's */
  readonly clock?: Clock;
}

/** A webhook as fal would send it; `receiveWebhook` takes it as it is, or as `new Request(url, { method, headers, body })`. */
export interface SignedWebhook {
  readonly headers: Readonly<Record<string, string>>;
  readonly rawBody: Uint8Array<ArrayBuffer>;
}

/** Signs a test's own webhook, such as `{ request_id, status: "OK", payload }`. A text is signed as it is. */
export async function signWebhook(
  body: { readonly request_id?: string; readonly [field: string]: unknown } | string,
  { keys, requestId, userId = "test-user", clock = systemClock }: SignOptions,
): Promise<SignedWebhook> {
  const rawBody = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
  const own = typeof body === "string" ? undefined : body.request_id;
  const facts = {
    requestId: requestId ?? own ?? "test-request",
    userId,
    timestamp: String(Math.floor(clock.now() / 1000)),
  };
  const signature = await crypto.subtle.sign("Ed25519", keys.privateKey, await signedMessage(facts, rawBody));
  return {
    rawBody,
    headers: {
      "content-type": "application/json",
      [HEADERS.requestId]: facts.requestId,
      [HEADERS.userId]: facts.userId,
      [HEADERS.timestamp]: facts.timestamp,
      [HEADERS.signature]: Array.from(new Uint8Array(signature), (b) => b.toString(16).padStart(2, "0")).join(
        "",
      ),
    },
  };
}
