import { bytesOf, TooManyBytes } from "../base/bounded-body.ts";
import { type Clock, inTime } from "../base/clock.ts";
import { abortable } from "../base/signal.ts";
import { WebhookError } from "../errors/webhooks.ts";
import { HEADERS, type SignedFacts } from "./signed.ts";

/** Web-standard headers, or those of Node's `IncomingMessage`. */
export type HeadersLike = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** @throws {WebhookError} naming the header that is missing or strange. */
export function readHeaders(headers: HeadersLike): SignedFacts & { signature: Uint8Array<ArrayBuffer> } {
  const get = getter(headers);
  const read = (name: string, form: RegExp): string => {
    const value = get(name);
    if (value === undefined || value === "") {
      throw new WebhookError(
        "missing_header",
        `The webhook has no header ${name}. It is not from fal, or something on the way took it off.`,
      );
    }
    if (!form.test(value)) {
      throw new WebhookError(
        "malformed_header",
        `The webhook's header ${name} is not of the form that fal sends.`,
      );
    }
    return value;
  };
  return {
    requestId: read(HEADERS.requestId, /^[^\r\n]+$/),
    userId: read(HEADERS.userId, /^[^\r\n]+$/),
    timestamp: read(HEADERS.timestamp, /^\d{1,15}$/),
    signature: fromHex(read(HEADERS.signature, /^[0-9a-f]{128}$/i)),
  };
}

/** One value for a name in any case; of a header that came twice, none. */
function getter(headers: HeadersLike): (name: string) => string | undefined {
  if (headers instanceof Headers) return (name) => headers.get(name) ?? undefined;
  const lower = new Map(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => {
    const value = lower.get(name);
    return typeof value === "string" ? value : value?.length === 1 ? value[0] : undefined;
  };
}

/** How much of a body is read, and for how long. */
export interface BodyBounds {
  readonly maxBytes: number;
  readonly timeout: number;
  readonly clock: Clock;
}

/**
 * @throws {WebhookError} where the bytes are gone: a signature cannot be checked against anything else. And where there
 * are too many of them, or they come too slowly: who sends them need not be fal.
 */
export async function readBody(
  request: Request | { readonly rawBody?: unknown },
  bounds: BodyBounds,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = request instanceof Request ? await streamed(request, bounds) : given(request);
  if (bytes.byteLength > bounds.maxBytes) throw tooLarge(bounds);
  return bytes;
}

async function streamed(request: Request, bounds: BodyBounds): Promise<Uint8Array<ArrayBuffer>> {
  const { maxBytes, timeout, clock } = bounds;
  if (request.bodyUsed)
    throw notRaw("The body of this Request has been read already; give receiveWebhook a clone.");
  const late = new WebhookError(
    "body_too_slow",
    `The webhook's body did not come within ${timeout / 1000} s.`,
  );
  try {
    return await inTime(clock, timeout, late, (signal) =>
      bytesOf(request, { mostBytes: maxBytes, within: (next) => abortable(next(), signal) }),
    );
  } catch (error) {
    throw error instanceof TooManyBytes ? tooLarge(bounds) : error;
  }
}

function given({ rawBody }: { readonly rawBody?: unknown }): Uint8Array<ArrayBuffer> {
  if (typeof rawBody === "string") return new TextEncoder().encode(rawBody);
  if (rawBody instanceof ArrayBuffer) return new Uint8Array(rawBody);
  if (rawBody instanceof Uint8Array) return new Uint8Array(rawBody);
  throw notRaw(
    rawBody === undefined
      ? "There is no rawBody. Give { headers, rawBody } with the bytes as they came over the wire."
      : "rawBody is not bytes or text: it has been parsed.",
  );
}

const tooLarge = ({ maxBytes }: BodyBounds) =>
  new WebhookError(
    "body_too_large",
    `The webhook's body is longer than ${maxBytes} bytes. Set maxBytes where results are larger.`,
  );

const notRaw = (problem: string) =>
  new WebhookError(
    "body_not_raw",
    `${problem} The signature is over the raw bytes, which JSON that was parsed and written again is not. With Express, ` +
      'use express.raw({ type: "application/json" }) on this route, and give { headers: req.headers, rawBody: req.body }.',
  );

const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
