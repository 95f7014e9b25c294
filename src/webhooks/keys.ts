import * as z from "zod/mini";
import { bytesOf } from "../base/bounded-body.ts";
import { type Clock, inTime } from "../base/clock.ts";
import { abortable } from "../base/signal.ts";
import { uncached } from "../base/transport.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { WebhookError } from "../errors/webhooks.ts";

/** Public keys as RFC 7517 and RFC 8037 word them. */
export interface Jwks {
  readonly keys: readonly { readonly kty?: string; readonly crv?: string; readonly x?: string }[];
}

export interface KeyRing {
  /** Whether one of the keys made the signature. @throws {WebhookError} where no keys can be had. */
  verifies(signature: BufferSource, message: BufferSource, clock: Clock): Promise<boolean>;
}

/** fal asks for no more: https://fal.ai/docs/documentation/model-apis/inference/webhooks */
const KEPT_MS = 24 * 60 * 60_000;
/** Hooks that nobody signed must not turn into requests to fal, so keys are asked for no more often. */
const PAUSE_MS = 60_000;
const TIMEOUT_MS = 10_000;
const MOST_BYTES = 2 ** 20;

/** Keys from an address, kept for a day, and asked for anew when none fits: fal may have changed them. */
export function remoteKeys(url: string, fetch: typeof globalThis.fetch): KeyRing {
  let held: { readonly keys: readonly CryptoKey[]; readonly at: number } | undefined;
  let lastAsked = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;

  const ask = (clock: Clock): Promise<void> => {
    asking ??= (async () => {
      lastAsked = clock.now();
      try {
        held = { keys: await importKeys(await download(url, fetch, clock)), at: clock.now() };
      } finally {
        asking = undefined;
      }
    })();
    return asking;
  };
  const mayAsk = (clock: Clock) => asking !== undefined || Math.abs(clock.now() - lastAsked) >= PAUSE_MS;

  return {
    async verifies(signature, message, clock) {
      const isFresh = () => held !== undefined && clock.now() - held.at < KEPT_MS;
      if (isFresh() && (await anyVerifies(held?.keys ?? [], signature, message))) return true;
      if (!mayAsk(clock)) {
        if (isFresh()) return false;
        throw unavailable(url, "the last attempt failed less than a minute ago");
      }
      try {
        await ask(clock);
      } catch (error) {
        throw unavailable(url, error instanceof Error ? error.message : String(error), error);
      }
      return anyVerifies(held?.keys ?? [], signature, message);
    },
  };
}

/** Keys that are known already: a test's, or a copy of fal's. */
export function localKeys(jwks: Jwks): KeyRing {
  const keys = importKeys(jwks).catch((cause: unknown) => {
    throw new InvalidArgumentError("jwks holds no usable Ed25519 key.", { cause });
  });
  keys.catch(() => {});
  return { verifies: async (signature, message) => anyVerifies(await keys, signature, message) };
}

async function anyVerifies(
  keys: readonly CryptoKey[],
  signature: BufferSource,
  message: BufferSource,
): Promise<boolean> {
  for (const key of keys) if (await crypto.subtle.verify("Ed25519", key, signature, message)) return true;
  return false;
}

const KeySet = z.looseObject({
  keys: z.array(
    z.looseObject({ kty: z.optional(z.string()), crv: z.optional(z.string()), x: z.optional(z.string()) }),
  ),
});

function download(url: string, fetch: typeof globalThis.fetch, clock: Clock): Promise<Jwks> {
  const late = new Error(`no answer within ${TIMEOUT_MS / 1000} s`);
  return inTime(clock, TIMEOUT_MS, late, async (signal) => {
    // Not "error", which some runtimes do not know.
    const response = await fetch(url, { redirect: "manual", signal, ...uncached() });
    if (!response.ok) throw new Error(`it answered ${response.status || "with a redirect"}`);
    const bytes = await bytesOf(response, {
      mostBytes: MOST_BYTES,
      within: (next) => abortable(next(), signal),
    });
    return z.parse(KeySet, JSON.parse(new TextDecoder().decode(bytes))) as Jwks;
  });
}

/** Entries for other algorithms are not ours to use; a set without any of ours cannot be right. */
async function importKeys({ keys }: Jwks): Promise<CryptoKey[]> {
  const points = keys
    .filter(({ kty, crv }) => (kty ?? "OKP") === "OKP" && (crv ?? "Ed25519") === "Ed25519")
    .flatMap(({ x }) => pointOf(x) ?? []);
  if (points.length === 0) throw new Error("it holds no Ed25519 key");
  return Promise.all(
    points.map((point) => crypto.subtle.importKey("raw", point, "Ed25519", false, ["verify"])),
  );
}

const POINT_BYTES = 32;

function pointOf(x: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  if (x === undefined || !/^[\w-]+=*$/.test(x)) return undefined;
  const bytes = Uint8Array.from(
    atob(x.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "")),
    (char) => char.charCodeAt(0),
  );
  return bytes.length === POINT_BYTES ? bytes : undefined;
}

const unavailable = (url: string, why: string, cause?: unknown) =>
  new WebhookError(
    "keys_unavailable",
    `The keys to check the webhook with could not be had from ${url} (${why}). Answer with a 503, so that fal sends ` +
      "it again.",
    { cause },
  );
