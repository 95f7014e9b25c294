import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";

export interface HookSigner {
  /** What `/.well-known/jwks.json` gives. */
  readonly jwks: { readonly keys: readonly { kty: string; crv: string; x: string }[] };
  /** The headers of a webhook. A forged one is signed with a key that is not published. */
  headers(hook: { requestId: string; userId: string; at: number }, body: string, forged: boolean): Headers;
}

/** Before the 32 bytes of an Ed25519 key in PKCS #8: https://www.rfc-editor.org/rfc/rfc8410 */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * Signs as fal does: https://fal.ai/docs/documentation/model-apis/inference/webhooks. The keys depend on the seed, so
 * that a receiver which has kept them still trusts an emulator that was started again. Two are published, as they are
 * while fal changes its key; the second one signs.
 */
export function createHookSigner(seed: number): HookSigner {
  const keyOf = (name: string): KeyObject => {
    const secret = createHash("sha256")
      .update(JSON.stringify([seed, "webhook", name]))
      .digest();
    return createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: "der", type: "pkcs8" });
  };
  const [former, current, stranger] = [keyOf("former"), keyOf("current"), keyOf("stranger")];

  return {
    jwks: { keys: [former, current].map(publicPart) },
    headers({ requestId, userId, at }, body, forged) {
      const timestamp = String(Math.floor(at / 1000));
      const digest = createHash("sha256").update(body).digest("hex");
      const message = [requestId, userId, timestamp, digest].join("\n");
      return new Headers({
        "content-type": "application/json",
        "x-fal-webhook-request-id": requestId,
        "x-fal-webhook-user-id": userId,
        "x-fal-webhook-timestamp": timestamp,
        "x-fal-webhook-signature": sign(null, Buffer.from(message), forged ? stranger : current).toString(
          "hex",
        ),
      });
    },
  };
}

function publicPart(key: KeyObject) {
  const { kty = "", crv = "", x = "" } = createPublicKey(key).export({ format: "jwk" });
  return { kty, crv, x };
}
