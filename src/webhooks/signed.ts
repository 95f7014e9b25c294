import { sha256 } from "../base/sha256.ts";

/** Source: https://fal.ai/docs/documentation/model-apis/inference/webhooks */
export const HEADERS = {
  requestId: "x-fal-webhook-request-id",
  userId: "x-fal-webhook-user-id",
  timestamp: "x-fal-webhook-timestamp",
  signature: "x-fal-webhook-signature",
} as const;

/** What a webhook says of itself in its headers, without the signature. */
export interface SignedFacts {
  readonly requestId: string;
  readonly userId: string;
  /** Unix seconds. */
  readonly timestamp: string;
}

/** The bytes that are signed: three headers and the digest of the body, one a line. */
export async function signedMessage(
  { requestId, userId, timestamp }: SignedFacts,
  body: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  return new TextEncoder().encode([requestId, userId, timestamp, await sha256(body)].join("\n"));
}
