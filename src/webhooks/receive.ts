import * as z from "zod/mini";
import { type Clock, systemClock } from "../base/clock.ts";
import { parseForeign } from "../base/json.ts";
import { isLoopback } from "../base/urls.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { WebhookError } from "../errors/webhooks.ts";
import { type Jwks, type KeyRing, localKeys, remoteKeys } from "./keys.ts";
import { type HeadersLike, readBody, readHeaders } from "./request.ts";
import { signedMessage } from "./signed.ts";

export interface WebhookOptions {
  /** Where fal's public keys are. https, or a loopback address. @default fal's own */
  readonly jwksUrl?: string;
  /** The keys to trust, instead of asking for fal's: in tests those of `webhookKeys()`. */
  readonly jwks?: Jwks;
  /** The longest body that is read, in bytes. @default 33554432, which is 32 MiB */
  readonly maxBytes?: number;
  /** How long the body may take to come, in milliseconds. @default 10000: fal itself waits 15 s for the answer */
  readonly timeout?: number;
  /** @default the global fetch */
  readonly fetch?: typeof fetch;
  /** Time as a parameter, for tests. */
  readonly clock?: Clock;
}

/** A webhook that is fal's. It may come more than once: act on each `requestId` once. */
export interface Webhook<T = unknown> {
  /** The id that the submit gave. */
  readonly requestId: string;
  /** The last attempt's own id, where fal ran the request again. */
  readonly gatewayRequestId: string | undefined;
  /** The account that the request belongs to. */
  readonly userId: string;
  readonly status: "OK" | "ERROR";
  /**
   * With `OK` the model's output, with `ERROR` the body of its error; null where `payloadError` is set. What lies deeper than
   * some 500 levels in it is its text.
   */
  readonly payload: T;
  /** What went wrong with the request. */
  readonly error: string | undefined;
  /** Why there is no payload, though there is a result: it is no JSON. */
  readonly payloadError: string | undefined;
  /** When it was signed, in milliseconds since the epoch. */
  readonly sentAt: number;
}

/** What a server has of a request besides a web-standard `Request`. The bytes are those that came over the wire. */
export interface RawWebhook {
  readonly headers: HeadersLike;
  readonly rawBody: Uint8Array | ArrayBuffer | string;
}

const FAL_JWKS_URL = "https://rest.fal.ai/.well-known/jwks.json";
const TOLERANCE_MS = 300_000;
const MOST_BYTES = 32 * 2 ** 20;
const PATIENCE_MS = 10_000;

/**
 * Checks that a webhook comes from fal, and reads it. Answer it with a 2xx once what it says is kept; fal sends it again
 * otherwise.
 *
 * @throws {WebhookError} for whatever must not be acted on. `error.status` is what to answer with.
 */
export async function receiveWebhook<T = unknown>(
  request: Request | RawWebhook,
  options: WebhookOptions = {},
): Promise<Webhook<T>> {
  const { clock = systemClock, maxBytes = MOST_BYTES, timeout = PATIENCE_MS } = options;
  checkBound("maxBytes", maxBytes);
  checkBound("timeout", timeout);
  const keys = keysOf(options);
  const { signature, ...facts } = readHeaders(request.headers);
  const sentAt = Number(facts.timestamp) * 1000;
  if (Math.abs(clock.now() - sentAt) > TOLERANCE_MS) {
    throw new WebhookError(
      "stale_timestamp",
      `The webhook was signed ${Math.round((clock.now() - sentAt) / 1000)} s ago; more than 300 s either way is not ` +
        "accepted. Check this machine's clock.",
    );
  }
  const body = await readBody(request, { maxBytes, timeout, clock });
  if (!(await keys.verifies(signature, await signedMessage(facts, body), clock))) {
    throw new WebhookError(
      "bad_signature",
      "The webhook's signature is by none of fal's keys. It is not from fal, or its body is not byte for byte what " +
        "came over the wire.",
    );
  }
  return { ...(parse(body) as Omit<Webhook<T>, "userId" | "sentAt">), userId: facts.userId, sentAt };
}

/** @throws {InvalidArgumentError} for what would be no bound at all, as NaN is. */
function checkBound(name: string, value: number): void {
  if (value >= 1) return;
  throw new InvalidArgumentError(`${name} is ${String(value)}; it is a number from 1 up.`);
}

const Body = z.looseObject({
  request_id: z.string(),
  gateway_request_id: z.optional(z.nullable(z.string())),
  status: z.enum(["OK", "ERROR"]),
  payload: z.optional(z.unknown()),
  error: z.optional(z.nullable(z.string())),
  payload_error: z.optional(z.nullable(z.string())),
});

function parse(bytes: Uint8Array) {
  try {
    const body = z.parse(Body, parseForeign(new TextDecoder().decode(bytes)));
    return {
      requestId: body.request_id,
      gatewayRequestId: body.gateway_request_id ?? undefined,
      status: body.status,
      payload: body.payload ?? null,
      error: body.error ?? undefined,
      payloadError: body.payload_error ?? undefined,
    };
  } catch {
    // Without the cause: it would quote the payload.
    throw new WebhookError(
      "malformed_body",
      "The webhook is signed by fal, but its body is not a webhook's.",
    );
  }
}

/** One ring for each address and way to reach it, however the options are written. */
const rings = new WeakMap<typeof fetch, Map<string, KeyRing>>();
const local = new WeakMap<Jwks, KeyRing>();

function keysOf({ jwks, jwksUrl = FAL_JWKS_URL, fetch = globalThis.fetch }: WebhookOptions): KeyRing {
  if (jwks) return upsert(local, jwks, () => localKeys(jwks));
  const url = URL.parse(jwksUrl);
  if (url?.protocol !== "https:" && !(url?.protocol === "http:" && isLoopback(url.hostname))) {
    throw new InvalidArgumentError(
      "jwksUrl is neither https nor a loopback address: whoever can change what it gives could sign webhooks.",
    );
  }
  const byUrl = upsert(rings, fetch, () => new Map<string, KeyRing>());
  return upsert(byUrl, url.href, () => remoteKeys(url.href, fetch));
}

function upsert<K, V>(
  map: { get(key: K): V | undefined; set(key: K, value: V): unknown },
  key: K,
  make: () => V,
): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
