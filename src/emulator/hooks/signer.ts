import { createHash, createPrivateKey, type KeyObject, sign } from "node:crypto";

export interface HookSigner {
  /** What `/.well-known/jwks.json` gives. */
  readonly jwks: { readonly keys: readonly { kty: string; crv: string; x: string }[] };
  /** The headers of a webhook. A forged one is signed with a key that is not published. */
  headers(hook: { requestId: string; userId: string; at: number }, body: string, forged: boolean): Headers;
}

/**
 * Keys that are no secret, and the same in every emulator: a receiver that has kept them trusts one that was started
 * again. Two are published, as they are while fal changes its key; the second one signs.
 */
const FORMER = { x: "uzof3IKFfkPVCDl9jCndgTy3l7bahEa7mLf7mZW2b4o" };
const CURRENT = {
  d: "S4x63Wm99t3mT6Sbwz_QRIEbNSRmjJ7On_8U0ajio7c",
  x: "0TAZjaM4mmrAKzbIfp_clTu8YSfC2-E8hTshM5EsiDU",
};
const STRANGER = {
  d: "LOmtWvBp4-zluMiAMnwlfWhToTKvz4-oeryf746-rhA",
  x: "HWEnTYghrsBGOtdXQasDQzAuqSKc2RjdI4NzMn6qer8",
};

const ED25519 = { kty: "OKP", crv: "Ed25519" };

const keyOf = (pair: { d: string; x: string }): KeyObject =>
  createPrivateKey({ key: { ...ED25519, ...pair }, format: "jwk" });

/** Signs as fal does: https://fal.ai/docs/documentation/model-apis/inference/webhooks */
export function createHookSigner(): HookSigner {
  const [current, stranger] = [keyOf(CURRENT), keyOf(STRANGER)];
  return {
    jwks: { keys: [FORMER, CURRENT].map(({ x }) => ({ ...ED25519, x })) },
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
